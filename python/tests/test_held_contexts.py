"""A context that is being changed is nobody else's while Python compares values: other threads run
then, and could save it."""

from __future__ import annotations

from typing import Callable

import pytest

import dialogstore
from dialogstore import _core

BEFORE = '{"id":"user","misc":{"a":1}}'
AFTER = '{"id":"user","misc":{"a":2}}'


def refused(use: Callable[[], object]) -> None:
    with pytest.raises(dialogstore.StorageError) as caught:
        use()
    assert caught.value.code == "save_in_progress"


CHANGES: dict[str, Callable[[_core.Context, Callable[[str, str], bool]], None]] = {
    "assign": lambda core, is_same: core.assign(_core.Context.from_json(AFTER), is_same),
    "members": lambda core, is_same: core.assign_members(_core.Place.MISC, '{"a":2}', is_same),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_held_while_python_compares(change: str) -> None:
    storage = dialogstore.Storage("memory://")
    core = _core.Context.from_json(BEFORE)
    asked = []

    def is_same(present: str, wanted: str) -> bool:
        asked.append((present, wanted))
        save = storage._native.save
        refused(lambda: save(b"user", core, False, None, None, None, None))
        refused(lambda: core.set_id('"other"'))
        refused(lambda: CHANGES[change](core, is_same))
        return False

    CHANGES[change](core, is_same)
    assert asked == [("1", "2")]
    assert core.member(_core.Place.MISC, "a") == "2"
    storage.close()


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_free_after_an_exception(change: str) -> None:
    core = _core.Context.from_json(BEFORE)

    def is_same(present: str, wanted: str) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        CHANGES[change](core, is_same)
    CHANGES[change](core, lambda present, wanted: False)
    assert core.member(_core.Place.MISC, "a") == "2"


def test_the_storage_for_dff_holds_what_it_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dff")
    from dff.script import Context, Message

    from dialogstore import dff

    store = dff.RedisContextStorage("memory://")
    context = Context(id="user", misc={"a": 1})
    context.add_request(Message(text="one"))
    store["user"] = context
    asked = []

    def is_same(present: str, wanted: str) -> bool:
        asked.append(wanted)
        refused(lambda: store.__setitem__("user", context))
        return False

    monkeypatch.setattr(dff, "is_same", is_same)
    context.requests[0].text = "two"
    context.misc["a"] = 2
    store["user"] = context
    assert asked == ['{"text":"two"}', "2"]
    assert store["user"] == context
    store.close()
