"""Context storages for Chatsky 0.10, in the place of its own.

    from dialogstore.chatsky import context_storage_factory

    pipeline = Pipeline(..., context_storage=context_storage_factory("redis://localhost"))

A context is loaded in one round trip and saved in one. When another bot saved in between, the new
turns go behind its own (`on_conflict="merge"`).
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Optional

from chatsky.context_storages import context_storage_factory as _chatsky_factory
from chatsky.context_storages.database import DBContextStorage
from chatsky.core.ctx_utils import ContextMainInfo

from . import _core
from ._chatsky_text import FIELDS, to_text, value_of
from ._loop import outcome_of
from ._twins import was_merged
from ._values import is_same, key_bytes
from .storage import Storage

__all__ = ["RedisContextStorage", "context_storage_factory"]

_SCHEMES = frozenset(
    ["redis", "rediss", "redis+unix", "redis+cluster", "redis+sentinel", "sqlite", "memory"]
)
_NAME = "chatsky"  # what the rows have no place for lies under this name
_REMEMBERED = 64  # contexts of one task, which a polling bot has for all its users

Fields = list[tuple[str, list[tuple[int, Optional[bytes]]]]]
Turns = list[tuple[int, _core.TurnPart, Optional[str]]]
"""Index, part and text; None: it is gone."""


@dataclass
class _Loaded:
    """What a task loaded, and goes on storing."""

    core: _core.Context
    is_stored: bool
    shifts: list[tuple[int, int]] = field(default_factory=list)
    """A merge moves the new turns behind the others', and Chatsky's object goes on with its own
    indices: from which of these on, and how far."""
    misc: Optional[dict[str, Any]] = None
    """Chatsky's, once a merge put others' beside it."""

    def moved(self, index: int) -> int:
        """Where the turn stands that has this index for Chatsky."""
        return index + sum(by for begin, by in self.shifts if index >= begin)


@dataclass
class _Own:
    """A context that a task loads, and what it stored before that had ended."""

    loading: asyncio.Task[_Loaded]
    unsent: list[tuple[Optional[ContextMainInfo], Turns]] = field(default_factory=list)


class RedisContextStorage(DBContextStorage):  # type: ignore[misc]  # Chatsky has no types
    """Stores Chatsky's contexts in Redis; `sqlite:///` and `memory://` URIs work too.

    `options` are those of the URI (docs/uris.md); `on_conflict` is `merge` unless they say
    otherwise. A task that loads a context and saves it, as a pipeline does for a turn, saves on top
    of what it loaded; any other save loads first. `allow_pickle` keeps what Chatsky pickles, which
    lets whoever can write to the store run code here.
    """

    is_concurrent: bool = True

    def __init__(
        self,
        path: str,
        rewrite_existing: bool = False,
        partial_read_config: Optional[dict[str, Any]] = None,
        key_prefix: Optional[str] = None,
        *,
        allow_pickle: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(path, rewrite_existing, partial_read_config)
        if key_prefix is not None:
            options["namespace"] = key_prefix
        if "on_conflict=" not in path.partition("?")[2]:
            options.setdefault("on_conflict", "merge")
        self.storage = Storage(path, **options)
        """The same contexts as `dialogstore.Context`."""
        self.full_path = self.storage.full_path  # without the password
        self._allow_pickle = allow_pickle
        self._loads: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[_Loaded]] = {}
        self._loaded: weakref.WeakKeyDictionary[asyncio.Task[Any], OrderedDict[str, _Own]] = (
            weakref.WeakKeyDictionary()
        )

    async def _connect(self) -> None:
        """Nothing to do: the first call connects."""

    def load_main_info(self, ctx_id: str) -> Any:
        """Load main information about the context; None when there is none.

        Not a coroutine itself: what it returns may be awaited by a task of its own, while the
        context is for the task that asks, which will save it."""
        loading = self._start_load(ctx_id)
        self._remember(ctx_id, loading)
        return self._main_info(loading)

    async def _main_info(self, loading: asyncio.Task[_Loaded]) -> Optional[ContextMainInfo]:
        if not self.connected:
            await self.connect()
        loaded = await asyncio.shield(loading)
        return _main_info_of(loaded.core) if loaded.is_stored else None

    async def _load_main_info(self, ctx_id: str) -> Optional[ContextMainInfo]:
        return await self._main_info(self._start_load(ctx_id))

    async def _update_context(
        self, ctx_id: str, ctx_info: Optional[ContextMainInfo], field_info: Fields
    ) -> None:
        # What may be refused comes before any change.
        turns: Turns = [
            (
                index,
                FIELDS[field],
                None if value is None else to_text(field, value, self._allow_pickle),
            )
            for field, items in field_info
            for index, value in items
        ]
        own = self._own(ctx_id)
        if own is None:
            own = self._remember(ctx_id, self._start_load(ctx_id))
        # Chatsky does not give them again: the next store sends them should this one fail.
        own.unsent.append((ctx_info, turns))
        loaded = await asyncio.shield(own.loading)
        try:
            if loaded.core.has_pending_save():
                # By itself, as its turns either stay where they are or are moved with the new ones.
                await self._save(ctx_id, loaded)
        finally:
            while own.unsent:
                _put(loaded, *own.unsent.pop(0))
        await self._save(ctx_id, loaded)

    async def _save(self, ctx_id: str, loaded: _Loaded) -> None:
        core = loaded.core
        begin = core.first_movable() - sum(by for _, by in loaded.shifts)
        end = core.turns_end()
        misc = core.members_to_json(_core.Place.MISC)
        try:
            save = self.storage._native.save
            await outcome_of(partial(save, key_bytes(ctx_id), core, False, None, None))
            loaded.is_stored = True
        finally:
            # It is merged before it is sent: also when the save failed then.
            if was_merged(core):
                loaded.shifts.append((begin, core.turns_end() - end))
                if loaded.misc is None:
                    loaded.misc = json.loads(misc)

    async def _delete_context(self, ctx_id: str) -> None:
        try:
            await self.storage.del_item_async(ctx_id)
        finally:  # it may be gone although nobody heard of it
            self._forget(ctx_id)

    async def _load_field_latest(self, ctx_id: str, field_name: str) -> list[tuple[int, bytes]]:
        core = await self._joined(ctx_id)
        wanted, part = self._subscripts[field_name], FIELDS[field_name]
        if isinstance(wanted, set):
            indices = sorted(index for index in wanted if core.has_part(index, part))
        else:
            indices = core.part_indices(part, None if wanted == "__all__" else wanted)
        return self._values_of(core, field_name, reversed(indices))

    async def _load_field_keys(self, ctx_id: str, field_name: str) -> list[int]:
        core = await self._joined(ctx_id)
        return core.part_indices(FIELDS[field_name])

    async def _load_field_items(
        self, ctx_id: str, field_name: str, keys: list[int]
    ) -> list[tuple[int, bytes]]:
        part = FIELDS[field_name]
        own = self._own(ctx_id)
        core = own.loading.result().core if own is not None and own.loading.done() else None
        if core is None or not all(core.has_part(index, part) for index in keys):
            core = await self._joined(ctx_id)
        found = [index for index in sorted(set(keys)) if core.has_part(index, part)]
        return self._values_of(core, field_name, found)

    async def _clear_all(self) -> None:
        try:
            await self.storage.clear_async()
        finally:
            self._loaded.clear()

    def close(self) -> None:
        self.storage.close()

    # ---- what was loaded, and by whom ------------------------------------------------------------

    def _start_load(self, ctx_id: str) -> asyncio.Task[_Loaded]:
        loop = asyncio.get_running_loop()
        place = loop, ctx_id
        loading = loop.create_task(self._load(ctx_id))
        self._loads[place] = loading

        def end(ended: asyncio.Task[_Loaded]) -> None:
            if self._loads.get(place) is ended:
                del self._loads[place]
            if not ended.cancelled():
                ended.exception()  # whoever awaits it hears of it

        loading.add_done_callback(end)
        return loading

    async def _load(self, ctx_id: str) -> _Loaded:
        key = key_bytes(ctx_id)
        found: Optional[_core.Context] = await outcome_of(
            partial(self.storage._native.find, key, None, None)
        )
        if found is not None:
            return _Loaded(found, True)
        core = _core.Context(json.dumps(ctx_id))
        # Saving it is then no overwrite when someone else creates the context meanwhile.
        self.storage._native.expect_absent(key, core)
        return _Loaded(core, False)

    async def _joined(self, ctx_id: str) -> _core.Context:
        """What is stored now; calls that are made together share one load."""
        place = asyncio.get_running_loop(), ctx_id
        loaded = await asyncio.shield(self._loads.get(place) or self._start_load(ctx_id))
        return loaded.core

    def _remember(self, ctx_id: str, loading: asyncio.Task[_Loaded]) -> _Own:
        own = _Own(loading)
        task = asyncio.current_task()
        if task is not None:
            all_own = self._loaded.setdefault(task, OrderedDict())
            all_own[ctx_id] = own
            all_own.move_to_end(ctx_id)
            if len(all_own) > _REMEMBERED:
                all_own.popitem(last=False)
        return own

    def _own(self, ctx_id: str) -> Optional[_Own]:
        """Of the current task; loaded anew where that failed."""
        task = asyncio.current_task()
        found = None
        if task is not None and task in self._loaded:
            found = self._loaded[task].get(ctx_id)
        if found is not None and _has_failed(found.loading):
            found.loading = self._start_load(ctx_id)
        return found

    def _forget(self, ctx_id: str) -> None:
        for own in self._loaded.values():
            own.pop(ctx_id, None)

    def _values_of(
        self, core: _core.Context, field: str, indices: Iterable[int]
    ) -> list[tuple[int, bytes]]:
        return [(index, value_of(core, field, index, self._allow_pickle)) for index in indices]


def _has_failed(loading: asyncio.Task[_Loaded]) -> bool:
    return loading.done() and (loading.cancelled() or loading.exception() is not None)


def _main_info_of(core: _core.Context) -> Optional[ContextMainInfo]:
    """None when Chatsky stored turns alone. Of what other bots stored, the rest has defaults."""
    fields = {"current_turn_id": core.last_index()}
    text = core.member(_core.Place.EXTRA, _NAME)
    if text is not None:
        stored = json.loads(text)
        if "created_at" not in stored:
            return None
        last_known = stored.pop("last_index", None)
        if last_known is not None and last_known < core.last_index():
            del stored["current_turn_id"]  # the turns of a merge stand behind it
        fields.update(stored)
    framework_data = core.member(_core.Place.FRAMEWORK_STATES, _NAME)
    if framework_data is not None:
        fields["framework_data"] = json.loads(framework_data)
    misc = core.members_to_dict(_core.Place.MISC)
    return ContextMainInfo(misc=misc, **fields)


def _put(loaded: _Loaded, info: Optional[ContextMainInfo], turns: Turns) -> None:
    core = loaded.core
    last = core.last_index()
    for index, part, text in turns:
        if text is None:
            core.erase(loaded.moved(index), part)
        else:
            core.set_part(loaded.moved(index), part, text)
    _put_main_info(loaded, info, last)


def _put_main_info(loaded: _Loaded, info: Optional[ContextMainInfo], last: int) -> None:
    """`last`: the last index before this update."""
    core = loaded.core
    present = core.member(_core.Place.EXTRA, _NAME)
    if info is not None:
        stored: dict[str, Any] = {
            # Where the next turn goes behind, for whoever loads it.
            "current_turn_id": loaded.moved(info.current_turn_id + 1) - 1,
            "created_at": info.created_at,
            "updated_at": info.updated_at,
            "origin_interface": info.origin_interface,
        }
        dumped = info.model_dump(mode="python")
        core.set_member(_core.Place.FRAMEWORK_STATES, _NAME, dumped["framework_data"].decode())
        _put_misc(loaded, dumped["misc"].decode())
    elif present is not None or not loaded.is_stored:
        stored = json.loads(present or "{}")
        if stored.get("last_index", last) < last and "current_turn_id" in stored:
            stored["current_turn_id"] = last  # as `_main_info_of` tells
    else:
        return  # another bot's, which has no main part
    stored["last_index"] = core.last_index()
    core.set_member(_core.Place.EXTRA, _NAME, json.dumps(stored, separators=(",", ":")))


def _put_misc(loaded: _Loaded, text: str) -> None:
    core = loaded.core
    if loaded.misc is None:
        core.assign_members(_core.Place.MISC, text, is_same)
        return
    # What others put there is not known to Chatsky, and stays.
    before, loaded.misc = loaded.misc, json.loads(text)
    for name in before.keys() - loaded.misc.keys():
        core.erase_member(_core.Place.MISC, name)
    for name, value in loaded.misc.items():
        dumped = json.dumps(value)
        if name not in before or dumped != json.dumps(before[name]):
            core.set_member(_core.Place.MISC, name, dumped)


def context_storage_factory(path: str, **options: Any) -> DBContextStorage:
    """Opens the storage a URI names: ours for `redis`, `rediss`, `redis+unix`, `redis+cluster`,
    `redis+sentinel`, `sqlite` and `memory`, Chatsky's own for all others (`sqlite+aiosqlite`,
    `json`, an empty path …)."""
    if path.partition("://")[0] in _SCHEMES:
        return RedisContextStorage(path, **options)
    return _chatsky_factory(path, **options)
