"""Context storages for the Dialog Flow Framework 0.7, in the place of its own.

    from dialogstore.dff import context_storage_factory

    storage = context_storage_factory("redis://localhost")
    pipeline = Pipeline.from_script(..., context_storage=storage)

A save sends what changed since the context was loaded. When someone else saved in between, the new
turns go behind theirs (`on_conflict="merge"`), and the DFF object then holds both.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, Optional, Union
from uuid import UUID

from dff.context_storages import context_storage_factory as _dff_factory
from dff.context_storages.database import DBContextStorage
from dff.script import Context, Message

from . import _core
from ._calls import Start
from ._dff_text import (
    from_fields,
    from_text,
    is_told_by_fields,
    message_of,
    to_text,
)
from ._dff_unread import UnreadMessage
from ._loop import outcome_of
from ._slices import Steps, at_once, in_slices, steps_of
from ._twins import Twins, was_merged
from ._values import is_same, key_bytes
from .storage import Storage

__all__ = ["RedisContextStorage", "context_storage_factory"]

_SCHEMES = frozenset(
    ["redis", "rediss", "redis+unix", "redis+cluster", "redis+sentinel", "sqlite", "memory"]
)


class RedisContextStorage(DBContextStorage):  # type: ignore[misc]  # DFF has no types
    """Stores DFF's contexts in Redis; `sqlite:///` and `memory://` URIs work too.

    `options` are those of the URI (docs/uris.md); `on_conflict` is `merge` unless they say
    otherwise. The methods without `_async` block their thread and run no event loop.
    """

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path)
        if "on_conflict=" not in path.partition("?")[2]:
            options.setdefault("on_conflict", "merge")
        self.storage = Storage(path, **options)
        """The same contexts as `dialogstore.Context`, with all that DFF has no name for."""
        self.full_path = self.storage.full_path  # without the password
        self._twins: Twins[Context, _Twin] = Twins()
        self._fields = _core.DffFields(Message, UnreadMessage)

    # ---- asynchronous ----------------------------------------------------------------------------

    async def get_item_async(self, key: Hashable) -> Context:
        """The stored context. Raises KeyError when there is none."""
        return await in_slices(self._loaded(key, await outcome_of(self._find(key))))

    async def set_item_async(self, key: Hashable, value: Context) -> None:
        """Stores `value`, a Context or what `Context.cast` makes one of. Under the key None it
        goes under its own id, so that dialogs without a name do not overwrite each other."""
        context = value if isinstance(value, Context) else Context.cast(value)
        twin = await in_slices(self._brought_up_to_date(context))
        try:
            await outcome_of(self._save(key, context, twin))
            await in_slices(self._adopt_merged(context, twin))
        except BaseException:
            at_once(self._adopt_merged(context, twin))
            raise

    async def del_item_async(self, key: Hashable) -> None:
        await outcome_of(partial(self._native.erase, _stored(key), None))

    async def contains_async(self, key: Hashable) -> bool:
        found: bool = await outcome_of(partial(self._native.contains, _stored(key), None))
        return found

    async def len_async(self) -> int:
        """How many contexts this namespace holds; counts nothing else."""
        return await self.storage.len_async()

    async def clear_async(self) -> None:
        """Removes this namespace's contexts and nothing else."""
        await self.storage.clear_async()

    async def get_async(
        self, key: Hashable, default: Optional[Context] = None
    ) -> Optional[Context]:
        return await in_slices(self._or_default(key, default, await outcome_of(self._find(key))))

    # ---- blocking --------------------------------------------------------------------------------

    def __getitem__(self, key: Hashable) -> Context:
        return at_once(self._loaded(key, self._find(key)(None, None)))

    def __setitem__(self, key: Hashable, value: Context) -> None:
        context = value if isinstance(value, Context) else Context.cast(value)
        twin = at_once(self._brought_up_to_date(context))
        try:
            self._save(key, context, twin)(None, None)
        finally:
            at_once(self._adopt_merged(context, twin))

    def __delitem__(self, key: Hashable) -> None:
        self._native.erase(_stored(key), None, None, None)

    def __contains__(self, key: Hashable) -> bool:
        found: bool = self._native.contains(_stored(key), None, None, None)
        return found

    def __len__(self) -> int:
        return len(self.storage)

    def __bool__(self) -> bool:
        return True  # even when it holds nothing

    def get(self, key: Hashable, default: Optional[Context] = None) -> Optional[Context]:
        return at_once(self._or_default(key, default, self._find(key)(None, None)))

    def clear(self) -> None:
        self.storage.clear()

    def close(self) -> None:
        self.storage.close()

    # ---- what both share -------------------------------------------------------------------------

    @property
    def _native(self) -> _core.Storage:
        return self.storage._native

    def _find(self, key: Hashable) -> Start:
        return partial(self._native.find_surveyed, _stored(key))

    def _save(self, key: Hashable, value: Context, twin: _Twin) -> Start:
        stored = _stored(value.id if key is None else key)
        return partial(self._native.save_surveyed, stored, twin.core)

    def _loaded(self, key: Hashable, found: Optional[_core.Context]) -> Steps[Context]:
        if found is None:
            raise _core.absent("get_item", _stored(key))
        context, twin = yield from self._built(found)
        self._twins.attach(context, twin)
        return context

    def _built(self, core: _core.Context) -> Steps[tuple[Context, _Twin]]:
        if not is_told_by_fields(core):
            return from_text(core.loaded_to_json()), _Twin(core)
        seen, fields = yield from steps_of(self._fields.load(core, message_of))
        context = from_fields(core, fields)
        return context, _Twin(core, seen, context.id)

    def _or_default(
        self, key: Hashable, default: Optional[Context], found: Optional[_core.Context]
    ) -> Steps[Optional[Context]]:
        if found is not None:
            return (yield from self._loaded(key, found))
        if isinstance(default, Context):
            # Saving it is then no overwrite when someone else creates the context meanwhile. What
            # was stored of it elsewhere, or here before it was deleted, is no past of that.
            old = self._twins.of(default)
            if old is not None and not old.core.has_pending_save():
                self._twins.forget(default)
            twin = yield from self._brought_up_to_date(default)
            self._native.expect_absent(_stored(key), twin.core)
        return default

    def _brought_up_to_date(self, value: Context) -> Steps[_Twin]:
        """The twin of a DFF object, which holds what that does."""
        twin = self._twins.of(value)
        if type(value) is not Context or (twin is not None and twin.id is not value.id):
            return self._assigned(value, twin)
        if twin is not None:
            return (yield from self._changed(value, twin)) or self._assigned(value, twin)
        head = value.model_copy(update=_nothing())
        twin = _Twin(_core.Context.from_json(to_text(head)), None, value.id)
        # Before the save: should nobody learn its outcome, the twin remembers that. And before the
        # comparison, so that another task that saves it meanwhile is refused as ever.
        self._twins.attach(value, twin)
        try:
            return (yield from self._changed(value, twin)) or self._assigned(value, None)
        except BaseException:
            self._twins.forget(value)
            raise

    def _changed(self, value: Context, twin: _Twin) -> Steps[Optional[_Twin]]:
        """The twin with the changes of its DFF object; None when all has to be looked at."""
        core = twin.core
        changes = yield from steps_of(self._fields.compare(twin.seen, core, vars(value)))
        if changes is None:
            return None
        twin.seen = None  # unless all of it succeeds
        content = None
        if changes.fields or value.validation is not core.validation():
            changed = value.model_copy(update={**_nothing(), **changes.fields})
            content = _core.Context.from_json(to_text(changed))
        twin.seen = self._fields.apply(changes, core, content, is_same)
        return twin

    def _assigned(self, value: Context, twin: Optional[_Twin]) -> _Twin:
        """The same, with all of it in DFF's JSON."""
        content = _core.Context.from_json(to_text(value))
        if twin is None:
            twin = _Twin(content)
            self._twins.attach(value, twin)
        else:
            twin.seen = None
            twin.core.assign(content, is_same)
        twin.id = value.id
        return twin

    def _adopt_merged(self, value: Context, twin: _Twin) -> Steps[None]:
        """After a merge the DFF object holds the merged content, as what is changed next is
        compared with that. It is merged before it is sent: also when the save failed then."""
        if not was_merged(twin.core):
            return
        merged, built = yield from self._built(twin.core)
        for name in type(value).model_fields:
            if name in type(merged).model_fields:  # others may have stored it as DFF's own class
                setattr(value, name, getattr(merged, name))
        twin.seen, twin.id = built.seen, built.id


def _nothing() -> dict[str, Any]:
    return {name: {} for name in ("labels", "requests", "responses", "misc", "framework_states")}


@dataclass
class _Twin:
    """The C++ context that is saved for DFF's."""

    core: _core.Context
    seen: Optional[_core.Seen] = None
    """Of DFF's, when both were the same; None when only its JSON tells."""
    id: Union[UUID, int, str, None] = None
    """DFF's then."""


def _stored(key: Hashable) -> bytes:
    return key_bytes(str(key))


def context_storage_factory(path: str, **options: Any) -> DBContextStorage:
    """Opens the storage a URI names: ours for `redis`, `rediss`, `redis+unix`, `redis+cluster`,
    `redis+sentinel`, `sqlite` and `memory`, DFF's own for all others (`sqlite+aiosqlite`, `json`,
    `mongodb` …)."""
    if path.partition("://")[0] in _SCHEMES:
        return RedisContextStorage(path, **options)
    return _dff_factory(path, **options)
