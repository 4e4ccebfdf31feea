"""What an update of DFF's benchmark sends to Redis, with DFF's own storage and with ours."""

from __future__ import annotations

import pytest

from conftest import RedisServer

pytest.importorskip("dff")

from dff.context_storages.database import DBContextStorage
from dff.context_storages.redis import RedisContextStorage as Theirs
from dff.utils.db_benchmark.basic_config import basic_configurations

from dialogstore.dff import RedisContextStorage

PRESET = basic_configurations["very-long-dialog-len"]


def _moved(server: RedisServer) -> int:
    """Bytes that came and went."""
    names = ("total_net_input_bytes", "total_net_output_bytes")
    return sum(map(server.statistic, names))


def _bytes_of_an_update(server: RedisServer, storage: DBContextStorage, updates: int) -> float:
    context = PRESET.get_context()
    storage["dialog"] = context
    before = _moved(server)
    of_asking = _moved(server) - before
    total = 0
    for _ in range(updates):
        updated = PRESET.context_updater(context)
        before = _moved(server)
        storage["dialog"] = updated
        total += _moved(server) - before - of_asking
    assert storage["dialog"].responses == context.responses
    return total / updates


def test_an_update_of_a_long_dialog_moves_a_twentieth_at_most(own_server: RedisServer) -> None:
    theirs = _bytes_of_an_update(own_server, Theirs(f"{own_server.uri}/1"), 1)
    # More than between two pages, so that those are in the mean.
    ours = _bytes_of_an_update(own_server, RedisContextStorage(f"{own_server.uri}/2"), 20)
    assert theirs > 5_000_000
    assert theirs / ours >= 20
