"""What the library promises itself, each as a ratio within one run."""

from dataclasses import dataclass
from typing import Callable

RAW = ("raw", "raw-connections")


@dataclass(frozen=True)
class Target:
    name: str
    limit: float
    at_least: bool  # otherwise: at most
    measure: Callable  # Results -> value, None when it was not measured

    def verdict(self, value):
        if value is None:
            return "not measured"
        return "met" if (value >= self.limit if self.at_least else value <= self.limit) else "missed"

    def bound(self):
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


def ratio(a, b):
    return None if a is None or not b else a / b


def faster(name, ours, other, limit, dialogs=64, stored=50):
    cells = [(each, dialogs, stored) for each in (ours, other)]
    return Target(name, limit, True, lambda results: results.ratio("turns_per_second", *cells))


def raw_bound(results):
    """What the faster of the two bare senders reached."""
    rates = [results.median("turns_per_second", name, 64, 50) for name in RAW]
    return max((each for each in rates if each is not None), default=None)


def against_bound(name, ours):
    def measure(results):
        cell = (ours, 64, 50)
        found = [results.ratio("turns_per_second", cell, (raw, 64, 50)) for raw in RAW]
        return min((each for each in found if each is not None), default=None)

    return Target(name, 0.85, True, measure)


LONG, SHORT = ("ours-recent", 64, 10_000), ("ours-short", 64, 10_000)


def of_length(name, measure):
    """A turn at 10 000 stored turns as a multiple of one at 10."""
    return Target(f"turn at 10 000 stored turns ÷ at 10: {name}", 1.15, False, measure)


def wire(results, cell):
    parts = [results.median(f"bytes_{way}_server", *cell) for way in ("to", "from")]
    return None if None in parts else sum(parts)


def sent(corpus):
    return lambda results: ratio(
        results.footprint("bytes_to_server", corpus, "ours-recent"),
        results.footprint("json_bytes_of_turn", corpus, "ours-recent"),
    )


def memory(results):
    return ratio(
        results.footprint("memory_of_keys_bytes", "service dialogs", "ours-recent"),
        results.footprint("memory_of_keys_bytes", "service dialogs", "dff-layout"),
    )


def client_cpu(results):
    """Of the permitted CPU: 10 µs, or half more than two bare calls of the connection."""
    ours = results.median("client_cpu_us", "ours-recent", 64, 50)
    bare = results.median("client_cpu_us", "link", 64, 50)
    return None if ours is None or bare is None else ours / max(10, 1.5 * bare)


def against(other, name, limits):
    """Also what the told cache makes of it, which does the same work."""
    pairs = [
        (
            faster(f"turns/s recent ÷ {name}, {stored} stored", "ours-recent", other, limit, 64, stored),
            faster(
                f"turns/s told cache ÷ {name}, {stored} stored", "ours-tracked", other, limit, 64, stored
            ),
        )
        for stored, limit in limits.items()
    ]
    return [target for pair in pairs for target in pair]


TARGETS = [
    against_bound("turns/s recent ÷ the bare bytes, 64 dialogs", "ours-recent"),
    against_bound("turns/s told cache ÷ the same bytes, 64 dialogs", "ours-tracked"),
    of_length("time", lambda results: results.ratio("turns_per_second", SHORT, LONG)),
    of_length("bytes on the wire", lambda results: ratio(wire(results, LONG), wire(results, SHORT))),
    of_length("CPU of the server", lambda results: results.ratio("server_cpu_us", LONG, SHORT)),
    *against("naive", "naive", {1: 0.7, 10: 1.5, 50: 8, 1000: 150}),
    *against("naive-safe", "naive-safe", {1: 1.0, 10: 2, 50: 9, 1000: 150}),
    faster("turns/s history=all ÷ naive, 50 stored", "ours-all", "naive", 5, 64, 50),
    faster("turns/s history=all ÷ naive, 1000 stored", "ours-all", "naive", 20, 64, 1000),
    faster(
        "turns/s history=all, told cache ÷ naive, 50 stored", "ours-all-tracked", "naive", 5, 64, 50
    ),
    faster(
        "turns/s history=all, told cache ÷ naive, 1000 stored",
        "ours-all-tracked",
        "naive",
        20,
        64,
        1000,
    ),
    *against("dff", "DFF 0.7.2", {1: 15, 50: 60, 1000: 1000}),
    faster("turns/s with the told cache ÷ without, 64 dialogs", "ours-tracked", "ours-recent", 1.3),
    Target("memory of the keys a stored turn ÷ DFF's layout, 50-turn dialogs", 0.30, False, memory),
    Target("bytes sent ÷ JSON of the new turn, service dialogs", 1.5, False, sent("service dialogs")),
    Target("bytes sent ÷ JSON of the new turn, 300-byte turns", 2.2, False, sent("300-byte turns")),
    Target(
        "CPU of the client a turn ÷ max(10 µs, 1.5 × two bare calls), 64 dialogs",
        1,
        False,
        client_cpu,
    ),
    faster("SQLite turns/s ÷ UPDATE of the whole JSON, 1 dialog", "sqlite", "naive-sqlite", 2, 1),
    faster("SQLite turns/s ÷ UPDATE of the whole JSON, 64 dialogs", "sqlite", "naive-sqlite", 2),
]
