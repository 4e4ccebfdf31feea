"""The results as Markdown."""

from .cells import BY_NAME
from .targets import TARGETS, raw_bound


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def number(value, digits=None):
    if value is None:
        return ""
    if digits is None:
        digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}".replace(",", " ")


def about(results):
    machine, settings = results.data["machine"], results.data["settings"]
    text = (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; "
        f"{machine['server']}; commit {machine['commit']}, {machine['time']}. Medians of at "
        f"least {settings['rounds']} rounds of at most {settings['seconds']} s"
    )
    if settings["load"] > 0.5:
        text += (
            f". **The machine was busy with other work** (load {settings['load']:.1f} when the run "
            "began): take the ratios, not the times"
        )
    return text + ".\n"


def targets(results):
    rows = []
    for target in TARGETS:
        value = target.measure(results)
        rows.append([target.name, target.bound(), number(value), target.verdict(value)])
    return table(["target", "wanted", "measured", ""], rows)


FIGURES = (
    ("p50 µs", "p50_us"),
    ("p99 µs", "p99_us"),
    ("p99.9 µs", "p999_us"),
    ("client CPU µs", "client_cpu_us"),
    ("server CPU µs", "server_cpu_us"),
    ("bytes to server", "bytes_to_server"),
    ("bytes from server", "bytes_from_server"),
)


def cells(results):
    rows = []
    for name, dialogs, stored in results.cells():
        cell = (name, dialogs, stored)
        low, high = results.spread("turns_per_second", *cell)
        rows.append(
            [stored, dialogs, name, number(results.median("turns_per_second", *cell))]
            + [f"{number(low)}–{number(high)}"]
            + [number(results.median(figure, *cell)) for _, figure in FIGURES]
        )
    head = ["stored", "dialogs", "contender", "turns/s", "spread"]
    return table(head + [title for title, _ in FIGURES], rows)


def contenders(results):
    seen = {name for name, _, _ in results.cells()} | set(results.data["absent"])
    rows = []
    for contender in BY_NAME.values():
        if contender.name in seen:
            absent = results.data["absent"].get(contender.name)
            rows.append(
                [contender.name, contender.about, f"absent: {absent}" if absent else contender.less]
            )
    return table(["contender", "what it does", "what it leaves out"], rows)


FOOTPRINTS = (
    ("JSON of a turn", "json_bytes_of_turn"),
    ("of its state", "json_bytes_of_state"),
    ("sent to Redis", "bytes_to_server"),
    ("memory of Redis", "memory_bytes"),
    ("of its keys", "memory_of_keys_bytes"),
    ("append-only file", "aof_bytes"),
    ("SQLite file", "file_bytes"),
)


def footprints(results):
    rows = [
        [each["corpus"], each["contender"]]
        + [number(each.get(figure), 0) for _, figure in FOOTPRINTS]
        for each in results.data["footprints"]
    ]
    return table(["corpus", "contender"] + [title for title, _ in FOOTPRINTS], rows)


def cross_check(results):
    checked = results.data["cross_check"]
    if not checked:
        return "Not measured.\n"
    rows = [
        [name, number(checked[name]["bare"]), number(checked[name]["redis_benchmark"])]
        for name in ("load", "save")
    ]
    head = [f"request, {checked['connections']} connections", "bare sender /s"]
    text = table(head + ["redis-benchmark /s"], rows)
    bound = raw_bound(results)
    return text + (f"\nThe bound: {number(bound)} turns/s with 64 dialogs.\n" if bound else "")


def everything(results):
    parts = [about(results), contenders(results), cells(results), footprints(results)]
    return "\n".join(parts + [cross_check(results), targets(results)])
