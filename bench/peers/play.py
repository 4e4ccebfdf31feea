"""Measures one Python contender in one cell; the counterpart of bench/turns, whose arguments it
takes and whose figures it prints.

    play.py check    --contender …     ends with 0 when its packages are there
    play.py prepare  --contender … --store … --material … --stored N --pool N
    play.py play     the same and --dialogs N --each N --seconds S --warm-seconds S
"""

import argparse
import asyncio
import gc
import json
import math
import resource
import sys
import time

from storages import STORAGES

DIALOG_STRIDE = 7919  # as in bench/turns/material.cpp
PREPARED_AT_ONCE = 8


class Material:
    def __init__(self, path):
        with open(path, encoding="utf-8") as lines:
            self._turns = [turn for line in lines for turn in json.loads(line)["turns"]]

    def turn(self, dialog, number):
        return self._turns[(dialog * DIALOG_STRIDE + number) % len(self._turns)]


class ServerCounters:
    """What the server counted; one look at it costs `asking`."""

    def __init__(self, store):
        from redis import Redis

        self._redis = Redis.from_url(store)
        first = self.read()
        self.asking = difference(self.read(), first)

    def read(self):
        stats, cpu = self._redis.info("stats"), self._redis.info("cpu")
        used = cpu["used_cpu_user"] + cpu["used_cpu_sys"]
        return stats["total_net_input_bytes"], stats["total_net_output_bytes"], used * 1e6


def difference(later, earlier):
    return tuple(a - b for a, b in zip(later, earlier))


def client_cpu_us():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def percentile(latencies, share):
    """Nearest rank, in microseconds."""
    ordered = sorted(latencies)
    return 1e6 * ordered[max(math.ceil(share * len(ordered)), 1) - 1]


async def play_dialogs(storage, dialogs, first, each, end, latencies):
    for dialog in dialogs:
        if time.perf_counter() >= end:
            return
        for number in range(first, first + each):
            start = time.perf_counter()
            if start >= end:
                return
            await storage.turn(dialog, number)
            latencies.append(time.perf_counter() - start)


async def play_phase(storage, work, first, each, seconds):
    """Latencies; all askers take from the same dialogs."""
    latencies = []
    dialogs = iter(range(max(work.pool, work.dialogs)))
    end = time.perf_counter() + seconds
    await asyncio.gather(
        *[
            play_dialogs(storage, dialogs, first, each, end, latencies)
            for _ in range(work.dialogs)
        ]
    )
    return latencies


async def play(storage, work):
    await play_phase(storage, work, work.stored - 1, 1, work.warm_seconds)
    gc.collect()
    counters = ServerCounters(work.store)
    before, cpu, start = counters.read(), client_cpu_us(), time.perf_counter()
    latencies = await play_phase(storage, work, work.stored, work.each, work.seconds)
    seconds, cpu = time.perf_counter() - start, client_cpu_us() - cpu
    used = difference(difference(counters.read(), before), counters.asking)
    turns = len(latencies)
    return {
        "turns": turns,
        "seconds": seconds,
        "turns_per_second": turns / seconds,
        "p50_us": percentile(latencies, 0.5),
        "p99_us": percentile(latencies, 0.99),
        "p999_us": percentile(latencies, 0.999),
        "client_cpu_us": cpu / turns,
        "server_cpu_us": used[2] / turns,
        "bytes_to_server": used[0] / turns,
        "bytes_from_server": used[1] / turns,
    }


async def prepare(storage, work):
    dialogs = iter(range(work.pool))

    async def prepare_some():
        for dialog in dialogs:
            await storage.prepare(dialog, work.stored - 1)

    await asyncio.gather(*[prepare_some() for _ in range(PREPARED_AT_ONCE)])
    return {}


async def run(work):
    storage = STORAGES[work.contender](work.store, Material(work.material))
    try:
        return await (play if work.command == "play" else prepare)(storage, work)
    finally:
        await storage.close()


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("check", "prepare", "play"))
    parser.add_argument("--contender", choices=STORAGES, required=True)
    parser.add_argument("--store", default="redis://127.0.0.1/0")
    parser.add_argument("--material")
    for name, standard in (("dialogs", 64), ("stored", 50), ("pool", 64), ("each", 1)):
        parser.add_argument("--" + name, type=int, default=standard)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--warm-seconds", type=float, default=2)
    return parser.parse_args()


def main():
    work = arguments()
    if work.command == "check":
        STORAGES[work.contender](work.store, None)
        return
    print(json.dumps(asyncio.run(run(work))))


if __name__ == "__main__":
    sys.exit(main())
