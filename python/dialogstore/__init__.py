"""Stores the context of every dialog in Redis, or in an embedded file that needs no server.

    with dialogstore.Storage("redis://localhost", on_conflict="merge") as storage:
        context = storage.get("user-1", dialogstore.Context())
        context.add_request("Hi!")
        context.add_response("Hello, what can I do for you?")
        storage["user-1"] = context  # sends only what is new

`dialogstore.dff` and `dialogstore.chatsky` are drop-in storages for those frameworks.
"""

from ._core import version as __version__
from .context import Context, Turn
from .errors import (
    ConflictError,
    FormatError,
    KeyError,
    StorageError,
    TimeoutError,
    UriError,
)
from .storage import CheckReport, Storage, TurnUpdate

__all__ = [
    "CheckReport",
    "ConflictError",
    "Context",
    "FormatError",
    "KeyError",
    "Storage",
    "StorageError",
    "TimeoutError",
    "Turn",
    "TurnUpdate",
    "UriError",
    "__version__",
]
