"""A framework's context and the C++ one it was made of, which knows what is stored."""

from __future__ import annotations

import weakref
from typing import Any, Generic, Optional, TypeVar

from . import _core
from .errors import StorageError

Owner = TypeVar("Owner")
Twin = TypeVar("Twin")


class Twins(Generic[Owner, Twin]):
    """The twin of each object, as long as that lives. By identity: the frameworks' contexts compare
    by content and have no hash, and a copy of one is not what was loaded."""

    def __init__(self) -> None:
        self._twins: dict[int, tuple[weakref.ref[Any], Twin]] = {}

    def attach(self, owner: Owner, twin: Twin) -> None:
        place = id(owner)
        twins = self._twins
        self._twins[place] = (weakref.ref(owner, lambda _: twins.pop(place, None)), twin)

    def of(self, owner: Owner) -> Optional[Twin]:
        found = self._twins.get(id(owner))
        return None if found is None else found[1]

    def forget(self, owner: Owner) -> None:
        self._twins.pop(id(owner), None)

    def __len__(self) -> int:
        return len(self._twins)


def was_merged(core: _core.Context) -> bool:
    """Whether its last save put others' content into it; that may have failed then."""
    try:
        return core.was_merged()
    except StorageError:  # another save of it is under way, and whoever awaits that asks
        return False
