"""The storage: contexts by key, for threads that wait and for event loops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Optional, TypeVar, Union, overload

from . import _core
from ._calls import Calls, Start
from ._loop import outcome_of
from ._values import Json, key_bytes, key_text
from .context import Context, Label, Turn, turn_of
from .errors import StorageError

Default = TypeVar("Default")


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


class Storage(Calls):
    """Stores contexts by key, in what the URI names: `redis://…`, `sqlite:///…`, `memory://`.

    Every operation comes twice: a blocking one, which runs no event loop and lets other threads run
    while it waits, and `…_async`, to be awaited on any event loop. Both may be used at once, from
    any thread. A blocking one on an event loop's thread stops that loop meanwhile.

    `options` are those of the URI (`on_conflict="merge"`, `history="recent"`, `ttl="30d"`, `cache`
    …; durations also as a float of seconds). Keys are what `str(key)` gives; bytes stand for
    themselves. A call's `timeout` is in seconds.
    """

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri, options)

    # ---- one context -----------------------------------------------------------------------------

    def contains(self, key: Hashable, *, timeout: Optional[float] = None) -> bool:
        """Whether a context is stored under `key`."""
        found: bool = _waited(self._contains(key, timeout))
        return found

    async def contains_async(self, key: Hashable, *, timeout: Optional[float] = None) -> bool:
        found: bool = await outcome_of(self._contains(key, timeout))
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
        """Stores `context`: what changed since it was loaded from here, or, if it was not, all of
        it in place of what is stored. Raises ConflictError, unless `on_conflict` says otherwise.
        When it fails with `outcome_unknown`, save the same object again."""
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
        removed: bool = _waited(self._erase(key, timeout))
        return removed

    async def del_item_async(self, key: Hashable, *, timeout: Optional[float] = None) -> bool:
        removed: bool = await outcome_of(self._erase(key, timeout))
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
        turns, next_index = _waited(self._watch(key, begin, timeout))
        return TurnUpdate(_turns_of(turns), next_index)

    async def watch_async(
        self, key: Hashable, begin: int, *, timeout: Optional[float] = None
    ) -> TurnUpdate:
        turns, next_index = await outcome_of(self._watch(key, begin, timeout))
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
        errors: list[Optional[StorageError]] = _waited(self._save_many(items, on_conflict, timeout))
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
        count: int = _waited(self._len(timeout))
        return count

    async def len_async(self, *, timeout: Optional[float] = None) -> int:
        count: int = await outcome_of(self._len(timeout))
        return count

    def clear(self, *, timeout: Optional[float] = None) -> int:
        """Removes this namespace's contexts and nothing else; how many there were."""
        count: int = _waited(self._clear(timeout))
        return count

    async def clear_async(self, *, timeout: Optional[float] = None) -> int:
        count: int = await outcome_of(self._clear(timeout))
        return count

    def scan(
        self,
        *,
        newest_first: bool = False,
        page_size: int = 1000,
        timeout: Optional[float] = None,
    ) -> Iterator[str]:
        """All keys, a page at a time. One that comes or goes meanwhile may be listed or not; one
        may be listed twice."""
        cursor = ""
        while True:
            keys, cursor = _waited(self._scan(cursor, page_size, newest_first, timeout))
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
            keys, cursor = await outcome_of(self._scan(cursor, page_size, newest_first, timeout))
            for key in keys:
                yield key_text(key)
            if not cursor:
                return

    def check(self, *, repair: bool = False, timeout: Optional[float] = None) -> CheckReport:
        """Compares the listing with what is stored and every context with its checksums."""
        return CheckReport(*_waited(self._check(repair, timeout)))

    async def check_async(
        self, *, repair: bool = False, timeout: Optional[float] = None
    ) -> CheckReport:
        return CheckReport(*await outcome_of(self._check(repair, timeout)))

    def statistics(self, *, timeout: Optional[float] = None) -> dict[str, str]:
        """Sizes and counters, for people."""
        return dict(_waited(self._statistics(timeout)))

    async def statistics_async(self, *, timeout: Optional[float] = None) -> dict[str, str]:
        return dict(await outcome_of(self._statistics(timeout)))

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

    def _or_default(self, key: Hashable, default: Any, found: Optional[_core.Context]) -> Any:
        if found is not None:
            return Context._of(found)
        if isinstance(default, Context):
            self._native.expect_absent(key_bytes(key), default._core)
        return default


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
