"""Long contexts are read and written in slices, between which the event loop sees to others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("dff")

from dff.script import Context, Message

import dialogstore
from dialogstore.dff import RedisContextStorage


@pytest.fixture
def uri() -> str:
    return "memory://"


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every slice has one message."""
    monkeypatch.setattr("dialogstore._slices._SLICE", 0.0)


def talked(turns: int) -> Context:
    context = Context(id="user", misc={"turns": turns})
    for number in range(turns):
        add_turn(context, str(number))
    return context


def add_turn(context: Context, text: str) -> None:
    context.add_label(("flow", text))
    context.add_request(Message(text=text))
    context.add_response(Message(text=text.upper(), misc={"n": [1]}))


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("is_known", [False, True])
async def test_turns_that_come_between_slices_are_left_to_the_next_save(
    store: RedisContextStorage, is_known: bool
) -> None:
    context = talked(10)
    if is_known:
        await store.set_item_async("user", context)
    saving = asyncio.create_task(store.set_item_async("user", context))
    await steps(8)
    assert not saving.done()
    before = context.model_copy(deep=True)
    add_turn(context, "late")
    context.misc["late"] = True
    del context.requests[9]
    await saving
    assert await store.get_item_async("user") == before
    await store.set_item_async("user", context)
    assert await store.get_item_async("user") == context


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_message_changed_between_slices_is_not_lost(
    store: RedisContextStorage, is_known: bool
) -> None:
    for index in range(10):
        context = talked(10)
        if is_known:
            await store.set_item_async("user", context)
        saving = asyncio.create_task(store.set_item_async("user", context))
        await steps(16)  # in the requests
        assert not saving.done()
        context.requests[index].text = "changed"
        await saving
        await store.set_item_async("user", context)
        assert await store.get_item_async("user") == context


@pytest.mark.usefixtures("one_by_one")
async def test_another_save_of_it_between_slices_is_refused(store: RedisContextStorage) -> None:
    context = talked(10)
    for _ in range(2):  # when it is new, and when it is known
        saving = asyncio.create_task(store.set_item_async("user", context))
        await steps(5)
        with pytest.raises(dialogstore.StorageError) as caught:
            await store.set_item_async("user", context)
        assert caught.value.code == "save_in_progress"
        await saving
    add_turn(context, "more")
    await store.set_item_async("user", context)
    assert await store.get_item_async("user") == context


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_save_may_be_cancelled_between_slices(
    store: RedisContextStorage, is_known: bool
) -> None:
    for count in range(1, 40):
        context = talked(10)
        if is_known:
            await store.set_item_async("user", context)
            add_turn(context, "new")
        saving = asyncio.create_task(store.set_item_async("user", context))
        await steps(count)
        saving.cancel()
        await asyncio.wait([saving])
        add_turn(context, "more")
        await store.set_item_async("user", context)
        assert await store.get_item_async("user") == context


@pytest.mark.usefixtures("one_by_one")
async def test_a_load_may_be_cancelled_between_slices(store: RedisContextStorage) -> None:
    context = talked(10)
    await store.set_item_async("user", context)
    for count in range(20):
        loading = asyncio.create_task(store.get_item_async("user"))
        await steps(count)
        loading.cancel()
        await asyncio.wait([loading])
    del loading
    assert len(store._twins) == 1
    assert await store.get_item_async("user") == context


@pytest.mark.usefixtures("one_by_one")
async def test_what_was_merged_is_taken_over_in_slices(store: RedisContextStorage) -> None:
    for count in range(120):
        await store.set_item_async("user", talked(5))
        ours, theirs = [await store.get_item_async("user") for _ in range(2)]
        add_turn(theirs, "theirs")
        await store.set_item_async("user", theirs)
        add_turn(ours, "ours")
        saving = asyncio.create_task(store.set_item_async("user", ours))
        await steps(count)
        saving.cancel()
        await asyncio.wait([saving])
        await store.set_item_async("user", ours)
        texts = [message.text for message in ours.requests.values()]
        assert texts == ["0", "1", "2", "3", "4", "theirs", "ours"]
        assert await store.get_item_async("user") == ours


@pytest.mark.usefixtures("one_by_one")
async def test_what_takes_pydantic_as_a_whole_is_saved(store: RedisContextStorage) -> None:
    context = talked(10)
    context.labels[5] = ["flow", "a list"]
    with pytest.warns(UserWarning, match="Expected `tuple"):
        await store.set_item_async("user", context)
    assert (await store.get_item_async("user")).labels[5] == ("flow", "a list")


class Steps:
    """Within it, how many callbacks the loop ran."""

    def __enter__(self) -> Steps:
        self.count = 0
        self._run = run = asyncio.events.Handle._run

        def counted(handle: Any) -> None:
            self.count += 1
            run(handle)

        asyncio.events.Handle._run = counted  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.events.Handle._run = self._run  # type: ignore[method-assign]


@pytest.mark.usefixtures("one_by_one")
async def test_the_loop_has_its_turn_after_each_slice(store: RedisContextStorage) -> None:
    turns = 100
    context = talked(turns)
    with Steps() as saving:
        await store.set_item_async("user", context)
    assert saving.count > 2 * turns  # messages
    with Steps() as loading:
        found = await store.get_item_async("user")
    assert loading.count > turns
    assert found == context


async def test_a_short_context_is_done_in_one_slice(store: RedisContextStorage) -> None:
    context = talked(1)
    with Steps() as saving:
        await store.set_item_async("user", context)
    with Steps() as loading:
        await store.get_item_async("user")
    assert saving.count + loading.count < 20
