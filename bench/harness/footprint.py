"""What stored dialogs weigh: whole corpora, played turn by turn from the first."""

import sys
from pathlib import Path

from .programs import Absent
from .servers import RedisServer

IN_REDIS = ("ours-recent", "dff-layout", "naive")
EMBEDDED = ("sqlite", "naive-sqlite")


def measure(programs, material, folder, server_core):
    """A list of figures, each of one corpus in one store."""
    for name, reason in material.missing.items():
        print(f"no {name}: {reason}", file=sys.stderr)
    results = []
    for corpus, path in material.corpora.items():
        for contender in IN_REDIS + EMBEDDED:
            try:
                if contender in IN_REDIS:
                    figures = in_redis(programs, path, contender, server_core)
                else:
                    store = folder / f"footprint-{corpus.replace(' ', '-')}-{contender}"
                    store.mkdir(parents=True)
                    figures = embedded(programs, path, contender, store)
            except Absent as reason:
                print(f"{corpus}: {contender} is absent: {reason}", file=sys.stderr)
                continue
            results.append({"corpus": corpus, "contender": contender} | figures)
    return results


def in_redis(programs, path, contender, server_core):
    with RedisServer(server_core, append_only=True) as server:
        memory = int(server.info("used_memory"))
        figures = programs.turns(
            "corpus", contender=contender, store=server.uri(), material=path, dialogs=16
        )
        turns = figures["turns"]
        keys = server.keys(0)
        usage = server.client.pipeline([("MEMORY", "USAGE", key, "SAMPLES", 0) for key in keys])
        return kept(figures) | {
            "bytes_to_server": figures["bytes_to_server"],
            "memory_bytes": (int(server.info("used_memory")) - memory) / turns,
            "memory_of_keys_bytes": sum(usage) / turns,
            "aof_bytes": int(server.info("aof_current_size")) / turns,
        }


def embedded(programs, path, contender, store):
    figures = programs.turns("corpus", contender=contender, store=store, material=path, dialogs=16)
    size = sum(file.stat().st_size for file in Path(store).iterdir())
    return kept(figures) | {"file_bytes": size / figures["turns"]}


def kept(figures):
    return {name: figures[name] for name in ("turns", "json_bytes_of_turn", "json_bytes_of_state")}
