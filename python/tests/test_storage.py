"""The library itself, blocking, on every store."""

from __future__ import annotations

import inspect
import json
import pickle
import pydoc
import signal
import threading
import uuid

import pytest

import dialogstore
from conftest import RedisServer, run_python
from dialogstore import ConflictError, Context, KeyError, Storage, StorageError


def talked(*texts: str) -> Context:
    context = Context()
    for text in texts:
        context.add_request(text)
        context.add_label(("flow", text))
        context.add_response({"text": text.upper(), "misc": {"n": [1, 1.0, None]}})
    return context


def test_a_context_comes_back_as_it_was(storage: Storage) -> None:
    context = talked("Привет\t\u2028", "two")
    context.misc["facts"] = {"big": 12345678901234567890123, "real": 1.0, "deep": [[{}]]}
    context.framework_states["mod"] = {"a": True}
    context.extra["ours"] = "kept"
    context.validation = True
    storage["user"] = context
    found = storage["user"]
    assert found == context
    assert found.to_dict() == context.to_dict()
    assert found.requests[0]["text"] == "Привет\t\u2028"
    assert found.last_response == {
        "text": "TWO", "commands": None, "attachments": None, "annotations": None,
        "misc": {"n": [1, 1.0, None]},
    }  # fmt: skip
    assert found.labels == {0: ("flow", "Привет\t\u2028"), 1: ("flow", "two")}
    assert found.misc["facts"]["big"] == 12345678901234567890123
    assert isinstance(found.misc["facts"]["real"], float)


def test_keys_are_what_str_gives(storage: Storage) -> None:
    key = uuid.uuid4()
    storage[key] = talked("by uuid")
    storage[7] = talked("by int")
    storage["a:b*{c}\n"] = talked("odd")
    assert str(key) in storage
    assert "7" in storage
    assert sorted(storage) == sorted([str(key), "7", "a:b*{c}\n"])
    assert len(storage) == 3


def test_absent_is_a_key_error_naming_the_key(storage: Storage) -> None:
    with pytest.raises(KeyError) as caught:
        storage["nobody"]
    assert isinstance(caught.value, dialogstore.StorageError)
    assert 'get_item "nobody": no context is stored under this key' in str(caught.value)
    assert caught.value.code == "key_not_found"
    assert caught.value.key == "nobody"
    same = pickle.loads(pickle.dumps(caught.value))
    assert (type(same), str(same)) == (type(caught.value), str(caught.value))
    assert storage.get("nobody") is None
    assert storage.get("nobody", 5) == 5
    with pytest.raises(KeyError, match="del_item"):
        del storage["nobody"]
    assert not storage.del_item("nobody")


def test_changes_alone_are_saved_and_found(storage: Storage) -> None:
    storage["user"] = talked("one")
    context = storage["user"]
    assert not context.has_changes
    context.add_request("two")
    context.misc["x"] = 1
    assert context.has_changes
    storage["user"] = context
    assert not context.has_changes
    assert storage["user"].requests[1]["text"] == "two"
    del context.misc["x"]
    assert context.erase(1, "request")
    storage["user"] = context
    assert "x" not in storage["user"].misc
    assert list(storage["user"].requests) == [0]


def test_conflict_policies(storage: Storage) -> None:
    storage["user"] = talked("one")
    ours, theirs = storage["user"], storage["user"]
    theirs.add_request("theirs")
    storage["user"] = theirs
    ours.add_request("ours")
    with pytest.raises(ConflictError) as caught:
        storage["user"] = ours
    assert caught.value.code == "conflict"
    storage.set_item("user", ours, on_conflict="merge")
    texts = [m["text"] for m in storage["user"].requests.values()]
    assert texts == ["one", "theirs", "ours"]
    assert ours.requests == storage["user"].requests


def test_first_turns_of_two_writers_are_both_kept(storage: Storage) -> None:
    ours = storage.get("user", Context())
    theirs = storage.get("user", Context())
    theirs.add_request("theirs")
    storage["user"] = theirs
    ours.add_request("ours")
    with pytest.raises(ConflictError):
        storage["user"] = ours
    storage.set_item("user", ours, on_conflict="merge")
    assert [m["text"] for m in storage["user"].requests.values()] == ["theirs", "ours"]


def test_create_append_turns_and_watch(storage: Storage) -> None:
    storage.create("user", talked("one"))
    with pytest.raises(ConflictError) as caught:
        storage.create("user", talked("other"))
    assert caught.value.code == "already_exists"
    index = storage.append("user", request="two", label=("flow", "b"))
    assert index == 1
    with pytest.raises(KeyError):
        storage.append("nobody", request="x")
    turns = storage.load_turns("user", 1, 10)
    assert [(t.index, t.label, t.response) for t in turns] == [(1, ("flow", "b"), None)]
    assert turns[0].request is not None
    assert turns[0].request["text"] == "two"
    update = storage.watch("user", 0)
    assert [t.index for t in update.turns] == [0, 1]
    assert update.next_index == 2
    assert storage.watch("user", 2, timeout=0.05).turns == []


def test_batches(storage: Storage) -> None:
    contexts = {str(i): talked(str(i)) for i in range(50)}
    assert storage.set_items(contexts.items()) == [None] * 50
    found = storage.get_items([*contexts, "nobody"])
    assert found == [*contexts.values(), None]
    assert sorted(storage.scan(page_size=7)) == sorted(contexts)
    assert storage.del_items(["0", "1", "nobody"]) == 2
    assert storage.clear() == 48
    assert len(storage) == 0


