"""The storage for Chatsky: the contract of its `DBContextStorage`, and what it adds."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import Any

import pytest

from conftest import RedisServer

pytest.importorskip("chatsky")

from chatsky import RESPONSE, TRANSITIONS, Pipeline
from chatsky import Transition as Tr
from chatsky.context_storages import MemoryContextStorage
from chatsky.context_storages.database import DBContextStorage
from chatsky.core import BaseResponse, Context, Message
from chatsky.core.ctx_utils import ContextMainInfo
from chatsky.core.message import Image, Location, Origin

import dialogstore
from chatsky_dialogs import START, hear, loaded, node, talk
from dialogstore.chatsky import RedisContextStorage, context_storage_factory


def info(turn: int = 0, **fields: Any) -> ContextMainInfo:
    return ContextMainInfo(current_turn_id=turn, created_at=1, updated_at=2, **fields)


def label(name: str) -> bytes:
    return node(name).model_dump_json().encode()


def message(text: str, **fields: Any) -> bytes:
    return Message(text=text, **fields).model_dump_json().encode()


def labels_of(items: list[tuple[int, bytes]]) -> list[tuple[int, str]]:
    return [(index, json.loads(value)["node_name"]) for index, value in items]


def texts_of(items: list[tuple[int, bytes]]) -> list[tuple[int, str]]:
    return [(index, Message.model_validate_json(value).text) for index, value in items]


async def test_main_info(store: RedisContextStorage) -> None:
    assert isinstance(store, DBContextStorage)
    assert await store.load_main_info("1") is None
    stored = info(3, misc={"a": [1, 1.0, None], "b": "Ж"}, origin_interface="telegram")
    stored.framework_data.stats["x"] = 1
    await store.update_context("1", stored)
    assert await store.load_main_info("1") == stored
    changed = info(4, misc={"b": "new", "c": {}})
    await store.update_context("1", changed)
    found = await store.load_main_info("1")
    assert found == changed
    assert (found.misc, found.current_turn_id) == ({"b": "new", "c": {}}, 4)
    assert await store.load_main_info("other") is None


async def test_fields(store: RedisContextStorage) -> None:
    await store.update_context(
        "1", info(), [("labels", [(i, label(str(i))) for i in range(6)], [])]
    )
    assert labels_of(await store.load_field_latest("1", "labels")) == [(5, "5"), (4, "4"), (3, "3")]
    assert sorted(await store.load_field_keys("1", "labels")) == [0, 1, 2, 3, 4, 5]
    assert labels_of(await store.load_field_items("1", "labels", [4, 3, 99])) == [
        (3, "3"),
        (4, "4"),
    ]
    assert await store.load_field_latest("1", "requests") == []
    assert await store.load_field_keys("nobody", "labels") == []
    store._subscripts["labels"] = "__all__"
    assert len(await store.load_field_latest("1", "labels")) == 6
    store._subscripts["labels"] = {1, 4, 50}
    assert labels_of(await store.load_field_latest("1", "labels")) == [(4, "4"), (1, "1")]
    with pytest.raises(ValueError, match="field_name"):
        await store.load_field_latest("1", "nonsense")


async def test_updates_and_deletions_of_turns(store: RedisContextStorage) -> None:
    before = info(2, misc={"kept": 1})
    turns = [(1, message("one")), (2, message("two")), (3, message("three"))]
    await store.update_context("1", before, [("requests", turns, [])])
    # Without main info that stays; deleting a turn that is not there is nothing.
    await store.update_context("1", None, [("requests", [(2, message("TWO"))], [3, 77])])
    assert texts_of(await store.load_field_latest("1", "requests")) == [(2, "TWO"), (1, "one")]
    assert await store.load_main_info("1") == before
    await store.update_context("turns only", None, [("requests", turns, [])])
    assert await store.load_main_info("turns only") is None
    assert len(await store.load_field_keys("turns only", "requests")) == 3


async def test_deleting_touches_one_context(store: RedisContextStorage) -> None:
    for ctx_id in ("1", "10", "labels", "*", "1:labels"):
        await store.update_context(ctx_id, info(), [("labels", [(0, label("x"))], [])])
    await store.delete_context("1")
    await store.delete_context("1")
    assert await store.load_main_info("1") is None
    assert await store.load_field_keys("1", "labels") == []
    await store.delete_context("*")
    for ctx_id in ("10", "labels", "1:labels"):
        assert await store.load_main_info(ctx_id) is not None
    await store.clear_all()
    assert await store.load_main_info("10") is None
    assert await store.storage.len_async() == 0


async def test_contexts_of_chatsky(store: RedisContextStorage) -> None:
    await talk(store, "one", "two", "three", "four", "five")
    found = await loaded(store)
    assert found.current_turn_id == 5
    assert found.labels.keys() == [0, 1, 2, 3, 4, 5]
    assert found.last_request.text == "five"
    assert [m.text for m in await found.requests.values()] == [
        "one", "two", "three", "four", "five",
    ]  # fmt: skip
    assert (await found.turns[1])[0].text == "one"
    del found.requests[5]
    found.misc["x"] = 1
    await found.store()
    again = await loaded(store)
    assert again.requests.keys() == [1, 2, 3, 4]
    assert again.misc == {"x": 1}
    assert again.created_at == found.created_at
    await again.delete()
    assert (await loaded(store)).current_turn_id == 0
    fresh = await Context.connected(store, START, None)
    await fresh.store()
    assert (await loaded(store, fresh.id)).labels.keys() == [0]


async def test_changed_messages_are_rewritten_when_asked(uri: str) -> None:
    store = RedisContextStorage(uri, rewrite_existing=True)
    await talk(store, "one")
    context = await loaded(store)
    (await context.requests[1]).text = "changed"
    await context.store()
    assert (await loaded(store)).last_request.text == "changed"
    store.close()


async def test_messages_come_back_as_they_were(store: RedisContextStorage) -> None:
    stored = Message(
        text="Привет",
        attachments=[Image(id="7"), Location(longitude=1.5, latitude=2)],
        annotations={"a": {"b": [1, None]}},
        misc={"x": 1.0},
        extra_field={"deep": [True]},
        origin=Origin(interface="telegram"),
    )
    context = await loaded(store)
    context.requests[1] = stored
    await context.store()
    found = (await loaded(store)).last_request
    assert found == stored
    assert type(found.attachments[0]) is Image
    assert not hasattr(found, "commands")


class Opaque:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque)


async def test_pickles_are_neither_stored_nor_read(uri: str) -> None:
    store, trusting = RedisContextStorage(uri), RedisContextStorage(uri, allow_pickle=True)
    context = await loaded(store)
    context.requests[1] = Message(text="x", misc={"object": Opaque()})
    with pytest.raises(TypeError, match="'object' has no JSON"):
        await context.store()
    assert await store.load_main_info("user") is None

    context = await loaded(trusting)
    context.requests[1] = Message(text="x", misc={"object": Opaque()})
    context.requests._items[1].origin = Origin(interface="i")
    context.requests._items[1].origin.message = Opaque()
    await context.store()
    found = (await loaded(trusting)).last_request
    assert found.misc["object"] == Opaque()
    assert found.origin.message == Opaque()
    careful = (await loaded(store)).last_request
    assert isinstance(careful.misc["object"], str)  # the pickle, not loaded
    assert careful.origin == Origin(interface="i")
    store.close()
    trusting.close()


async def test_a_pickle_under_a_name_that_is_spelled_otherwise_is_not_read(
    store: RedisContextStorage,
) -> None:
    misc = r'{"\u005f_pickled_extra_fields__":["object"],"object":"gASV"}'
    text = f'{{"id":"user","requests":{{"1":{{"misc":{misc}}}}}}}'
    await store.storage.set_item_async("user", dialogstore.Context.from_json(text))
    [(_, value)] = await store.load_field_latest("user", "requests")
    assert json.loads(value)["misc"] == {"object": "gASV"}


async def test_values_come_back_as_chatsky_wrote_them(store: RedisContextStorage) -> None:
    values = [message("Ж\n", misc={"a": [1, 1.0, {}]}), message("", annotations={"own": None})]
    labels = [label("\u2028"), label('"')]
    fields = [("requests", list(enumerate(values)), []), ("labels", list(enumerate(labels)), [])]
    await store.update_context("user", info(), fields)
    assert await store.load_field_items("user", "requests", [0, 1]) == list(enumerate(values))
    assert await store.load_field_items("user", "labels", [1, 0]) == list(enumerate(labels))


async def test_no_turn_is_lost_between_two_bots(store: RedisContextStorage) -> None:
    await talk(store, "one")

    contexts: list[Context] = []
    all_loaded = asyncio.Event()

    async def turn(text: str) -> None:
        context = await loaded(store)
        contexts.append(context)
        if len(contexts) == 8:
            all_loaded.set()
        await all_loaded.wait()
        hear(context, text)
        await context.store()

    await asyncio.gather(*(turn(f"bot {i}") for i in range(8)))
    found = await loaded(store)
    texts = [m.text for m in await found.requests.values()]
    assert texts[0] == "one"
    assert sorted(texts[1:]) == [f"bot {i}" for i in range(8)]
    assert found.current_turn_id == 9


async def test_a_failed_save_is_not_lost(own_server: RedisServer) -> None:
    store = RedisContextStorage(own_server.uri, timeout=0.3)
    context = await talk(store, "one")
    hear(context, "two")
    own_server.pause()
    with pytest.raises(dialogstore.TimeoutError):
        await context.store()
    own_server.resume()
    store.storage.len(timeout=20)
    await context.store()
    found = await loaded(store)
    assert [m.text for m in await found.requests.values()] == ["one", "two"]
    store.close()


async def test_a_first_store_that_failed_is_not_lost(own_server: RedisServer) -> None:
    """Of a context that nobody looked for, so that the store begins with that."""
    store = RedisContextStorage(own_server.uri, timeout=0.3)
    await store.storage.len_async()
    context = await Context.connected(store, START, None)
    hear(context, "one")
    own_server.pause()
    with pytest.raises(dialogstore.TimeoutError):
        await context.store()
    hear(context, "two")
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_later(0.1, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await context.store()
    own_server.resume()
    store.storage.len(timeout=20)
    await context.store()
    found = await loaded(store, context.id)
    assert found.labels.keys() == [0]
    assert [m.text for m in await found.requests.values()] == ["one", "two"]
    store.close()


async def test_a_load_leaves_behind_what_was_not_stored(own_server: RedisServer) -> None:
    store = RedisContextStorage(own_server.uri, timeout=0.3)
    await store.storage.len_async()
    own_server.pause()
    with pytest.raises(dialogstore.TimeoutError):
        await store.update_context("user", info(1), [("requests", [(1, message("lost"))], [])])
    own_server.resume()
    store.storage.len(timeout=20)
    await talk(store, "one")
    found = await loaded(store)
    assert [m.text for m in await found.requests.values()] == ["one"]
    store.close()


async def test_one_round_trip_for_a_load_and_one_for_a_save(
    redis_server: RedisServer, redis_uri: str
) -> None:
    store = RedisContextStorage(redis_uri)
    await talk(store, "one")
    with watched(redis_server) as commands:
        context = await loaded(store)
        loads = len(commands())
        hear(context, "two")
        await context.store()
        saves = len(commands()) - loads
    assert (loads, saves) == (1, 1)
    store.close()


class watched:
    """The commands that clients send to a server meanwhile (what scripts do is not counted)."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._marks = 0
        self._connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self._lines = self._connection.makefile("rb")
        self._seen: list[bytes] = []

    def __enter__(self) -> Any:
        self._connection.sendall(b"MONITOR\r\n")
        assert self._lines.readline() == b"+OK\r\n"
        return self._commands

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _commands(self) -> list[bytes]:
        self._marks += 1
        mark = f"mark-{threading.get_ident()}-{self._marks}"
        self._server.command("ECHO", mark)
        for line in self._lines:
            if mark.encode() in line:
                return self._seen
            if b" lua] " not in line:
                self._seen.append(line)
        raise AssertionError("the server stopped telling")


