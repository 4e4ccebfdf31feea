"""The programs that play a cell, each a process of its own on the client's core."""

import json
import os
import subprocess
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
LONGEST_SECONDS = 600


class ProgramError(Exception):
    pass


class Absent(Exception):
    """The contender cannot run here; the text says why."""


def cores():
    """(of the server, of the client); None where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)


def run_pinned(command, core):
    """What it printed."""

    def pin():
        if core is not None:
            os.sched_setaffinity(0, {core})

    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            preexec_fn=pin,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired as expired:
        raise ProgramError(f"{command[0]}: no end after {LONGEST_SECONDS} s") from expired
    if done.returncode != 0:
        text = done.stderr.decode(errors="replace").strip()
        raise ProgramError(f"{' '.join(map(str, command))}\nended with {done.returncode}: {text}")
    return done.stdout


class Programs:
    def __init__(self, folder, venv, core):
        self._turns = Path(folder) / "turns"
        self._python = Path(venv) / "bin" / "python"
        self.core = core

    def check(self):
        if not self._turns.exists():
            raise ProgramError(f"{self._turns} is not built")

    def peer_problem(self, name):
        """Why a peer cannot run; None when it can."""
        if not self._python.exists():
            return "its packages are not installed: bench/install-peers"
        done = subprocess.run(
            [self._python, BENCH / "peers" / "play.py", "check", "--contender", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return None
        return (done.stderr.strip().splitlines() or ["no reason given"])[-1]

    def turns(self, command, **options):
        return self._run([self._turns, command], options)

    def peer(self, command, **options):
        return self._run([self._python, BENCH / "peers" / "play.py", command], options)

    def _run(self, command, options):
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        printed = run_pinned(command, self.core)
        figures = json.loads(printed)
        if isinstance(figures, dict) and "absent" in figures:
            raise Absent(figures["absent"])
        return figures
