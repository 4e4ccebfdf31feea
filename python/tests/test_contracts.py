"""Every name of the frameworks' storages gives what the framework's own storage gives, and any call
may be cancelled at any point."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Callable

import pytest

from conftest import RedisServer

pytest.importorskip("dff")
pytest.importorskip("chatsky")

from chatsky.context_storages.database import DBContextStorage as ChatskyStorage
from chatsky.context_storages.redis import RedisContextStorage as ChatskysOwn
from chatsky.core.ctx_utils import ContextMainInfo
from dff.context_storages.database import DBContextStorage as DffStorage
from dff.context_storages.redis import RedisContextStorage as DffsOwn
from dff.script import Context, Message

from dialogstore import chatsky, dff

Awaited = Coroutine[Any, Any, Any]


def names_of(contract: type[Any]) -> set[str]:
    """What a user of it may call."""
    names = {name for name, held in vars(contract).items() if callable(held)}
    hidden = {name for name in names if name.startswith("_") and not name.startswith("__")}
    return names - hidden - {"__init__"}


class Answers:
    """What the methods of one storage gave."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self.names: set[str] = set()
        self.seen: list[tuple[Any, ...]] = []

    def call(self, name: str, *arguments: Any) -> None:
        self.names.add(name)
        self.seen.append((name, self._answer(lambda: getattr(self._storage, name)(*arguments))))

    async def wait(self, name: str, *arguments: Any) -> None:
        self.names.add(name)
        try:
            found = _plain(await getattr(self._storage, name)(*arguments))
        except Exception as failure:
            found = _kind(failure)
        self.seen.append((name, found))

    @staticmethod
    def _answer(ask: Callable[[], Any]) -> Any:
        try:
            return _plain(ask())
        except Exception as failure:
            return _kind(failure)


def _kind(failure: Exception) -> type[Exception]:
    return next(kind for kind in (KeyError, ValueError, Exception) if isinstance(failure, kind))


def _plain(found: Any) -> Any:
    return found.model_dump_json() if isinstance(found, (Context, ContextMainInfo)) else found


def dialog(text: str) -> Context:
    context = Context(id=text, misc={"a": [1, 1.0, None, "Ж"]}, framework_states={"x": {}})
    context.add_request(Message(text=text, misc={"b": {"c": True}}))
    context.add_label(("flow", text))
    context.add_response(Message(text=text.upper(), annotations={"d": 1}))
    return context


def ask_dff(storage: DffStorage) -> Answers:
    answers = Answers(storage)
    call = answers.call
    call("clear")
    call("__len__")
    call("__contains__", "one")
    call("__getitem__", "one")
    call("get", "one")
    call("get", "one", dialog("default"))
    call("get", "one", "a default of another type")
    call("__delitem__", "one")
    for key in ("one", 1, ("a", 2), "Ж\n"):
        call("__setitem__", key, dialog("one"))
        call("__getitem__", key)
        call("__contains__", str(key))
    call("__setitem__", 1, dialog("replaced").model_dump_json())
    call("__setitem__", "one", dialog("replaced").model_dump(mode="json"))
    call("__setitem__", "wrong", 17)
    call("__len__")
    call("get", "1", None)
    call("get", "one", dialog("default"))
    call("__delitem__", "one")
    call("__getitem__", "one")
    call("__len__")

    async def wait_for_all() -> None:
        wait = answers.wait
        await wait("len_async")
        await wait("set_item_async", "two", dialog("two"))
        await wait("set_item_async", 2, dialog("two").model_dump_json())
        await wait("set_item_async", "wrong", 17)
        await wait("get_item_async", "two")
        await wait("get_item_async", "nobody")
        await wait("get_async", 2)
        await wait("get_async", "nobody", dialog("default"))
        await wait("contains_async", "two")
        await wait("contains_async", "nobody")
        await wait("del_item_async", "two")
        await wait("del_item_async", "two")
        await wait("contains_async", "two")
        await wait("clear_async")
        await wait("len_async")

    asyncio.run(wait_for_all())
    call("clear")
    call("__len__")
    return answers


def test_every_name_of_dff(own_server: RedisServer, sqlite_uri: str) -> None:
    theirs = ask_dff(DffsOwn(f"{own_server.uri}/1"))
    assert theirs.names == names_of(DffStorage)
    for uri in (f"{own_server.uri}/2", sqlite_uri):
        storage = dff.RedisContextStorage(uri)
        assert storage.path == uri.partition("://")[2]
        assert ask_dff(storage).seen == theirs.seen
        storage.close()


def turns(*numbers: int) -> list[tuple[int, bytes]]:
    return [
        (
            number,
            f'{{"text":"{number}","attachments":null,"annotations":null,"misc":null}}'.encode(),
        )
        for number in numbers
    ]


