"""What a DFF object holds and what is stored after saves that were cut off: nobody heard how they
ended, or they failed or were cancelled in the midst of a merge."""

from __future__ import annotations

import asyncio

import pytest

from conftest import LosingProxy

pytest.importorskip("dff")

from dff.script import Context, Message

import dialogstore
from dialogstore.dff import RedisContextStorage


@pytest.fixture
def store(losing: RedisContextStorage) -> RedisContextStorage:
    losing["warm"] = Context(id="warm")  # it is connected, and the server knows the script
    return losing


def talked(*texts: str) -> Context:
    context = Context(id="user")
    for text in texts:
        add_turn(context, text)
    return context


def add_turn(context: Context, text: str) -> None:
    context.add_label(("flow", text))
    context.add_request(Message(text=text))
    context.add_response(Message(text=text.upper()))


def turns_of(context: Context) -> list[tuple[str, str, str]]:
    labels, requests = context.labels, context.requests
    return [(labels[i][1], requests[i].text, context.responses[i].text) for i in sorted(labels)]


def turns(*texts: str) -> list[tuple[str, str, str]]:
    return [(text, text, text.upper()) for text in texts]


def two_that_conflict(store: RedisContextStorage, others: RedisContextStorage) -> Context:
    """One of `store`, whose next save is merged."""
    others["user"] = talked("one")
    ours, theirs = store["user"], others["user"]
    add_turn(theirs, "theirs")
    others["user"] = theirs
    add_turn(ours, "ours")
    return ours


def test_what_comes_after_a_first_save_without_reply_is_stored(
    store: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    context = Context(id="user")
    context.add_request(Message(text="one"))
    with proxy.losing(), pytest.raises(dialogstore.StorageError) as failed:
        store["user"] = context
    assert failed.value.is_outcome_unknown
    context.misc["name"] = "Ann"
    context.framework_states["module"] = {"state": 1}
    context.add_response(Message(text="heard"))
    store["user"] = context
    found = others["user"]
    assert (found.misc, found.framework_states) == ({"name": "Ann"}, {"module": {"state": 1}})
    assert found.requests == {0: Message(text="one")}
    assert found.responses == {0: Message(text="heard")}


def test_turns_after_a_first_save_of_none_without_reply_are_stored(
    store: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    context = Context(id="user", misc={"name": "Ann"})
    with proxy.losing(), pytest.raises(dialogstore.StorageError):
        store["user"] = context
    add_turn(context, "one")
    store["user"] = context
    add_turn(context, "two")
    store["user"] = context
    assert turns_of(others["user"]) == turns("one", "two")
    assert others["user"].misc == {"name": "Ann"}


def test_a_merged_save_without_reply_may_be_repeated(
    store: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    context = two_that_conflict(store, others)
    with proxy.losing(after=1), pytest.raises(dialogstore.StorageError) as failed:
        store["user"] = context
    assert failed.value.is_outcome_unknown
    assert turns_of(context) == turns("one", "theirs", "ours")
    store["user"] = context
    assert turns_of(others["user"]) == turns("one", "theirs", "ours")
    add_turn(context, "more")
    store["user"] = context
    assert turns_of(others["user"]) == turns("one", "theirs", "ours", "more")


async def test_a_merged_save_that_was_awaited_without_reply(
    store: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    context = two_that_conflict(store, others)
    with proxy.losing(after=1), pytest.raises(dialogstore.StorageError):
        await store.set_item_async("user", context)
    add_turn(context, "more")
    await store.set_item_async("user", context)
    assert turns_of(others["user"]) == turns("one", "theirs", "ours", "more")


async def test_a_merged_save_that_was_cancelled() -> None:
    store = RedisContextStorage("memory://")
    context = two_that_conflict(store, store)
    saving = asyncio.create_task(store.set_item_async("user", context))
    while len(store["user"].requests) < 3:
        await asyncio.sleep(0)
    saving.cancel()  # its outcome is there, and the task does not know it yet
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert turns_of(context) == turns("one", "theirs", "ours")
    context.misc["more"] = 1
    await store.set_item_async("user", context)
    assert turns_of(store["user"]) == turns("one", "theirs", "ours")
    store.close()


async def test_a_save_that_is_cancelled_twice_has_ended(
    store: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    context = two_that_conflict(store, others)
    with proxy.losing(after=1):
        saving = asyncio.create_task(store.set_item_async("user", context))
        while len(others["user"].requests) < 3:
            await asyncio.sleep(0.01)
        saving.cancel()
        await asyncio.sleep(0)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
    assert turns_of(context) == turns("one", "theirs", "ours")
    add_turn(context, "more")
    await store.set_item_async("user", context)
    assert turns_of(others["user"]) == turns("one", "theirs", "ours", "more")


def test_a_default_that_was_stored_elsewhere_is_new() -> None:
    store = RedisContextStorage("memory://")
    store["template"] = talked("hello")
    mine = store.get("user", store["template"])
    assert mine is not None
    rival = store.get("user", Context(id="user"))
    assert rival is not None
    add_turn(rival, "theirs")
    store["user"] = rival
    add_turn(mine, "mine")
    store["user"] = mine
    assert turns_of(store["user"]) == turns("theirs", "hello", "mine")
    assert turns_of(store["template"]) == turns("hello")
    store.close()


def test_a_default_that_was_deleted_is_stored_again() -> None:
    store = RedisContextStorage("memory://")
    store["user"] = talked("one")
    context = store["user"]
    del store["user"]
    assert store.get("user", context) is context
    add_turn(context, "two")
    store["user"] = context
    assert turns_of(store["user"]) == turns("one", "two")
    store.close()


def test_a_default_whose_save_is_in_doubt_remembers_it(
    store: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    context = talked("one")
    with proxy.losing(), pytest.raises(dialogstore.StorageError):
        store["user"] = context
    assert store.get("another", context) is context
    add_turn(context, "two")
    store["user"] = context
    assert turns_of(others["user"]) == turns("one", "two")
