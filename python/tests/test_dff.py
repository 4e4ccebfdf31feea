"""The storage for DFF: the contract of its `DBContextStorage`, and what it adds."""

from __future__ import annotations

import asyncio
import gc
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional, Union
from uuid import UUID, uuid4

import pytest

from conftest import RedisServer

pytest.importorskip("dff")

from dff.context_storages.database import DBContextStorage
from dff.context_storages.shelve import ShelveContextStorage
from dff.pipeline import Pipeline
from dff.script import RESPONSE, TRANSITIONS, Context, Message
from dff.script.conditions import true
from dff.script.core.message import (
    Attachment,
    Attachments,
    Command,
    DataModel,
    Document,
    Image,
    Location,
)

import dialogstore
from dialogstore.dff import RedisContextStorage, context_storage_factory


def talked(*texts: str, **fields: object) -> Context:
    context = Context(**fields)
    for text in texts:
        context.add_request(Message(text=text))
        context.add_label(("flow", text))
        context.add_response(Message(text=text.upper(), misc={"n": [1, 1.0]}))
    return context


def texts_of(context: Context) -> list[str]:
    return [message.text for message in context.requests.values()]


def test_contract_as_a_dictionary(store: RedisContextStorage) -> None:
    assert isinstance(store, DBContextStorage)
    context = talked("one", misc={"some_key": "some_value"})
    store.clear()
    assert len(store) == 0
    assert "1" not in store
    assert store.get("1") is None
    with pytest.raises(KeyError):
        store["1"]
    for key in ("1", 1):
        store[key] = context
    assert 1 in store
    assert len(store) == 1  # as in DFF, 1 is "1"
    assert store["1"] == context
    assert store["1"].id == context.id
    assert store.get(1) == context
    del store["1"]
    del store["1"]
    assert "1" not in store
    for cast_from in (context.model_dump(mode="json"), context.model_dump_json()):
        store["cast"] = cast_from
        assert store["cast"] == Context.cast(cast_from)
    store.clear()
    assert len(store) == 0


async def test_contract_awaited(store: RedisContextStorage) -> None:
    context = talked("one")
    key = uuid4()
    assert not await store.contains_async(key)
    await store.set_item_async(key, context)
    assert await store.contains_async(str(key))
    assert await store.get_item_async(key) == context
    assert await store.get_async(key, None) == context
    assert await store.get_async("other", context) is context
    assert await store.len_async() == 1
    await store.del_item_async(key)
    with pytest.raises(KeyError):
        await store.get_item_async(key)
    await store.set_item_async("x", context)
    await store.clear_async()
    assert await store.len_async() == 0


class Poll(DataModel):
    question: str
    votes: dict[str, int]


class OurMessage(Message):
    ui: Optional[Poll] = None
    sent: Optional[datetime] = None
    raw: object = None


class OurContext(Context):
    tenant: str = "none"


def test_what_dff_loses_comes_back_equal(store: RedisContextStorage, tmp_path: Path) -> None:
    context = OurContext(tenant="acme")
    context.add_request(
        OurMessage(
            text="q",
            ui=Poll(question="?", votes={"a": 1}),
            sent=datetime(2024, 3, 1, 12, tzinfo=timezone.utc),
            raw=object(),  # what has no JSON is left out, as DFF leaves out all of it
        )
    )
    picture = tmp_path / "a b.png"
    picture.write_bytes(b"picture")
    files = [Image(source=picture), Document(id="7"), Attachment(id="8", title="t")]
    context.add_response(
        Message(
            text="a",
            attachments=Attachments(files=files),
            commands=[Command(do="x")],
            place=Location(longitude=1, latitude=2),
            polls=[Poll(question="!", votes={})],
            misc={"deep": {"list": [1, "2", None, 1.5]}},
        )
    )
    store["user"] = context
    found = store["user"]
    assert type(found) is OurContext
    assert found.tenant == "acme"
    request, response = found.last_request, found.last_response
    assert type(request) is OurMessage
    assert (request.ui, request.sent) == (
        context.last_request.ui,
        context.last_request.sent,
    )
    assert request.raw is None
    assert [type(file) for file in response.attachments.files] == [Image, Document, Attachment]
    assert response == context.last_response
    assert response.place == Location(longitude=1, latitude=2)
    assert response.polls == [Poll(question="!", votes={})]
    # A change of a loaded context is found, a load alone is none.
    before = store.storage.statistics()
    store["user"] = found
    found.last_request.ui.votes["b"] = 2
    store["user"] = found
    assert store["user"].last_request.ui.votes == {"a": 1, "b": 2}
    assert before


@pytest.mark.parametrize("identity", [uuid4(), str(uuid4()), "plain", 42])
def test_an_id_keeps_its_type(store: RedisContextStorage, identity: Union[UUID, str, int]) -> None:
    store["user"] = talked("one", id=identity)
    found = store["user"]
    assert found.id == identity
    assert type(found.id) is type(identity)
    store["user"] = found
    assert type(store["user"].id) is type(identity)


