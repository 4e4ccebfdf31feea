"""The library on event loops: no thread for a call, cancellation, other loops than the first."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from typing import Any

import pytest

from conftest import RedisServer
from dialogstore import ConflictError, Context, KeyError, Storage, StorageError, TimeoutError
from dialogstore._core import Arrivals

uvloop = pytest.importorskip("uvloop")


async def test_every_operation_can_be_awaited(uri: str) -> None:
    async with Storage(uri) as storage:
        context = Context()
        context.add_request("one")
        assert not await storage.contains_async("user")
        assert await storage.get_async("user") is None
        assert await storage.get_async("user", context) is context
        await storage.set_item_async("user", context)
        assert await storage.get_item_async("user") == context
        assert await storage.append_async("user", request="two") == 1
        assert len(await storage.load_turns_async("user", 0, 9)) == 2
        assert (await storage.watch_async("user", 1)).next_index == 2
        with pytest.raises(ConflictError):
            await storage.create_async("user", Context())
        with pytest.raises(KeyError, match='get_item "nobody"'):
            await storage.get_item_async("nobody")
        assert await storage.set_items_async([("a", Context()), ("b", Context())]) == [None, None]
        assert None not in await storage.get_items_async(["a", "b"])
        assert sorted([key async for key in storage.scan_async(page_size=1)]) == ["a", "b", "user"]
        assert await storage.len_async() == 3
        assert (await storage.check_async()).contexts == 3
        assert await storage.statistics_async()
        assert await storage.del_items_async(["a"]) == 1
        assert await storage.del_item_async("b")
        assert await storage.clear_async() == 1


async def talk(storage: Storage, user: int, turns: int) -> None:
    for number in range(turns):
        context = await storage.get_async(user, Context())
        context.add_request(f"{user}:{number}")
        context.add_response("heard")
        await storage.set_item_async(user, context)


async def test_a_thousand_dialogs_need_no_thread_each(uri: str) -> None:
    async with Storage(uri, timeout=60.0) as storage:
        await storage.len_async()
        before = threading.active_count(), len(os.listdir("/proc/self/task"))
        most = 0

        async def watch_threads() -> None:
            nonlocal most
            while True:
                most = max(most, len(os.listdir("/proc/self/task")))
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch_threads())
        await asyncio.gather(*(talk(storage, user, 3) for user in range(1000)))
        watching.cancel()
        assert threading.active_count() == before[0]
        assert most <= before[1]  # one of an earlier storage may still have been ending
        assert await storage.len_async() == 1000
        contexts = await storage.get_items_async(range(1000))
        for user, context in enumerate(contexts):
            assert context is not None
            texts = [message["text"] for message in context.requests.values()]
            assert texts == [f"{user}:{number}" for number in range(3)]


async def test_many_outcomes_take_one_wake_up(
    redis_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wake_ups = 0

    class Counted:
        def __init__(self) -> None:
            self.arrivals = Arrivals()

        def fileno(self) -> int:
            return self.arrivals.fileno()

        def drain(self) -> None:
            nonlocal wake_ups
            wake_ups += 1
            self.arrivals.drain()

    counted = Counted()
    loop = asyncio.get_running_loop()
    loop.add_reader(counted.fileno(), counted.drain)
    monkeypatch.setattr("dialogstore._loop._arrivals_of", lambda _: counted.arrivals)
    async with Storage(redis_uri) as storage:
        await storage.len_async()
        calls = [asyncio.ensure_future(storage.contains_async(i)) for i in range(100)]
        await asyncio.sleep(0)  # all of them have begun
        wake_ups = 0
        storage.len()  # holds the loop until the server has answered all of them
        await asyncio.gather(*calls)
        assert wake_ups == 1
        # Very many come in parts, between which the loop sees to others.
        calls = [asyncio.ensure_future(storage.contains_async(i)) for i in range(1000)]
        await asyncio.sleep(0)
        wake_ups = 0
        storage.len()
        done_at_once: list[int] = []
        while not all(call.done() for call in calls):
            done_at_once.append(sum(call.done() for call in calls))
            await asyncio.sleep(0)
        assert wake_ups == 8
        assert max(b - a for a, b in zip(done_at_once, done_at_once[1:])) <= 128
    loop.remove_reader(counted.fileno())


async def test_cancelling_a_wait_cancels_the_call(uri: str) -> None:
    async with Storage(uri) as storage:
        await storage.set_item_async("user", Context())
        waiting = asyncio.create_task(storage.watch_async("user", 5, timeout=60))
        await storage.contains_async("user")  # by now the wait is under way
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 20)
        assert await storage.contains_async("user")


async def test_after_a_cancelled_save_the_context_can_be_saved(uri: str) -> None:
    async with Storage(uri) as storage:
        context = Context()
        for number in range(50):
            context.add_request(str(number))
            saving = asyncio.create_task(storage.set_item_async("user", context))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            saving.cancel()
            await asyncio.wait([saving])
            context.add_response("heard")  # the call has let go of it
            await storage.set_item_async("user", context)
        found = await storage.get_item_async("user")
        assert [m["text"] for m in found.requests.values()] == [str(n) for n in range(50)]


async def test_a_context_is_nobodys_while_it_is_saved(own_server: RedisServer) -> None:
    async with Storage(own_server.uri) as storage:
        context = Context()
        await storage.contains_async("user")
        own_server.pause()
        saving = asyncio.create_task(storage.set_item_async("user", context))
        await asyncio.sleep(0)
        with pytest.raises(StorageError) as caught:
            context.add_request("too early")
        assert caught.value.code == "save_in_progress"
        with pytest.raises(StorageError, match="is being saved"):
            await storage.set_items_async([("other", Context()), ("user", context)])
        own_server.resume()
        await saving
        context.add_request("now")


async def test_a_deadline_is_an_error_of_its_own(own_server: RedisServer) -> None:
    async with Storage(own_server.uri, timeout=0.2) as storage:
        await storage.contains_async("user")
        own_server.pause()
        with pytest.raises(TimeoutError) as caught:
            await storage.contains_async("user")
        assert caught.value.code == "timed_out"
        own_server.resume()
        assert not await storage.contains_async("user", timeout=20)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_any_loop_will_do_and_several_too(uri: str, new_loop: Any) -> None:
    storage = Storage(uri)
    failures: list[BaseException] = []

    def serve(first: int) -> None:
        loop = new_loop()
        try:
            users = range(first, first + 20)
            work = asyncio.gather
            loop.run_until_complete(_all(work, storage, users))
        except BaseException as failure:
            failures.append(failure)
        finally:
            loop.close()

    threads = [threading.Thread(target=serve, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert storage.len() == 60
    storage.close()


async def _all(gather: Any, storage: Storage, users: range) -> None:
    await gather(*(talk(storage, user, 2) for user in users))


def test_a_loop_that_is_gone_leaves_no_descriptor(redis_uri: str) -> None:
    with Storage(redis_uri) as storage:
        asyncio.run(storage.len_async())
        gc.collect()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            asyncio.run(storage.len_async())
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) <= before + 1


async def test_closing_ends_what_waits(uri: str) -> None:
    storage = Storage(uri)
    await storage.set_item_async("user", Context())
    waiting = asyncio.create_task(storage.watch_async("user", 5, timeout=60))
    await storage.contains_async("user")
    storage.close()
    with pytest.raises(StorageError) as caught:
        await waiting
    assert caught.value.code == "closed"
