"""Python and C++ at the same dialogs."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable

import pytest

import dialogstore
from dialogstore import Context, Storage

CLI = os.environ.get("DIALOGSTORE_CLI", "")

needs_cli = pytest.mark.skipif(not CLI, reason="DIALOGSTORE_CLI names no program")


def cli(uri: str, *arguments: str, said: str | None = None) -> str:
    done = subprocess.run(
        [CLI, "--store", uri, *arguments], input=said, stdout=subprocess.PIPE, text=True, timeout=60
    )
    assert done.returncode == 0
    return done.stdout


@needs_cli
@pytest.mark.parametrize("kind", ["redis", "sqlite"])
def test_each_reads_what_the_other_wrote(kind: str, request: pytest.FixtureRequest) -> None:
    uri = request.getfixturevalue(f"{kind}_uri")
    with Storage(uri) as storage:
        context = Context("me")
        context.add_request("Ж\u2028")
        context.misc["big"] = 2**70
        storage["user"] = context
        assert json.loads(cli(uri, "get", "user")) == context.to_dict()
        cli(uri, "set", "theirs", "-", said=context.to_json())
        assert storage["theirs"] == context


@needs_cli
@pytest.mark.parametrize("kind", ["redis", "sqlite"])
def test_at_the_same_dialog_nothing_is_lost(kind: str, request: pytest.FixtureRequest) -> None:
    """The bot of the command line and three ways of Python, all at once."""
    uri = request.getfixturevalue(f"{kind}_uri") + "&on_conflict=merge"
    turns = 40
    with Storage(uri, timeout=60.0) as storage:
        context = Context()
        context.add_request("first")
        storage["user"] = context

        def append() -> None:
            for number in range(turns):
                storage.append("user", request=f"append {number}")

        def save() -> None:
            for number in range(turns):
                mine = storage["user"]
                mine.add_request(f"save {number}")
                storage["user"] = mine

        def save_by_dff() -> None:
            dff = pytest.importorskip("dialogstore.dff")
            message = pytest.importorskip("dff.script").Message
            theirs = dff.RedisContextStorage(uri, timeout=60.0)
            for number in range(turns):
                mine = theirs["user"]
                mine.add_request(message(text=f"dff {number}"))
                theirs["user"] = mine
            theirs.close()

        def chat() -> None:
            lines = "".join(f"chat {number}\n" for number in range(turns))
            cli(uri, "chat", "user", said=lines)

        _all_at_once(append, save, save_by_dff, chat)
        texts = [message["text"] for message in storage["user"].requests.values()]
        for who in ("append", "save", "dff", "chat"):
            own = [text for text in texts if text.startswith(who)]
            assert own == [f"{who} {number}" for number in range(turns)]
        assert len(texts) == 1 + 4 * turns
        assert storage.check().damaged == []


def _all_at_once(*works: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_versions_agree() -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        installed = version("dialogstore")
    except PackageNotFoundError:
        pytest.skip("the package is not installed")
    assert installed == dialogstore.__version__