def test_no_turn_is_lost_between_two_writers(store: RedisContextStorage) -> None:
    store["user"] = talked("one")
    ours, theirs = store["user"], store["user"]
    theirs.add_request(Message(text="theirs"))
    theirs.misc["theirs"] = 1
    store["user"] = theirs
    ours.add_request(Message(text="ours"))
    ours.misc["ours"] = 2
    store["user"] = ours
    assert texts_of(store["user"]) == ["one", "theirs", "ours"]
    assert store["user"].misc == {"theirs": 1, "ours": 2}
    # The object that was merged holds both, and goes on.
    assert texts_of(ours) == ["one", "theirs", "ours"]
    ours.add_request(Message(text="more"))
    store["user"] = ours
    assert texts_of(store["user"]) == ["one", "theirs", "ours", "more"]


async def test_first_turns_of_two_bots_are_both_kept(store: RedisContextStorage) -> None:
    ours = await store.get_async("user", Context(id="user"))
    theirs = await store.get_async("user", Context(id="user"))
    for context, text in ((theirs, "theirs"), (ours, "ours")):
        context.add_request(Message(text=text))
        await store.set_item_async("user", context)
    assert texts_of(await store.get_item_async("user")) == ["theirs", "ours"]


def test_a_context_not_loaded_from_here_replaces(store: RedisContextStorage) -> None:
    store["user"] = talked("one", "two")
    store["user"] = talked("other")
    assert texts_of(store["user"]) == ["other"]
    copy = store["user"].model_copy(deep=True)
    copy.add_request(Message(text="copied"))
    store["user"] = copy
    assert texts_of(store["user"]) == ["other", "copied"]


def test_dialogs_without_a_key_do_not_overwrite_each_other(store: RedisContextStorage) -> None:
    first, second = talked("first"), talked("second")
    store[None] = first
    store[None] = second
    assert store[first.id] == first
    assert store[second.id] == second


def test_twins_live_as_long_as_their_contexts(store: RedisContextStorage) -> None:
    contexts = [store.get(i, Context()) for i in range(100)]
    assert len(store._twins) == 100
    del contexts
    gc.collect()
    assert len(store._twins) == 0


def test_a_save_sends_only_what_is_new(redis_server: RedisServer, redis_uri: str) -> None:
    store = RedisContextStorage(redis_uri, history="recent")
    store["user"] = talked(*(str(number) * 50 for number in range(2000)))

    def sent() -> int:
        return redis_server.statistic("total_net_input_bytes")

    for _ in range(20):  # past the first pages
        context = store["user"]
        context.add_request(Message(text="x"))
        store["user"] = context
    before = sent()
    turns = 32
    for _ in range(turns):
        context = store["user"]
        assert len(context.requests) < 60
        context.add_request(Message(text="y" * 20))
        store["user"] = context
    assert (sent() - before) / turns < 1500
    assert len(RedisContextStorage(redis_uri)["user"].requests) == 2052


def test_the_factory_knows_our_uris_and_dff_the_others(tmp_path: Path, uri: str) -> None:
    assert isinstance(context_storage_factory(uri), RedisContextStorage)
    assert isinstance(context_storage_factory(f"shelve://{tmp_path}/x"), ShelveContextStorage)
    with pytest.raises(dialogstore.UriError):
        context_storage_factory("redis://localhost?timout=1")


def pipeline_of(storage: RedisContextStorage) -> Pipeline:
    script = {"flow": {"node": {RESPONSE: _echo, TRANSITIONS: {"node": true()}}}}
    return Pipeline.from_script(script, start_label=("flow", "node"), context_storage=storage)


def _echo(context: Context, *_: object) -> Message:
    return Message(text=f"heard {context.last_request.text}")


def test_a_pipeline_of_dff_talks_on_it(store: RedisContextStorage) -> None:
    pipeline = pipeline_of(store)
    for number in range(12):
        context = pipeline(Message(text=str(number)), "user")
        assert context.last_response.text == f"heard {number}"
    assert texts_of(store["user"]) == [str(number) for number in range(12)]
    assert store["user"].framework_states == {}


def test_dff_reads_what_we_wrote_in_its_layout(redis_server: RedisServer) -> None:
    """With layout=dff the values are DFF's own, for bots that still use its storage."""
    from dff.context_storages.redis import RedisContextStorage as Theirs

    database = f"{redis_server.uri}/9"
    ours = RedisContextStorage(f"{database}?layout=dff")
    context = talked("one", "two")
    ours["user"] = context
    assert Theirs(database)["user"].requests == context.requests
    ours.clear()


def test_a_merge_in_its_layout_reaches_the_object(redis_server: RedisServer) -> None:
    store = RedisContextStorage(f"{redis_server.uri}/8?layout=dff")
    store["user"] = talked("one")
    ours, theirs = store["user"], store["user"]
    for context, text in ((theirs, "theirs"), (ours, "ours")):
        context.add_request(Message(text=text))
        store["user"] = context
    assert texts_of(ours) == texts_of(store["user"]) == ["one", "theirs", "ours"]
    store.clear()


async def test_cancelled_saves_leave_the_storage_usable(store: RedisContextStorage) -> None:
    context = talked("one")
    saving = asyncio.create_task(store.set_item_async("user", context))
    await asyncio.sleep(0)  # to where the call is under way
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    context.add_request(Message(text="two"))
    await store.set_item_async("user", context)
    assert texts_of(await store.get_item_async("user")) == ["one", "two"]