def test_check_and_statistics(storage: Storage) -> None:
    storage["user"] = talked("one")
    report = storage.check()
    assert (report.contexts, report.unlisted, report.damaged) == (1, 0, [])
    assert storage.statistics()


def test_history_recent_loads_the_newest_turns(storage: Storage, uri: str) -> None:
    context = talked(*map(str, range(100)))
    storage["user"] = context
    for number in range(100, 140):
        context.add_request(str(number))
        storage["user"] = context
    with Storage(uri) as other:  # a cache of the first may have them all
        recent = other.get_item("user", history="recent")
    assert not recent.is_complete
    assert len(recent.turn_indices) < 50
    assert recent.add_request("next") == 140
    with pytest.raises(StorageError) as caught:
        recent.to_json()
    assert caught.value.code == "partial_context"
    with Storage(uri) as other:
        other["user"] = recent
        assert len(other["user"].requests) == 141


def test_values_that_json_has_not_are_refused() -> None:
    context = Context()
    with pytest.raises(ValueError, match="JSON compliant"):
        context.misc["x"] = float("nan")
    with pytest.raises(dialogstore.FormatError):
        context.misc["x"] = "\ud800"
    with pytest.raises(dialogstore.FormatError):
        Context.from_json("{")
    assert "x" not in context.misc


def test_members_are_a_mapping_of_copies() -> None:
    context = Context("me")
    context.misc.update(a=1, b=[2])
    context.misc["b"].append(3)
    assert dict(context.misc) == {"a": 1, "b": [2]}
    assert list(context.misc) == ["a", "b"]
    assert context.misc.pop("a") == 1
    assert len(context.misc) == 1
    assert context.id == "me"
    context.clear(0, ["misc"])
    assert not context.misc
    assert context == Context.from_json(context.to_json())
    assert context.copy() == context
    assert json.loads(context.to_json())["id"] == "me"


def test_uris_and_options() -> None:
    with Storage("memory://x", on_conflict="merge", timeout=2.5, history="recent") as storage:
        assert storage.full_path.startswith("memory://x")
        storage["user"] = talked("one")
    with pytest.raises(dialogstore.UriError, match="timout"):
        Storage("memory://", timout=1)
    with pytest.raises(dialogstore.UriError):
        Storage("nonsense")
    secret = "redis://u:secret@127.0.0.1"
    assert "secret" not in Storage(secret).full_path


def test_a_closed_storage_says_so(uri: str) -> None:
    storage = Storage(uri)
    storage.close()
    storage.close()
    with pytest.raises(StorageError) as caught:
        storage.contains("user")
    assert caught.value.code == "closed"


def test_unavailable_is_not_absent(own_server: RedisServer) -> None:
    storage = Storage(own_server.uri, timeout=0.3)
    storage["user"] = talked("one")
    own_server.stop()
    with pytest.raises(StorageError) as caught:
        storage.get("user", Context())
    assert caught.value.is_transient
    assert not isinstance(caught.value, KeyError)
    own_server.start()
    storage["user"] = talked("again")
    assert "user" in storage


def test_other_threads_run_while_one_waits(redis_uri: str) -> None:
    """The interpreter's lock is released: a writer in a second thread ends the first one's wait."""
    storage = Storage(redis_uri)
    storage["user"] = talked("one")
    heard: list[dialogstore.TurnUpdate] = []
    waiting = threading.Thread(target=lambda: heard.append(storage.watch("user", 1)))
    waiting.start()
    storage.append("user", request="two")
    waiting.join(20)
    assert [turn.index for turn in heard[0].turns] == [1]


def test_an_interrupt_ends_a_blocking_call(redis_uri: str) -> None:
    program = """
import sys, dialogstore
storage = dialogstore.Storage(sys.argv[1])
storage["user"] = dialogstore.Context()
try:
    print("waiting", flush=True)
    storage.watch("user", 5, timeout=60)
except KeyboardInterrupt:
    print("interrupted; still there:", "user" in storage, flush=True)
"""
    process = run_python(program, redis_uri)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "interrupted; still there: True\n"


def test_a_forked_child_has_a_connection_of_its_own(redis_uri: str) -> None:
    program = """
import multiprocessing, sys, dialogstore
storage = dialogstore.Storage(sys.argv[1], timeout=5)
storage["parent"] = dialogstore.Context()
def work():
    storage["child"] = dialogstore.Context()
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
print(child.exitcode, sorted(storage), flush=True)
"""
    process = run_python(program, redis_uri)
    assert process.communicate(timeout=30)[0] == "0 ['child', 'parent']\n"
    assert process.returncode == 0


def test_help_tells_what_a_call_returns() -> None:
    for method in (Storage.contains, Storage.contains_async):
        name = method.__name__
        assert method.__qualname__ == f"Storage.{name}"
        assert method.__annotations__["return"] == "bool"
        expected = f"{name}(self, key: 'Hashable', *, timeout: 'Optional[float]' = None) -> 'bool'"
        text = pydoc.plain(pydoc.render_doc(method))
        assert expected in text
        assert "Whether a context is stored" in text
    assert inspect.signature(Storage.load_turns).return_annotation == "list[Turn]"
