"""Plays the cells: rounds of the contenders of a block alternate, so that whatever else the machine
does meets all of them."""

import contextlib
import math
import shutil
import sys
import time

from . import footprint
from .cells import BY_NAME, CONTENDERS
from .cross_check import cross_check
from .programs import Absent, ProgramError
from .servers import RedisServer

# A contender has two databases: as prepared, and what a round plays with.
RECORDED_FROM = "ours-recent"
# Recorded saves are late, and refused, after ten minutes.
RECORDING_SECONDS = 300


def log(text):
    print(text, file=sys.stderr, flush=True)


def database_of(contender):
    return 2 * [each.name for each in CONTENDERS].index(contender)


class Measurement:
    def __init__(self, programs, material, extent, folder, server_core):
        self._programs = programs
        self._material = material
        self._extent = extent
        self._folder = folder
        self._server_core = server_core
        self.absent = {}
        self.cells = {}
        self.footprints = []
        self.cross_check = None

    def run(self, wanted, after_block):
        """`wanted`: names of contenders; `after_block` is called after each block and at the end."""
        self._wanted = wanted
        self._find_absent_peers()
        for stored in sorted({block.stored for block in self._extent.blocks}):
            blocks = [block for block in self._extent.blocks if block.stored == stored]
            with RedisServer(self._server_core) as server:
                self._prepared = set()
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir(parents=True)
                for block in blocks:
                    self._play_block(server, block)
                    after_block()
        self.footprints = footprint.measure(
            self._programs, self._material, self._folder, self._server_core
        )
        shutil.rmtree(self._folder)
        after_block()

    def _find_absent_peers(self):
        for contender in CONTENDERS:
            if contender.kind == "peer" and contender.name in self._wanted:
                reason = self._programs.peer_problem(contender.name)
                if reason:
                    self._mark_absent(contender.name, reason)

    def _mark_absent(self, name, reason):
        self.absent[name] = reason
        log(f"{name} is absent: {reason}")

    # ---- one block

    def _play_block(self, server, block):
        self._seconds = {}
        start = time.monotonic()
        names = [name for name in block.contenders if name in self._wanted]
        for name in names:
            with self._timed(name):
                self._prepare(server, block, name)
        names = [name for name in names if name not in self.absent]
        if not names:
            return
        self._recorded_at = -math.inf
        for number in range(self._extent.rounds * block.times):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                with self._timed(name):
                    self._play_round(server, block, name)
        slowest = max(self._seconds, key=self._seconds.get)
        log(
            f"{block.stored} turns stored, {block.dialogs} dialogs: {len(names)} contenders in "
            f"{time.monotonic() - start:.0f} s, {slowest} {self._seconds[slowest]:.0f} s of them"
        )
        is_recorded = any(BY_NAME[name].kind == "recorded" for name in names)
        if is_recorded and (block.stored, block.dialogs) == self._extent.cross_checked:
            self._record(server, block)
            database = database_of(RECORDED_FROM) + 1
            self.cross_check = cross_check(
                self._programs, server, database, self._recording(), self._folder, self._extent
            )

    @contextlib.contextmanager
    def _timed(self, name):
        start = time.monotonic()
        yield
        self._seconds[name] = self._seconds.get(name, 0) + time.monotonic() - start

    def _play_round(self, server, block, name):
        if name in self.absent:
            return
        try:
            figures = self._play(server, block, name)
        except ProgramError as error:
            self._give_up_peer(name, error)
            return
        self.cells.setdefault((name, block.dialogs, block.stored), []).append(figures)

    def _prepare(self, server, block, name):
        if BY_NAME[name].kind == "recorded":
            name = RECORDED_FROM
        contender = BY_NAME[name]
        if name in self._prepared or name in self.absent or contender.kind == "memory":
            return
        options = self._options(server, block, name, database_of(name))
        if contender.kind == "sqlite":
            options["store"] = self._sqlite_folder(name, "prepared")
        play = self._programs.peer if contender.kind == "peer" else self._programs.turns
        try:
            play("prepare", **options)
        except Absent as reason:
            self._mark_absent(name, str(reason))
        except ProgramError as error:
            self._give_up_peer(name, error)
        self._prepared.add(name)

    def _give_up_peer(self, name, error):
        """What is not ours does not end the run."""
        if BY_NAME[name].kind != "peer":
            raise error
        self._mark_absent(name, f"it failed: {str(error).splitlines()[-1]}")

    def _record(self, server, block):
        """Unless the last recording is of this block, and new."""
        if time.monotonic() < self._recorded_at + RECORDING_SECONDS:
            return
        source = database_of(RECORDED_FROM)
        server.copy_database(source, source + 1)
        options = self._options(server, block, RECORDED_FROM, source + 1)
        self._programs.turns("record", recording=self._recording(), **options)
        self._recorded_at = time.monotonic()

    def _play(self, server, block, name):
        contender = BY_NAME[name]
        source = name
        if contender.kind == "recorded":
            source = RECORDED_FROM
            self._record(server, block)
        options = self._options(server, block, name, database_of(source) + 1)
        options |= {"dialogs": block.dialogs, "seconds": self._extent.seconds}
        if contender.kind == "sqlite":
            prepared = self._sqlite_folder(name, "prepared")
            options["store"] = self._sqlite_folder(name, "played")
            shutil.rmtree(options["store"])
            shutil.copytree(prepared, options["store"])
        elif contender.kind == "memory":
            options["store"] = ""
        else:
            server.copy_database(database_of(source), database_of(source) + 1)
        if contender.kind == "recorded":
            options["recording"] = self._recording()
        if contender.kind == "peer":
            return self._programs.peer("play", **options)
        return self._programs.turns("play", **options)

    def _options(self, server, block, name, database):
        pool = self._extent.pool(name, block.stored)
        contender = BY_NAME[name]
        return {
            "contender": contender.plays or name,
            "store": server.uri(database),
            "material": self._material.mixed,
            "stored": contender.stored or block.stored,
            "pool": pool.dialogs,
            "each": pool.each,
            "warm-seconds": max(1.0, self._extent.seconds),
        }

    def _recording(self):
        return self._folder / "recording"

    def _sqlite_folder(self, name, state):
        folder = self._folder / f"{name}-{state}"
        folder.mkdir(exist_ok=True)
        return folder
