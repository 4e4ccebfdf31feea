"""The calls of a storage, ready to be started: each once for both faces of `Storage`."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Hashable, Iterable, Mapping
from functools import partial
from typing import Any, Callable, Optional, Union

from . import _core
from ._loop import forget_loops
from ._values import (
    Json,
    history_of,
    key_bytes,
    message_text,
    milliseconds,
    policy_of,
    to_text,
    uri_with,
)
from .context import Context, Label

Start = Callable[[Any, Any], Any]
"""With None and None it waits and returns the outcome; with arrivals and a future, a call."""

_open_storages: weakref.WeakSet[Calls] = weakref.WeakSet()


class Calls:
    def __init__(self, uri: str, options: Mapping[str, Any]) -> None:
        self._uri = uri_with(uri, options)
        self._native = _core.Storage(self._uri)
        _open_storages.add(self)

    @property
    def full_path(self) -> str:
        """The URI, without the password."""
        return self._native.full_path()

    @property
    def path(self) -> str:
        """The part behind `scheme://`."""
        return self._native.path()

    def close(self) -> None:
        """Ends waiting calls with `closed`. Idempotent; `with` and `async with` do it too."""
        self._native.close()

    def _contains(self, key: Hashable, timeout: Optional[float]) -> Start:
        return partial(self._native.contains, key_bytes(key), milliseconds(timeout))

    def _erase(self, key: Hashable, timeout: Optional[float]) -> Start:
        return partial(self._native.erase, key_bytes(key), milliseconds(timeout))

    def _watch(self, key: Hashable, begin: int, timeout: Optional[float]) -> Start:
        return partial(self._native.watch, key_bytes(key), begin, milliseconds(timeout))

    def _len(self, timeout: Optional[float]) -> Start:
        return partial(self._native.len, milliseconds(timeout))

    def _clear(self, timeout: Optional[float]) -> Start:
        return partial(self._native.clear, milliseconds(timeout))

    def _scan(
        self, cursor: str, page_size: int, newest_first: bool, timeout: Optional[float]
    ) -> Start:
        return partial(self._native.scan, cursor, page_size, newest_first, milliseconds(timeout))

    def _check(self, repair: bool, timeout: Optional[float]) -> Start:
        return partial(self._native.check, repair, milliseconds(timeout))

    def _statistics(self, timeout: Optional[float]) -> Start:
        return partial(self._native.statistics, milliseconds(timeout))

    def _find(self, key: Hashable, history: Optional[str], timeout: Optional[float]) -> Start:
        return partial(
            self._native.find, key_bytes(key), history_of(history), milliseconds(timeout)
        )

    def _find_many(
        self, keys: Iterable[Hashable], history: Optional[str], timeout: Optional[float]
    ) -> Start:
        stored = [key_bytes(key) for key in keys]
        return partial(self._native.find_many, stored, history_of(history), milliseconds(timeout))

    def _save(
        self,
        key: Hashable,
        context: Context,
        create: bool,
        on_conflict: Optional[str],
        timeout: Optional[float],
    ) -> Start:
        return partial(
            self._native.save,
            key_bytes(key),
            context._core,
            create,
            policy_of(on_conflict),
            milliseconds(timeout),
        )

    def _save_many(
        self,
        items: Iterable[tuple[Hashable, Context]],
        on_conflict: Optional[str],
        timeout: Optional[float],
    ) -> Start:
        pairs = [(key_bytes(key), context._core) for key, context in items]
        return partial(
            self._native.save_many,
            [key for key, _ in pairs],
            [context for _, context in pairs],
            policy_of(on_conflict),
            milliseconds(timeout),
        )

    def _erase_many(self, keys: Iterable[Hashable], timeout: Optional[float]) -> Start:
        return partial(
            self._native.erase_many, [key_bytes(key) for key in keys], milliseconds(timeout)
        )

    def _append(
        self,
        key: Hashable,
        label: Optional[Label],
        request: Optional[Union[str, Mapping[str, Json]]],
        response: Optional[Union[str, Mapping[str, Json]]],
        timeout: Optional[float],
    ) -> Start:
        return partial(
            self._native.append,
            key_bytes(key),
            None if label is None else to_text(label),
            None if request is None else message_text(request),
            None if response is None else message_text(response),
            milliseconds(timeout),
        )

    def _load_turns(self, key: Hashable, begin: int, end: int, timeout: Optional[float]) -> Start:
        return partial(self._native.load_turns, key_bytes(key), begin, end, milliseconds(timeout))

    def _open_again(self) -> None:
        self._native.abandon()
        self._native = _core.Storage(self._uri)


def _in_forked_child() -> None:
    """A storage's thread and its connection stayed with the parent: the child gets its own."""
    forget_loops()
    for storage in list(_open_storages):
        storage._open_again()


def _at_exit() -> None:
    for storage in list(_open_storages):
        storage.close()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_in_forked_child)