async def test_contexts_of_other_bots_can_be_read(store: RedisContextStorage) -> None:
    theirs = dialogstore.Context("user")
    for text in ("one", "two"):
        theirs.add_request(text)
        theirs.add_label(("flow", text))
        theirs.add_response(text)
    theirs.misc["name"] = "Ann"
    store.storage["user"] = theirs
    context = await loaded(store)
    assert (context.current_turn_id, context.misc) == (1, {"name": "Ann"})
    assert context.last_label.node_name == "two"
    await talk(store, "three")
    found = store.storage["user"]
    assert [m["text"] for m in found.requests.values()] == ["one", "two", "three"]
    assert found.last_label == ("flow", "three")


def test_the_factory_knows_our_uris_and_chatsky_the_others(uri: str) -> None:
    assert isinstance(context_storage_factory(uri), RedisContextStorage)
    assert "namespace=bot" in context_storage_factory("memory://", key_prefix="bot").full_path
    assert isinstance(context_storage_factory(""), MemoryContextStorage)
    with pytest.raises(ValueError, match="subscript"):
        context_storage_factory(uri, partial_read_config={"labels": 0})


class Echo(BaseResponse):
    async def call(self, ctx: Context) -> Message:
        return Message(text=f"heard {ctx.last_request.text}")


def test_a_pipeline_of_chatsky_talks_on_it(store: RedisContextStorage) -> None:
    script = {"flow": {"start": {RESPONSE: Echo(), TRANSITIONS: [Tr(dst=("flow", "start"))]}}}
    start = ("flow", "start")
    pipeline = Pipeline(script, start_label=start, fallback_label=start, context_storage=store)
    for number in range(12):
        context = pipeline(Message(text=str(number)), "user")
        assert context.last_response.text == f"heard {number}"
    texts = [m["text"] for m in store.storage["user"].requests.values()]
    assert texts == [str(number) for number in range(12)]