def labels(*numbers: int) -> list[tuple[int, bytes]]:
    return [(n, f'{{"flow_name":"flow","node_name":"{n}"}}'.encode()) for n in numbers]


async def ask_chatsky(storage: ChatskyStorage) -> Answers:
    answers = Answers(storage)
    wait = answers.wait
    info = ContextMainInfo(current_turn_id=3, created_at=1, updated_at=2, misc={"a": [1.0, "Ж"]})
    other = ContextMainInfo(current_turn_id=4, created_at=1, updated_at=3)
    await wait("connect")
    await wait("clear_all")

    async def look(ctx_id: str) -> None:
        await wait("load_main_info", ctx_id)
        for field in ("labels", "requests", "responses"):
            await wait("load_field_keys", ctx_id, field)
            answers.seen[-1] = ("load_field_keys", sorted(answers.seen[-1][1]))
            for subscript in (1, 3, "__all__"):
                storage._subscripts[field] = subscript
                await wait("load_field_latest", ctx_id, field)
            await wait("load_field_items", ctx_id, field, [1])
            await wait("load_field_items", ctx_id, field, [77])

    await look("nobody")
    await wait("update_context", "first", info)
    await look("first")
    fields = [("labels", labels(0, 1, 2, 3), []), ("requests", turns(1, 2, 3), [])]
    await wait("update_context", "first", info, fields)
    await look("first")
    fields = [("requests", turns(2, 4), [1, 77]), ("responses", turns(1), [])]
    await wait("update_context", "first", other, fields)
    await look("first")
    await wait("update_context", "first", None, [("labels", [], [0])])
    await wait("update_context", "first", None, [("nonsense", [], [])])
    await wait("load_field_keys", "first", "nonsense")
    await wait("load_field_items", "first", "nonsense", [])
    await wait("load_field_latest", "first", "nonsense")
    await look("first")
    await wait("update_context", "second", info, [("responses", turns(1), [])])
    await wait("delete_context", "first")
    await wait("delete_context", "first")
    await look("first")
    await look("second")
    await wait("clear_all")
    await look("second")
    answers.call("__eq__", storage)
    answers.call("__eq__", "another")
    return answers


def test_every_name_of_chatsky(own_server: RedisServer, sqlite_uri: str) -> None:
    theirs = asyncio.run(ask_chatsky(ChatskysOwn(f"{own_server.uri}/1")))
    assert theirs.names == names_of(ChatskyStorage)
    assert chatsky.RedisContextStorage.is_concurrent is True
    for uri in (f"{own_server.uri}/2", sqlite_uri):
        storage = chatsky.RedisContextStorage(uri)
        assert asyncio.run(ask_chatsky(storage)).seen == theirs.seen
        storage.close()


def calls_of_dff(storage: dff.RedisContextStorage) -> dict[str, Callable[[], Awaited]]:
    return {
        "set": lambda: storage.set_item_async("user", dialog("x")),
        "get": lambda: storage.get_async("user", dialog("x")),
        "get_item": lambda: storage.get_item_async("known"),
        "del": lambda: storage.del_item_async("user"),
        "contains": lambda: storage.contains_async("user"),
        "len": lambda: storage.len_async(),
        "clear": lambda: storage.clear_async(),
    }


def calls_of_chatsky(storage: chatsky.RedisContextStorage) -> dict[str, Callable[[], Awaited]]:
    info = ContextMainInfo(current_turn_id=1, created_at=1, updated_at=2)
    return {
        "main": lambda: storage.load_main_info("user"),
        "update": lambda: storage.update_context("user", info, [("requests", turns(1), [])]),
        "latest": lambda: storage.load_field_latest("user", "requests"),
        "keys": lambda: storage.load_field_keys("user", "requests"),
        "items": lambda: storage.load_field_items("user", "requests", [1]),
        "delete": lambda: storage.delete_context("user"),
        "clear": lambda: storage.clear_all(),
    }


async def cancel_everywhere(start: Callable[[], Awaited]) -> None:
    """After so many steps of the loop; at last it ends before it is cancelled."""
    for steps in range(40):
        task = asyncio.ensure_future(start())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])


async def test_any_call_of_dff_may_be_cancelled(uri: str) -> None:
    storage = dff.RedisContextStorage(uri)
    await storage.set_item_async("known", dialog("known"))
    calls = calls_of_dff(storage)
    for start in calls.values():
        await cancel_everywhere(start)
        await storage.set_item_async("known", dialog("after"))
        assert (await storage.get_item_async("known")).last_request.text == "after"
    storage.close()


async def test_any_call_of_chatsky_may_be_cancelled(uri: str) -> None:
    storage = chatsky.RedisContextStorage(uri)
    for start in calls_of_chatsky(storage).values():
        await cancel_everywhere(start)
        await storage.update_context("after", None, [("requests", turns(1), [])])
        assert await storage.load_field_items("after", "requests", [1]) == turns(1)
    storage.close()
