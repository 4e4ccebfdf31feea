"""The context of one dialog, as the C++ library keeps it: saving it sends only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Optional, Union

from . import _core
from ._values import PARTS, Json, from_text, message_text, to_text

Label = tuple[str, str]
Message = dict[str, Any]

_FIELDS = {
    "labels": _core.ContextField.LABELS,
    "requests": _core.ContextField.REQUESTS,
    "responses": _core.ContextField.RESPONSES,
    "misc": _core.ContextField.MISC,
    "framework_states": _core.ContextField.FRAMEWORK_STATES,
}


@dataclass(frozen=True)
class Turn:
    """What is stored under one turn's index."""

    index: int
    label: Optional[Label]
    request: Optional[Message]
    response: Optional[Message]


def turn_of(texts: tuple[int, Optional[str], Optional[str], Optional[str]]) -> Turn:
    index, label, request, response = texts
    return Turn(
        index,
        None if label is None else _label_of(label),
        None if request is None else from_text(request),
        None if response is None else from_text(response),
    )


def _label_of(text: str) -> Label:
    flow, node = from_text(text)
    return flow, node


class Members(MutableMapping[str, Any]):
    """Named JSON values of a context. What it gives are copies: to change one, set it again."""

    def __init__(self, core: _core.Context, place: _core.Place) -> None:
        self._core = core
        self._place = place

    def __getitem__(self, name: str) -> Any:
        text = self._core.member(self._place, name)
        if text is None:
            raise KeyError(name)
        return from_text(text)

    def __setitem__(self, name: str, value: Json) -> None:
        self._core.set_member(self._place, name, to_text(value))

    def __delitem__(self, name: str) -> None:
        if not self._core.erase_member(self._place, name):
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._core.members(self._place)])

    def __len__(self) -> int:
        return len(self._core.members(self._place))

    def __repr__(self) -> str:
        return repr(dict(self))


class Context:
    """Turns (labels, requests, responses by index) and state (`misc` …) of one dialog.

    Messages are dictionaries with DFF's fields (`text`, `commands`, `attachments`, `annotations`,
    `misc`) and any others; a string stands for a message with that text. Everything that is read is
    a copy: setters make changes. While a call saves the context, using it raises StorageError
    (`save_in_progress`).
    """

    def __init__(self, id: Optional[Union[str, int]] = None) -> None:
        self._core = _core.Context(None if id is None else to_text(id))

    @classmethod
    def _of(cls, core: _core.Context) -> Context:
        context = cls.__new__(cls)
        context._core = core
        return context

    @classmethod
    def from_json(cls, text: str) -> Context:
        """From the JSON that DFF writes. Unknown fields are kept."""
        return cls._of(_core.Context.from_json(text))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Context:
        return cls.from_json(to_text(content))

    def to_json(self) -> str:
        """The JSON that DFF reads. Raises StorageError (`partial_context`) after a load with
        `history="recent"` that left older turns in the store."""
        return self._core.to_json()

    def to_dict(self) -> dict[str, Any]:
        content: dict[str, Any] = from_text(self.to_json())
        return content

    @property
    def id(self) -> Union[str, int]:
        value: Union[str, int] = from_text(self._core.id())
        return value

    @id.setter
    def id(self, value: Union[str, int]) -> None:
        self._core.set_id(to_text(value))

    @property
    def validation(self) -> bool:
        return self._core.validation()

    @validation.setter
    def validation(self, value: bool) -> None:
        self._core.set_validation(value)

    @property
    def misc(self) -> Members:
        return Members(self._core, _core.Place.MISC)

    @property
    def framework_states(self) -> Members:
        return Members(self._core, _core.Place.FRAMEWORK_STATES)

    @property
    def extra(self) -> Members:
        """Top-level fields that DFF does not know."""
        return Members(self._core, _core.Place.EXTRA)

    # ---- turns -----------------------------------------------------------------------------------

    def add_label(self, label: Label) -> int:
        """Adds it behind the last one; the index it got."""
        return self._core.add_part(_core.TurnPart.LABEL, to_text(label))

    def add_request(self, message: Union[str, Mapping[str, Json]]) -> int:
        return self._core.add_part(_core.TurnPart.REQUEST, message_text(message))

    def add_response(self, message: Union[str, Mapping[str, Json]]) -> int:
        return self._core.add_part(_core.TurnPart.RESPONSE, message_text(message))

    @property
    def labels(self) -> dict[int, Label]:
        return {i: _label_of(text) for i, text in self._core.sequence(_core.TurnPart.LABEL)}

    @property
    def requests(self) -> dict[int, Message]:
        return {i: from_text(text) for i, text in self._core.sequence(_core.TurnPart.REQUEST)}

    @property
    def responses(self) -> dict[int, Message]:
        return {i: from_text(text) for i, text in self._core.sequence(_core.TurnPart.RESPONSE)}

    @property
    def last_label(self) -> Optional[Label]:
        text = self._core.last_part(_core.TurnPart.LABEL)
        return None if text is None else _label_of(text)

    @property
    def last_request(self) -> Optional[Message]:
        text = self._core.last_part(_core.TurnPart.REQUEST)
        return None if text is None else from_text(text)

    @property
    def last_response(self) -> Optional[Message]:
        text = self._core.last_part(_core.TurnPart.RESPONSE)
        return None if text is None else from_text(text)

    @property
    def turn_indices(self) -> list[int]:
        return self._core.turn_indices()

    def turn(self, index: int) -> Optional[Turn]:
        label, request, response = (self._core.part(index, part) for part in PARTS.values())
        if label is None and request is None and response is None:
            return None
        return turn_of((index, label, request, response))

    def set_label(self, index: int, label: Label) -> None:
        self._core.set_part(index, _core.TurnPart.LABEL, to_text(label))

    def set_request(self, index: int, message: Union[str, Mapping[str, Json]]) -> None:
        self._core.set_part(index, _core.TurnPart.REQUEST, message_text(message))

    def set_response(self, index: int, message: Union[str, Mapping[str, Json]]) -> None:
        self._core.set_part(index, _core.TurnPart.RESPONSE, message_text(message))

    def erase(self, index: int, part: str) -> bool:
        """Removes the `label`, the `request` or the `response` of one turn; True when there was
        one."""
        return self._core.erase(index, PARTS[part])

    def clear(
        self, hold_last_n: int, fields: Iterable[str] = ("requests", "responses", "labels")
    ) -> None:
        """Keeps the last turns of each sequence named; `misc` and `framework_states` are emptied
        when named."""
        for name in fields:
            self._core.clear_field(hold_last_n, _FIELDS[name])

    # ---- what the store knows of it --------------------------------------------------------------

    @property
    def is_complete(self) -> bool:
        """Every stored turn is here."""
        return self._core.is_complete()

    @property
    def has_changes(self) -> bool:
        return self._core.has_changes()

    @property
    def has_pending_save(self) -> bool:
        """A save ended with `outcome_unknown`; saving this object again settles it."""
        return self._core.has_pending_save()

    def copy(self) -> Context:
        """A copy remembers the same stored version: saving both is a conflict."""
        return self._of(self._core.copy())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Context):
            return NotImplemented
        return self._core.equals(other._core)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"<dialogstore.Context {self.id!r}, {len(self.turn_indices)} turns>"
