"""Chatsky's turns in the form of the rows, which C++ and DFF bots read too, and back.

A label is an array of two strings; a message keeps its fields. Chatsky pickles what has no JSON,
and unpickles it when it reads: then whoever can write to the store runs code in the bot. So pickles
are neither stored nor handed to it, unless the storage was told so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from . import _core

FIELDS = {
    "labels": _core.TurnPart.LABEL,
    "requests": _core.TurnPart.REQUEST,
    "responses": _core.TurnPart.RESPONSE,
}
_PICKLED = "__pickled_extra_fields__"


def to_text(field: str, value: bytes, allow_pickle: bool) -> str:
    """The text to store. Raises TypeError for values that only pickle could store."""
    text = _core.stored_value(value, FIELDS[field], allow_pickle)
    if text is not None:
        return text
    content = json.loads(value)
    if field == "labels":
        return _text_of([content["flow_name"], content["node_name"]])
    if not allow_pickle:
        for holder in _dictionaries(content):
            if _PICKLED in holder:
                names = ", ".join(map(repr, holder[_PICKLED]))
                raise TypeError(
                    f"{field}: {names} has no JSON and would be pickled; make it JSON, or open the "
                    "storage with allow_pickle=True if nobody else can write to the store"
                )
        _forget_update(content)
    return _text_of(content)


def value_of(core: _core.Context, field: str, index: int, allow_pickle: bool) -> bytes:
    part = FIELDS[field]
    value = _core.chatsky_value(core, index, part, allow_pickle)
    if value is not None:
        return value
    return _from_text(field, core.part(index, part) or "", allow_pickle)


def _from_text(field: str, text: str, allow_pickle: bool) -> bytes:
    content = json.loads(text)
    if field == "labels":
        flow, node = content
        return _text_of({"flow_name": flow, "node_name": node}).encode()
    if content.get("commands", ()) is None:
        del content["commands"]  # a field of DFF's
    if not allow_pickle:
        for holder in _dictionaries(content):
            holder.pop(_PICKLED, None)
        _forget_update(content)
    return _text_of(content).encode()


def _forget_update(message: dict[str, Any]) -> None:
    # The messenger's own object that a message was made of; Chatsky always pickles it.
    origin = message.get("origin")
    if isinstance(origin, dict):
        origin.pop("message", None)


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for held in list(value.values()):
            yield from _dictionaries(held)
    elif isinstance(value, list):
        for held in value:
            yield from _dictionaries(held)


def _text_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
