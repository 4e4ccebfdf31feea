"""The storage: contexts by key, for threads that wait and for event loops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Iterator
from typing import Any, Optional, TypeVar, Union, overload

from . import _core
from ._calls import Calls, CheckReport, TurnUpdate, both
from ._values import key_bytes, key_text
from .context import Context

__all__ = ["CheckReport", "Storage", "TurnUpdate"]

Default = TypeVar("Default")
_get, _get_async = both(Calls._get)
_scan, _scan_async = both(Calls._scan_page)


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

    contains, contains_async = both(Calls._contains)
    get_item, get_item_async = both(Calls._get_item)
    set_item, set_item_async = both(Calls._set_item)
    create, create_async = both(Calls._create)
    del_item, del_item_async = both(Calls._del_item)

    append, append_async = both(Calls._append)
    load_turns, load_turns_async = both(Calls._load_turns)
    watch, watch_async = both(Calls._watch)

    get_items, get_items_async = both(Calls._get_items)
    set_items, set_items_async = both(Calls._set_items)
    del_items, del_items_async = both(Calls._del_items)

    len, len_async = both(Calls._len)
    clear, clear_async = both(Calls._clear)
    check, check_async = both(Calls._check)
    statistics, statistics_async = both(Calls._statistics)

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
    def get(self, key: Hashable, default: Any = None, **options: Any) -> Any:
        """The stored context, or `default`. Saving a context given as default is a conflict when
        someone else created one meanwhile, so that no first turn is lost."""
        return _get(self, key, default, **options)

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
    async def get_async(self, key: Hashable, default: Any = None, **options: Any) -> Any:
        return await _get_async(self, key, default, **options)

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
            keys, cursor = _scan(self, cursor, page_size, newest_first, timeout)
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
            keys, cursor = await _scan_async(self, cursor, page_size, newest_first, timeout)
            for key in keys:
                yield key_text(key)
            if not cursor:
                return

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
