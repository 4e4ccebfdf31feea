"""The examples run, and their bots go on where they were."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"


def run(name: str, uri: str, *lines: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, uri],
        input="".join(line + "\n" for line in lines),
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    return done.stdout.splitlines()


def output_of(name: str, *arguments: str) -> list[str]:
    """Of a benchmark."""
    done = subprocess.run(
        [sys.executable, EXAMPLES.parents[1] / "bench" / name, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", ["dff_bot.py", "chatsky_bot.py"])
def test_a_bot_goes_on_where_it_was(name: str, redis_uri: str) -> None:
    pytest.importorskip(name.split("_")[0])
    assert run(name, redis_uri, "Hi", "more") == ["Hello! Go on.", "That was turn 2."]
    assert run(name, redis_uri, "and more") == ["That was turn 3."]


def test_the_benchmark_of_dff_runs_on_both_storages() -> None:
    pytest.importorskip("dff")
    lines = output_of(
        "dff_harness", "--contexts", "1", "--presets", "very-long-misc-len", "--lengths", "3"
    )
    assert [line.split(":")[0].split(" ms")[0].split()[0] for line in lines] == [
        *["a", "very-long-misc-len", "DFF", "ours", "ours,", "ours,"]
    ]


def test_the_benchmark_of_chatsky_runs_on_both_storages() -> None:
    pytest.importorskip("chatsky")
    lines = output_of("chatsky_harness", "--contexts", "1", "--presets", "very-long-misc-len")
    assert [line.split()[0] for line in lines] == [
        *["very-long-misc-len", "Chatsky", "ours", "ours,"]
    ]


def test_the_stalls_of_an_event_loop_are_measured() -> None:
    pytest.importorskip("dff")
    lines = output_of("loop_stalls", "--dialogs", "5", "--turns", "2", "--length", "9")
    figures = ["outcomes handed over", "a step of"]
    beginnings = [" ".join(line.split()[:3]) for line in lines if "threads" not in line]
    runs = ["the library, 5", "the library, a", "DFF, 5 dialogs", "DFF, a dialog"]
    assert beginnings == [line for run in runs for line in (run, *figures)]
    assert all(int(line.split()[0]) <= 4 for line in lines if "threads" in line)


def test_several_users(sqlite_uri: str) -> None:
    lines = run("several_users.py", sqlite_uri)
    assert sorted(line.split(":")[0] for line in lines) == ["ann", "bob", "eve"]
    assert all(": 3 turns" in line for line in lines)
