"""A task of Chatsky that goes on storing after others' turns came in between: its own indices are
then not those of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Optional

import pytest

from conftest import LosingProxy

pytest.importorskip("chatsky")

from chatsky.core import Context, Message

import dialogstore
from chatsky_dialogs import answer, hear, loaded, talk
from dialogstore.chatsky import RedisContextStorage

Turn = tuple[int, Optional[str], Optional[str], Optional[str]]


async def another_task(work: Coroutine[Any, Any, Any]) -> Any:
    """Which has loaded nothing yet."""
    return await asyncio.create_task(work)


def turns_of(store: RedisContextStorage) -> list[Turn]:
    found = store.storage["user"]
    return [
        (
            turn.index,
            None if turn.label is None else turn.label[1],
            None if turn.request is None else turn.request["text"],
            None if turn.response is None else turn.response["text"],
        )
        for turn in map(found.turn, found.turn_indices)
        if turn is not None
    ]


def turn(index: int, text: str) -> Turn:
    return index, text, text, text.upper()


FIRST: Turn = (0, "start", None, None)


async def current_turn(store: RedisContextStorage) -> int:
    context = await another_task(loaded(store))
    found: int = context.current_turn_id
    return found


async def test_a_turn_that_is_stored_in_steps_stays_one(store: RedisContextStorage) -> None:
    await another_task(talk(store))
    context = await loaded(store)
    await another_task(talk(store, "theirs"))
    hear(context, "ours")
    await context.store()
    assert turns_of(store) == [FIRST, turn(1, "theirs"), (2, None, "ours", None)]
    answer(context)
    await context.store()
    assert turns_of(store) == [FIRST, turn(1, "theirs"), turn(2, "ours")]
    assert await current_turn(store) == 2
    await context.store()
    hear(context, "more")
    answer(context)
    await context.store()
    assert turns_of(store) == [FIRST, turn(1, "theirs"), turn(2, "ours"), turn(3, "more")]
    assert await current_turn(store) == 3


async def test_every_merge_moves_what_is_new_then(store: RedisContextStorage) -> None:
    await another_task(talk(store, "one"))
    context = await loaded(store)
    expected = [FIRST, turn(1, "one")]
    for number in range(3):
        await another_task(talk(store, f"theirs {number}", f"again {number}"))
        hear(context, f"ours {number}")
        await context.store()
        answer(context)
        await context.store()
        texts = (f"theirs {number}", f"again {number}", f"ours {number}")
        expected += [turn(len(expected) + i, text) for i, text in enumerate(texts)]
        assert turns_of(store) == expected
        assert await current_turn(store) == len(expected) - 1
    # The old ones are still where Chatsky has them; its own are where they were put.
    context.responses[1] = Message(text="changed")
    context.responses[3] = Message(text="changed too")
    del context.requests[2]
    await context.store()
    expected[1] = (1, "one", "one", "changed")
    expected[4] = (4, "ours 0", None, "OURS 0")
    expected[7] = (7, "ours 1", "ours 1", "changed too")
    assert turns_of(store) == expected


async def test_first_turns_are_kept_apart(store: RedisContextStorage) -> None:
    context = await loaded(store)
    await another_task(talk(store, "theirs"))
    hear(context, "ours")
    await context.store()
    answer(context)
    await context.store()
    expected = [FIRST, turn(1, "theirs"), (2, "start", None, None), turn(3, "ours")]
    assert turns_of(store) == expected
    assert await current_turn(store) == 3


async def test_a_turn_that_was_deleted_leaves_its_number(store: RedisContextStorage) -> None:
    await another_task(talk(store, "one", "two"))
    context = await loaded(store)
    for name in ("labels", "requests", "responses"):
        del getattr(context, name)[2]
    await context.store()
    await another_task(talk(store, "theirs"))
    hear(context, "ours")
    await context.store()
    answer(context)
    await context.store()
    assert turns_of(store) == [FIRST, turn(1, "one"), turn(3, "theirs"), turn(4, "ours")]


async def test_a_store_without_a_turn_sets_nothing_back(store: RedisContextStorage) -> None:
    await another_task(talk(store, "one"))
    context = await loaded(store)
    await another_task(talk(store, "theirs"))
    context.misc["ours"] = 1
    for _ in range(2):
        await context.store()
        assert await current_turn(store) == 2
    await store.update_context("user", None, [("requests", [], [77])])
    assert await current_turn(store) == 2
    hear(context, "ours")
    answer(context)
    await context.store()
    assert turns_of(store) == [FIRST, turn(1, "one"), turn(2, "theirs"), turn(3, "ours")]


async def test_misc_of_others_stays(store: RedisContextStorage) -> None:
    await another_task(talk(store, "one", ours=0, shared=0, gone=0))
    context = await loaded(store)
    await another_task(talk(store, "theirs", theirs=1, shared=1))
    context.misc["ours"] = 1
    await context.store()
    context.misc["ours"] = 2
    del context.misc["gone"]
    await context.store()
    assert dict(store.storage["user"].misc) == {"ours": 2, "shared": 1, "theirs": 1}
    context.misc["shared"] = 3
    await context.store()
    await context.store()
    assert dict(store.storage["user"].misc) == {"ours": 2, "shared": 3, "theirs": 1}


async def test_a_load_in_between_has_the_indices_of_the_store(store: RedisContextStorage) -> None:
    await another_task(talk(store))
    context = await loaded(store)
    await another_task(talk(store, "theirs"))
    hear(context, "ours")
    answer(context)
    await context.store()
    context = await loaded(store)
    assert context.current_turn_id == 2
    hear(context, "more")
    answer(context)
    await context.store()
    assert turns_of(store) == [FIRST, turn(1, "theirs"), turn(2, "ours"), turn(3, "more")]


async def store_without_reply(context: Context, proxy: LosingProxy, after: int = 0) -> None:
    with proxy.losing(after), pytest.raises(dialogstore.StorageError) as failed:
        await context.store()
    assert failed.value.is_outcome_unknown


async def test_a_merged_store_without_reply(
    losing: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    await another_task(talk(losing))
    context = await loaded(losing)
    await another_task(talk(others, "theirs"))
    hear(context, "ours")
    await store_without_reply(context, proxy, after=1)
    answer(context)
    await context.store()
    assert turns_of(others) == [FIRST, turn(1, "theirs"), turn(2, "ours")]
    assert await current_turn(others) == 2


async def test_what_was_stored_without_reply_is_not_moved_later(
    losing: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    await another_task(talk(losing))
    context = await loaded(losing)
    hear(context, "ours")
    await store_without_reply(context, proxy)
    await another_task(talk(others, "theirs"))
    context.misc["mood"] = "good"
    await context.store()
    answer(context)
    await context.store()
    assert turns_of(others) == [FIRST, turn(1, "ours"), turn(2, "theirs")]
    hear(context, "more")
    answer(context)
    await context.store()
    assert turns_of(others) == [FIRST, turn(1, "ours"), turn(2, "theirs"), turn(3, "more")]
    assert await current_turn(others) == 3


async def test_what_is_stored_while_in_doubt_is_kept(
    losing: RedisContextStorage, others: RedisContextStorage, proxy: LosingProxy
) -> None:
    await another_task(talk(losing))
    context = await loaded(losing)
    hear(context, "ours")
    await store_without_reply(context, proxy)
    answer(context)
    await store_without_reply(context, proxy)
    await context.store()
    assert turns_of(others) == [FIRST, turn(1, "ours")]
