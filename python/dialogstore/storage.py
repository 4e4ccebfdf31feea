"""The storage: contexts by key, for threads that wait and for event loops."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Callable, NamedTuple, Optional, TypeVar, Union, overload

from . import _core
from ._loop import forget_loops, outcome_of
from ._values import (
    Json,
    history_of,
    key_bytes,
    key_text,
    message_text,
    milliseconds,
    policy_of,
    to_text,
    uri_with,
)
from .context import Context, Label, Turn, turn_of
from .errors import StorageError

Default = TypeVar("Default")
Start = Callable[[Any, Any], Any]
_open_storages: weakref.WeakSet[Storage] = weakref.WeakSet()


class TurnUpdate(NamedTuple):
    """Turns that were saved, and the index to go on watching from."""

    turns: list[Turn]
    next_index: int


class CheckReport(NamedTuple):
    """What `check` found."""

    contexts: int
    unlisted: int
    listed_absent: int
    damaged: list[tuple[str, str]]
    repaired: int


class Storage:
    """Stores contexts by key, in what the URI names: `redis://…`, `sqlite:///…`, `memory://`.

    Every operation comes twice: a blocking one, which runs no event loop and lets other threads run
    while it waits, and `…_async`, to be awaited on any event loop. Both may be used at once, from
    any thread. A blocking one on an event loop's thread stops that loop meanwhile.

    `options` are those of the URI (`on_conflict="merge"`, `history="recent"`, `ttl="30d"`; durations
    also as a float of seconds; `namespace`, `timeout`, `cache` …). Keys are what `str(key)` gives;
    bytes stand for themselves. A call's `timeout` is in seconds.
    """

    def __init__(self, uri: str, **options: Any) -> None:
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

    # ---- one context -----------------------------------------------------------------------------

    def contains(self, key: Hashable, *, timeout: Optional[float] = None) -> bool:
        """Whether a context is stored under `key`."""
        found: bool = _waited(partial(self._native.contains, key_bytes(key), milliseconds(timeout)))
        return found

    async def contains_async(self, key: Hashable, *, timeout: Optional[float] = None) -> bool:
        found: bool = await outcome_of(
            partial(self._native.contains, key_bytes(key), milliseconds(timeout))
        )
        return found

    def get_item(
        self, key: Hashable, *, history: Optional[str] = None, timeout: Optional[float] = None
    ) -> Context:
        """The stored context. Raises KeyError when there is none."""
        return _context_or_raise(key, _waited(self._find(key, history, timeout)))

    async def get_item_async(
        self, key: Hashable, *, history: Optional[str] = None, timeout: Optional[float] = None
    ) -> Context:
        return _context_or_raise(key, await outcome_of(self._find(key, history, timeout)))

    @overload
    def get(
        self, key: Hashable, *, history: Optional[str] = None, timeout: Optional[float] = None
    ) -> Optional[Context]: ...
    @overload
    def get(
        self,
        key: Hashable,
        default: Default,
        *,
        history: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Union[Context, Default]: ...
    def get(
        self,
        key: Hashable,
        default: Any = None,
        *,
        history: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Any:
        """The stored context, or `default`. Saving a context given as default is a conflict when
        someone else created one meanwhile, so that no first turn is lost."""
        return self._or_default(key, default, _waited(self._find(key, history, timeout)))

    @overload
    async def get_async(
        self, key: Hashable, *, history: Optional[str] = None, timeout: Optional[float] = None
    ) -> Optional[Context]: ...
    @overload
    async def get_async(
        self,
        key: Hashable,
        default: Default,
        *,
        history: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Union[Context, Default]: ...
    async def get_async(
        self,
        key: Hashable,
        default: Any = None,
        *,
        history: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Any:
        return self._or_default(key, default, await outcome_of(self._find(key, history, timeout)))

    def set_item(
        self,
        key: Hashable,
        context: Context,
        *,
        on_conflict: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> None:
        """Stores `context`: what changed since it was loaded from here, or, if it was not, all of it
        in place of what is stored. Raises ConflictError (unless `on_conflict` says otherwise). When
        it fails with `outcome_unknown`, save the same object again."""
        _waited(self._save(key, context, False, on_conflict, timeout))

    async def set_item_async(
        self,
        key: Hashable,
        context: Context,
        *,
        on_conflict: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> None:
        await outcome_of(self._save(key, context, False, on_conflict, timeout))

    def create(self, key: Hashable, context: Context, *, timeout: Optional[float] = None) -> None:
        """Stores `context` only when nothing is stored; else ConflictError (`already_exists`)."""
        _waited(self._save(key, context, True, None, timeout))

    async def create_async(
        self, key: Hashable, context: Context, *, timeout: Optional[float] = None
    ) -> None:
        await outcome_of(self._save(key, context, True, None, timeout))

    def del_item(self, key: Hashable, *, timeout: Optional[float] = None) -> bool:
        """Removes the context; whether there was one."""
        removed: bool = _waited(partial(self._native.erase, key_bytes(key), milliseconds(timeout)))
        return removed

    async def del_item_async(self, key: Hashable, *, timeout: Optional[float] = None) -> bool:
        removed: bool = await outcome_of(
            partial(self._native.erase, key_bytes(key), milliseconds(timeout))
        )
        return removed

    # ---- turns -----------------------------------------------------------------------------------

    def append(
        self,
        key: Hashable,
        *,
        label: Optional[Label] = None,
        request: Optional[Union[str, Mapping[str, Json]]] = None,
        response: Optional[Union[str, Mapping[str, Json]]] = None,
        timeout: Optional[float] = None,
    ) -> int:
        """Adds one turn behind the last without loading the context; the index it got."""
        index: int = _waited(self._append(key, label, request, response, timeout))
        return index

    async def append_async(
        self,
        key: Hashable,
        *,
        label: Optional[Label] = None,
        request: Optional[Union[str, Mapping[str, Json]]] = None,
        response: Optional[Union[str, Mapping[str, Json]]] = None,
        timeout: Optional[float] = None,
    ) -> int:
        index: int = await outcome_of(self._append(key, label, request, response, timeout))
        return index

    def load_turns(
        self, key: Hashable, begin: int, end: int, *, timeout: Optional[float] = None
    ) -> list[Turn]:
        """The turns with begin <= index < end, in order."""
        return _turns_of(_waited(self._load_turns(key, begin, end, timeout)))

    async def load_turns_async(
        self, key: Hashable, begin: int, end: int, *, timeout: Optional[float] = None
    ) -> list[Turn]:
        return _turns_of(await outcome_of(self._load_turns(key, begin, end, timeout)))

    def watch(self, key: Hashable, begin: int, *, timeout: Optional[float] = None) -> TurnUpdate:
        """Waits until turns with an index >= `begin` are stored; none when the time is over."""
        turns, next_index = _waited(
            partial(self._native.watch, key_bytes(key), begin, milliseconds(timeout))
        )
        return TurnUpdate(_turns_of(turns), next_index)

    async def watch_async(
        self, key: Hashable, begin: int, *, timeout: Optional[float] = None
    ) -> TurnUpdate:
        turns, next_index = await outcome_of(
            partial(self._native.watch, key_bytes(key), begin, milliseconds(timeout))
        )
        return TurnUpdate(_turns_of(turns), next_index)

    # ---- many at once ----------------------------------------------------------------------------

    def get_items(
        self,
        keys: Iterable[Hashable],
        *,
        history: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> list[Optional[Context]]:
        """One entry for each key, in order, for about one round trip."""
        return _contexts_of(_waited(self._find_many(keys, history, timeout)))

    async def get_items_async(
        self,
        keys: Iterable[Hashable],
        *,
        history: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> list[Optional[Context]]:
        return _contexts_of(await outcome_of(self._find_many(keys, history, timeout)))

    def set_items(
        self,
        items: Iterable[tuple[Hashable, Context]],
        *,
        on_conflict: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> list[Optional[StorageError]]:
        """Saves each by itself; what went wrong with each, or None, in order."""
        errors: list[Optional[StorageError]] = _waited(
            self._save_many(items, on_conflict, timeout)
        )
        return errors

    async def set_items_async(
        self,
        items: Iterable[tuple[Hashable, Context]],
        *,
        on_conflict: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> list[Optional[StorageError]]:
        errors: list[Optional[StorageError]] = await outcome_of(
            self._save_many(items, on_conflict, timeout)
        )
        return errors

    def del_items(self, keys: Iterable[Hashable], *, timeout: Optional[float] = None) -> int:
        """How many of the keys there were."""
        count: int = _waited(self._erase_many(keys, timeout))
        return count

    async def del_items_async(
        self, keys: Iterable[Hashable], *, timeout: Optional[float] = None
    ) -> int:
        count: int = await outcome_of(self._erase_many(keys, timeout))
        return count

    # ---- the whole namespace ---------------------------------------------------------------------

    def len(self, *, timeout: Optional[float] = None) -> int:
        """How many contexts this namespace holds; counts nothing else."""
        count: int = _waited(partial(self._native.len, milliseconds(timeout)))
        return count

    async def len_async(self, *, timeout: Optional[float] = None) -> int:
        count: int = await outcome_of(partial(self._native.len, milliseconds(timeout)))
        return count

    def clear(self, *, timeout: Optional[float] = None) -> int:
        """Removes this namespace's contexts and nothing else; how many there were."""
        count: int = _waited(partial(self._native.clear, milliseconds(timeout)))
        return count

    async def clear_async(self, *, timeout: Optional[float] = None) -> int:
        count: int = await outcome_of(partial(self._native.clear, milliseconds(timeout)))
        return count

    def scan(
        self,
        *,
        newest_first: bool = False,
        page_size: int = 1000,
        timeout: Optional[float] = None,
    ) -> Iterator[str]:
        """All keys, a page at a time. One that comes or goes meanwhile may be listed or not; one may
        be listed twice."""
        cursor = ""
        while True:
            keys, cursor = _waited(
                partial(self._native.scan, cursor, page_size, newest_first, milliseconds(timeout))
            )
            yield from map(key_text, keys)
            if not cursor:
                return

    async def scan_async(
        self,
        *,
        newest_first: bool = False,
        page_size: int = 1000,
        timeout: Optional[float] = None,
    ) -> AsyncIterator[str]:
        cursor = ""
        while True:
            keys, cursor = await outcome_of(
                partial(self._native.scan, cursor, page_size, newest_first, milliseconds(timeout))
            )
            for key in keys:
                yield key_text(key)
            if not cursor:
                return

    def check(self, *, repair: bool = False, timeout: Optional[float] = None) -> CheckReport:
        """Compares the listing with what is stored and every context with its checksums."""
        return CheckReport(*_waited(partial(self._native.check, repair, milliseconds(timeout))))

    async def check_async(
        self, *, repair: bool = False, timeout: Optional[float] = None
    ) -> CheckReport:
        return CheckReport(
            *await outcome_of(partial(self._native.check, repair, milliseconds(timeout)))
        )

    def statistics(self, *, timeout: Optional[float] = None) -> dict[str, str]:
        """Sizes and counters, for people."""
        return dict(_waited(partial(self._native.statistics, milliseconds(timeout))))

    async def statistics_async(self, *, timeout: Optional[float] = None) -> dict[str, str]:
        return dict(await outcome_of(partial(self._native.statistics, milliseconds(timeout))))

    # ---- as a dictionary -------------------------------------------------------------------------

    def __contains__(self, key: Hashable) -> bool:
        return self.contains(key)

    def __getitem__(self, key: Hashable) -> Context:
        return self.get_item(key)

    def __setitem__(self, key: Hashable, context: Context) -> None:
        self.set_item(key, context)

    def __delitem__(self, key: Hashable) -> None:
        if not self.del_item(key):
            raise _core.absent("del_item", key_bytes(key))

    def __len__(self) -> int:
        return self.len()

    def __bool__(self) -> bool:
        return True  # even when it holds nothing

    def __iter__(self) -> Iterator[str]:
        return self.scan()

    def close(self) -> None:
        """Ends waiting calls with `closed`. Idempotent; also `with` and `async with` do it."""
        self._native.close()

    def __enter__(self) -> Storage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Storage:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<dialogstore.Storage {self.full_path}>"

    # ---- what both faces share -------------------------------------------------------------------

    def _find(self, key: Hashable, history: Optional[str], timeout: Optional[float]) -> Start:
        return partial(
            self._native.find, key_bytes(key), history_of(history), milliseconds(timeout)
        )

    def _find_many(
        self, keys: Iterable[Hashable], history: Optional[str], timeout: Optional[float]
    ) -> Start:
        stored = [key_bytes(key) for key in keys]
        return partial(self._native.find_many, stored, history_of(history), milliseconds(timeout))

    def _or_default(self, key: Hashable, default: Any, found: Optional[_core.Context]) -> Any:
        if found is not None:
            return Context._of(found)
        if isinstance(default, Context):
            self._native.expect_absent(key_bytes(key), default._core)
        return default

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

    def _load_turns(
        self, key: Hashable, begin: int, end: int, timeout: Optional[float]
    ) -> Start:
        return partial(self._native.load_turns, key_bytes(key), begin, end, milliseconds(timeout))

    def _open_again(self) -> None:
        self._native.abandon()
        self._native = _core.Storage(self._uri)


def _waited(start: Start) -> Any:
    return start(None, None)


def _context_or_raise(key: Hashable, found: Optional[_core.Context]) -> Context:
    if found is None:
        raise _core.absent("get_item", key_bytes(key))
    return Context._of(found)


def _contexts_of(found: list[Optional[_core.Context]]) -> list[Optional[Context]]:
    return [None if core is None else Context._of(core) for core in found]


def _turns_of(turns: list[Any]) -> list[Turn]:
    return [turn_of(turn) for turn in turns]


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
