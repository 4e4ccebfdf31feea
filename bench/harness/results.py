"""The results of a run: a JSON file, read and written here alone.

{"machine": {...}, "settings": {...}, "absent": {name: reason},
 "cells": [{"contender", "dialogs", "stored", "rounds": [figures of bench/turns]}],
 "footprints": [...], "cross_check": {...}}
"""

import json
import os
import platform
import statistics
import subprocess
import time


def machine():
    def first_line(*command):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return done.stdout.splitlines()[0].strip()
        except (OSError, subprocess.CalledProcessError, IndexError):
            return "unknown"

    def cpu():
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
        return names[0] if names else platform.machine()

    return {
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "server": first_line("redis-server", "--version"),
        "commit": first_line("git", "describe", "--always", "--dirty"),
        "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


class Results:
    def __init__(self, data):
        self.data = data
        self._rounds = {
            (cell["contender"], cell["dialogs"], cell["stored"]): cell["rounds"]
            for cell in data["cells"]
        }

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls(json.load(file))

    @staticmethod
    def of(measurement, settings):
        return Results(
            {
                "machine": machine(),
                "settings": settings,
                "absent": measurement.absent,
                "cells": [
                    {"contender": name, "dialogs": dialogs, "stored": stored, "rounds": rounds}
                    for (name, dialogs, stored), rounds in measurement.cells.items()
                ],
                "footprints": measurement.footprints,
                "cross_check": measurement.cross_check,
            }
        )

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(self.data, indent=1) + "\n", encoding="utf-8")
        part.replace(path)

    def cells(self):
        """(contender, dialogs, stored) of all."""
        return sorted(self._rounds, key=lambda cell: (cell[2], cell[1]))

    def values(self, figure, contender, dialogs, stored):
        rounds = self._rounds.get((contender, dialogs, stored), [])
        return [each[figure] for each in rounds if figure in each]

    def ratio(self, figure, one, other):
        """Of two cells, each (contender, dialogs, stored); None when one was not measured.

        Rounds of one block alternate: the median of their ratios, which a machine that becomes slower
        on the way changes less than the ratio of the medians.
        """
        ours, theirs = self.values(figure, *one), self.values(figure, *other)
        if not ours or not theirs or not all(theirs):
            return None
        if one[1:] == other[1:] and len(ours) == len(theirs):
            return statistics.median(a / b for a, b in zip(ours, theirs))
        return statistics.median(ours) / statistics.median(theirs)

    def median(self, figure, contender, dialogs, stored):
        """None when it was not measured."""
        values = self.values(figure, contender, dialogs, stored)
        return statistics.median(values) if values else None

    def spread(self, figure, contender, dialogs, stored):
        """(lowest, highest) of the rounds; None when it was not measured."""
        values = self.values(figure, contender, dialogs, stored)
        return (min(values), max(values)) if values else None

    def footprint(self, figure, corpus, contender):
        for each in self.data["footprints"]:
            if (each["corpus"], each["contender"]) == (corpus, contender):
                return each.get(figure)
        return None
