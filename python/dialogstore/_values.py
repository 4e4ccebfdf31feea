"""Between Python's values and the texts that the extension module speaks."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Optional, Union
from urllib.parse import quote

from . import _core

Json = Union[None, bool, int, float, str, Sequence["Json"], Mapping[str, "Json"]]
"""What a context may hold. Lists and dictionaries come back as such, tuples as lists."""

PARTS = {
    "label": _core.TurnPart.LABEL,
    "request": _core.TurnPart.REQUEST,
    "response": _core.TurnPart.RESPONSE,
}
POLICIES = {
    "fail": _core.ConflictPolicy.FAIL,
    "merge": _core.ConflictPolicy.MERGE,
    "overwrite": _core.ConflictPolicy.OVERWRITE,
}
HISTORIES = {"all": _core.History.ALL, "recent": _core.History.RECENT}


def to_text(value: Json) -> str:
    """As JSON. Raises ValueError for NaN and infinities, which JSON has not."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            # Escaped, a lone surrogate gets as far as the parser, whose refusal names the place.
            return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def from_text(text: str) -> Any:
    return json.loads(text)


def is_same(present: str, wanted: str) -> bool:
    """Whether two JSON texts say the same, spelled differently; 1 is not 1.0."""
    return json.dumps(json.loads(present)) == json.dumps(json.loads(wanted))


def message_text(message: Union[str, Mapping[str, Json]]) -> str:
    return to_text({"text": message} if isinstance(message, str) else message)


def key_bytes(key: Hashable) -> bytes:
    """The stored form of a key: that of `str(key)`, so that 1 and "1" are the same one."""
    return key if isinstance(key, bytes) else str(key).encode("utf-8", "surrogateescape")


def key_text(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def milliseconds(seconds: Optional[float]) -> Optional[int]:
    return None if seconds is None else max(0, round(seconds * 1000))


def policy_of(name: Optional[str]) -> Optional[_core.ConflictPolicy]:
    return None if name is None else POLICIES[name]


def history_of(name: Optional[str]) -> Optional[_core.History]:
    return None if name is None else HISTORIES[name]


def _option_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{round(value * 1000)}ms"  # of all options, durations alone have fractions
    return str(value)


def uri_with(uri: str, options: Mapping[str, Any]) -> str:
    """The URI with options added. What is wrong with them, the parser of URIs says."""
    if not options:
        return uri
    query = "&".join(
        f"{quote(name, safe='')}={quote(_option_text(value), safe='')}"
        for name, value in options.items()
    )
    return f"{uri}{'&' if '?' in uri else '?'}{query}"
