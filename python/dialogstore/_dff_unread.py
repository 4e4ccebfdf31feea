"""Messages of a loaded context that nobody has used yet.

A dialog has thousands of messages, and a bot looks at the last ones. So a load makes objects that
only know where their text is. Whatever is done with one first, reads it and makes it what pydantic
would have built at once, an object of DFF's `Message`.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import Any, Callable

from dff.script import Message

from ._core import read_message

# What Python looks up in the class of an object, past `__getattribute__`.
_NOT_OF_OBJECTS = frozenset(
    [
        *("__new__", "__init__", "__init_subclass__", "__subclasshook__", "__class_getitem__"),
        *("__class__", "__getattribute__", "__getattr__"),
    ]
)


def _reading(name: str) -> Callable[..., Any]:
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        read_message(self)
        return getattr(self, name)(*arguments, **named)

    return method


def _get(self: Any, name: str) -> Any:
    read_message(self)
    return getattr(self, name)


def _special_methods() -> dict[str, Any]:
    names = [
        name
        for name in dir(Message)
        if name.startswith("__")
        and not name.startswith(("__pydantic", "__get_pydantic"))
        and name not in _NOT_OF_OBJECTS
        and callable(getattr(Message, name))
    ]
    return {name: _reading(name) for name in names}


# Not as pydantic makes a class, which would compile a validator for it: nothing but `Message` is
# ever made or checked.
UnreadMessage: type[Message] = ABCMeta.__new__(
    type(Message),
    "UnreadMessage",
    (Message,),
    {
        "__doc__": "A message that was loaded and not used yet.",
        "__module__": __name__,
        "__slots__": (),
        # Whoever makes one of `type(message)` means DFF's class.
        "__new__": lambda _, *arguments, **named: Message(*arguments, **named),
        "__getattribute__": _get,
        **_special_methods(),
    },
)
