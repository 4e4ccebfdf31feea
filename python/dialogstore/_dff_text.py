"""DFF's contexts as JSON and back, equal to what they were.

The JSON is DFF's own. What it cannot say is said in members that DFF ignores or keeps: the class of
a message or an attachment that is not the declared one, and that an id is a string though it looks
like a UUID. Classes are only ever looked for among those that the program itself has defined.
"""

from __future__ import annotations

import json
import re
from typing import Any, Optional
from uuid import UUID

from dff.script import Context, Message
from dff.script.core.message import Attachment, Attachments, Command, DataModel
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from . import _core

_CLASS = "dialogstore:class"
_ID_IS_TEXT = "dialogstore:id_is_text"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What DFF itself makes of JSON without being told.
_DECLARED = (Message, Attachments, Attachment, Command)
_known_classes: dict[str, type[BaseModel]] = {}


def to_text(context: Context) -> str:
    """Raises what pydantic does for values that JSON has not, as DFF's own storages do."""
    text: str = context.model_dump_json()
    is_text = isinstance(context.id, str) and _UUID.fullmatch(context.id) is not None
    if type(context) is Context and not is_text and not _needs_tags(context):
        return text
    content = json.loads(text)
    for name in ("requests", "responses"):
        content[name] = {i: _tagged(message) for i, message in getattr(context, name).items()}
    if is_text:
        content[_ID_IS_TEXT] = True
    if type(context) is not Context:
        content[_CLASS] = _name_of(type(context))
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Context:
    content = json.loads(text)  # and no model_validate_json, which takes longer
    is_text = content.pop(_ID_IS_TEXT, False)
    kind = _class_of(content.pop(_CLASS, None), Context) or Context
    if f'"{_CLASS}"' in text:
        for name in ("requests", "responses"):
            content[name] = {i: _untagged(value) for i, value in content[name].items()}
    context: Context = kind.model_validate(content)
    _restore_id(context, is_text)
    return context


def _restore_id(context: Context, is_text: bool) -> None:
    if not is_text and isinstance(context.id, str) and _UUID.fullmatch(context.id):
        context.id = UUID(context.id)


def is_told_by_fields(core: _core.Context) -> bool:
    """Whether the stored context is of DFF's own class, so that nothing but its fields tells."""
    return core.member(_core.Place.EXTRA, _CLASS) is None


def from_fields(core: _core.Context, fields: dict[str, Any]) -> Context:
    """`from_text` of a context whose sequences and dicts of state have been built."""
    identity = json.loads(core.id())
    is_text = core.member(_core.Place.EXTRA, _ID_IS_TEXT) is not None
    content: dict[str, Any] = {name: {} for name in fields}
    content["framework_states"] = fields["framework_states"]  # which may be wrong, for DFF
    content.update(id=identity, validation=core.validation())
    context: Context = Context.model_validate(content)
    vars(context).update(fields)
    _restore_id(context, is_text)
    return context


def message_of(text: str) -> Message:
    """One message of its JSON."""
    message: Message = Message.model_validate(_untagged(json.loads(text)))
    return message


def _needs_tags(context: Context) -> bool:
    messages = [*context.requests.values(), *context.responses.values()]
    return not all(map(_is_declared, messages))


def _is_declared(message: Message) -> bool:
    """Whether DFF makes the same of its JSON. Quick: it is asked of every message at every save."""
    if type(message) is not Message:
        return False
    if message.model_extra and any(map(_holds_model, message.model_extra.values())):
        return False
    if message.commands is not None and any(type(c) is not Command for c in message.commands):
        return False
    attachments = message.attachments
    return attachments is None or (
        type(attachments) is Attachments
        and all(type(file) is Attachment for file in attachments.files)
    )


def _holds_model(value: Any) -> bool:
    if isinstance(value, (list, tuple, set)):
        return any(map(_holds_model, value))
    if isinstance(value, dict):
        return any(map(_holds_model, value.values()))
    return isinstance(value, BaseModel)


def _tagged(value: Any) -> Any:
    """As JSON, every model with the name of its class unless that is the declared one."""
    if not _holds_model(value):
        return to_jsonable_python(value, fallback=_drop)
    if isinstance(value, dict):
        return {str(name): _tagged(held) for name, held in value.items()}
    if not isinstance(value, BaseModel):
        return list(map(_tagged, value))
    content = to_jsonable_python(value, fallback=_drop)
    content.update((name, _tagged(held)) for name, held in value if _holds_model(held))
    if isinstance(value, DataModel) and type(value) not in _DECLARED:
        content[_CLASS] = _name_of(type(value))
    return content


def _drop(_: Any) -> None:
    """For what a subclass holds beside a message's fields, such as a messenger's own update object:
    DFF leaves out all of it."""


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_untagged, value))
    if not isinstance(value, dict):
        return value
    content = {name: _untagged(held) for name, held in value.items()}
    kind = _class_of(content.get(_CLASS), DataModel)
    if kind is None:
        return content
    del content[_CLASS]
    return kind.model_validate(content)


def _name_of(kind: type[BaseModel]) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _class_of(name: Any, base: type[BaseModel]) -> Optional[type[BaseModel]]:
    """The class of that name among those derived from `base`; None when there is none here."""
    if not isinstance(name, str):
        return None
    found = _known_classes.get(name)
    if found is None:
        _learn(base)
        found = _known_classes.get(name)
    return found if found is not None and issubclass(found, base) else None


def _learn(base: type[BaseModel]) -> None:
    for kind in base.__subclasses__():
        _known_classes[_name_of(kind)] = kind
        _learn(kind)
