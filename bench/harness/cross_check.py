"""Whether the bound is one: the bare sender beside redis-benchmark, both sending the same request
over and over from as many connections."""

import csv
import io
import statistics

from .programs import run_pinned
from .servers import decode, encode

ROUNDS = 3
REQUESTS_A_SECOND = 60_000
# Of a row's header: kind, format, distance, sequence number, token.
TOKEN = slice(8, 16)


def recorded_requests(path):
    """The requests of a recording, from its start (bench/turns/recording.cpp)."""
    with open(path, "rb") as file:

        def number():
            digits = b""
            while (byte := file.read(1)) != b" ":
                digits += byte
            return int(digits)

        for _ in range(number()):
            for _ in range(number()):
                yield [file.read(number()) for _ in range(number())]


def usable_turn(client, recording):
    """(load, save) of the same sizes as recorded, which redis-benchmark can be given as arguments:
    without zero bytes. The save is answered that it took place already."""
    for requests in recorded_requests(recording):
        load, save = (decode(request) for request in requests)
        last = client.command("LINDEX", load[1], -1)
        if last is None or b"\0" in last[TOKEN]:
            continue
        # EVALSHA script 1 key head row...; the answer depends on the operation and whether it is the
        # first copy (in the head, save.lua), and on the token in the last row.
        head = save[4]
        save[4] = head[:2] + b"x" * (len(head) - 2)
        save[5:] = [b"x" * len(row) for row in save[5:]]
        save[-1] = save[-1][: TOKEN.start] + last[TOKEN] + save[-1][TOKEN.stop :]
        if client.command(*save)[0] == b"A":
            return load, save
    raise ValueError("no recorded turn can be given to redis-benchmark")


def cross_check(programs, server, database, recording, folder, extent):
    """Requests a second of each, medians."""
    dialogs = extent.cross_checked[1]
    server.client.command("SELECT", database)
    load, save = usable_turn(server.client, recording)
    results = {"connections": dialogs}
    for name, arguments in (("load", load), ("save", save)):
        request = folder / "request"
        request.write_bytes(encode(arguments))
        rates = {"bare": [], "redis_benchmark": []}
        for _ in range(ROUNDS):
            figures = programs.turns(
                "repeat",
                request=request,
                dialogs=dialogs,
                seconds=extent.seconds,
                store=server.uri(database),
            )
            rates["bare"].append(figures["requests_per_second"])
            rates["redis_benchmark"].append(
                redis_benchmark(programs, server, database, extent, arguments)
            )
        results[name] = {who: statistics.median(each) for who, each in rates.items()}
    return results


def redis_benchmark(programs, server, database, extent, arguments):
    requests = int(REQUESTS_A_SECOND * extent.seconds)
    command = ["redis-benchmark", "-p", str(server.port), "--dbnum", str(database), "--csv"]
    command += ["-c", str(extent.cross_checked[1]), "-n", str(requests), *arguments]
    table = csv.reader(io.StringIO(run_pinned(command, programs.core).decode(errors="replace")))
    rows = list(table)
    return float(rows[-1][rows[0].index("rps")])
