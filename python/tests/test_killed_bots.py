"""A bot that is killed: the next one goes on with its dialog."""

from __future__ import annotations

import subprocess

import pytest

from conftest import run_python
from dialogstore import Storage

DFF = """
import sys
from dff.script import Context, Message
from dialogstore.dff import RedisContextStorage

storage = RedisContextStorage(sys.argv[1])
for line in sys.stdin:
    context = storage.get("user", Context(id="user"))
    context.add_request(Message(text=line.strip()))
    context.add_response(Message(text="heard"))
    storage["user"] = context
    print("saved", flush=True)
"""
CHATSKY = """
import asyncio
import sys
from chatsky.core import Context, Message
from chatsky.core.node_label import AbsoluteNodeLabel
from dialogstore.chatsky import RedisContextStorage

async def talk(storage, text):
    start = AbsoluteNodeLabel(flow_name="flow", node_name="start")
    context = await Context.connected(storage, start, "user")
    context.current_turn_id += 1
    context.requests[context.current_turn_id] = Message(text=text)
    context.responses[context.current_turn_id] = Message(text="heard")
    await context.store()

storage = RedisContextStorage(sys.argv[1])
for line in sys.stdin:
    asyncio.run(talk(storage, line.strip()))
    print("saved", flush=True)
"""
BOTS = {"dff": DFF, "chatsky": CHATSKY}


def _say(bot: subprocess.Popen[str], text: str) -> None:
    assert bot.stdin is not None
    bot.stdin.write(text + "\n")
    bot.stdin.flush()


def _answered(bot: subprocess.Popen[str]) -> bool:
    assert bot.stdout is not None
    return bot.stdout.readline() == "saved\n"


def _kill(bot: subprocess.Popen[str]) -> None:
    bot.kill()
    bot.communicate()


@pytest.fixture(params=BOTS)
def program(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return BOTS[request.param]


@pytest.fixture(params=["redis", "sqlite"])
def lasting_uri(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_uri")
    return found


def requests_of(uri: str) -> list[str]:
    with Storage(uri) as storage:
        return [message["text"] for message in storage["user"].requests.values()]


def test_between_two_turns(program: str, lasting_uri: str) -> None:
    for text in ("one", "two", "three"):
        bot = run_python(program, lasting_uri)
        _say(bot, text)
        assert _answered(bot)
        _kill(bot)
    assert requests_of(lasting_uri) == ["one", "two", "three"]


def test_in_the_midst_of_a_turn(program: str, lasting_uri: str) -> None:
    expected: list[str] = []
    for number in range(3):
        bot = run_python(program, lasting_uri)
        _say(bot, f"heard {number}")
        assert _answered(bot)
        expected.append(f"heard {number}")
        for turn in range(20):  # of which it is in one when it is killed
            _say(bot, f"lost perhaps {number}.{turn}")
        _kill(bot)
        found = requests_of(lasting_uri)
        begun = [f"lost perhaps {number}.{turn}" for turn in range(20)]
        assert found == expected + begun[: len(found) - len(expected)]
        expected = found
