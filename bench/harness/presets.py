"""What the programs that run a framework's own benchmark have in common."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from statistics import mean

from .servers import RedisServer

OPERATIONS = ("write", "update", "read")


def parser_of(document, presets):
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument("--contexts", type=int, default=3, help="contexts of each preset")
    parser.add_argument("--updates", type=int, help="of each context, at most")
    parser.add_argument(
        "--processor",
        action="store_true",
        help="time of the processor that this process took, for a machine that is busy",
    )
    parser.add_argument("--presets", default=",".join(presets))
    parser.add_argument("--results", help="a file for the figures, as JSON")
    return parser


def chosen(arguments, presets):
    names = arguments.presets.split(",")
    unknown = set(names) - set(presets)
    if unknown:
        sys.exit(f"{sys.argv[0]}: no preset is called {', '.join(sorted(unknown))}")
    return {name: presets[name] for name in names}


def use_clock(arguments, benchmark):
    """`benchmark`: the framework's module of that name."""
    if arguments.processor:
        benchmark.perf_counter = time.process_time


def updater_of(arguments, preset, end=lambda: None):
    """The preset's updater; after so many updates of a context it gives what `end` does. They are
    counted: a context with its newest turns alone never gets as long as the preset wants it."""
    most = (preset.to_dialog_len - 1 - preset.from_dialog_len) // preset.step_dialog_len
    if arguments.updates is not None:
        most = min(most, arguments.updates)
    updates = Counter()

    def updated(context):
        if updates[context.id] == most:
            return end()
        updates[context.id] += 1
        return preset.context_updater(context)

    return updated


def own_server():
    """One that has a core to itself."""
    return RedisServer(core=max(os.sched_getaffinity(0)))


def means_of(times):
    """The mean of each operation in milliseconds; `times` are what the benchmark gives."""
    writes, reads, updates = times
    lists = (
        writes,
        [took for each in updates for took in each.values()],
        [took for each in reads for took in each.values()],
    )
    return {name: 1000 * mean(took) for name, took in zip(OPERATIONS, lists)}


def show(preset, found):
    """`found`: figures by storage; the first is what the others are compared with."""
    print(preset)
    first = next(iter(found.values()))
    for who, times in found.items():
        shown = {name: (times[name], first[name]) for name in OPERATIONS}
        both = [sum(each[name] for name in ("read", "update")) for each in (times, first)]
        shown["read+update"] = tuple(both)
        figures = (f"{name} {t:9.3f} ms ({base / t:5.1f}x)" for name, (t, base) in shown.items())
        sent = times.get("sent")
        figures = [*figures, *([] if sent is None else [f"an update sends {sent:,.0f} bytes"])]
        print(f"  {who:13}", "  ".join(figures), flush=True)


def write_results(arguments, results):
    if arguments.results:
        with open(arguments.results, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
