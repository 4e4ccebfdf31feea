"""Messages of a loaded context that nobody has used yet behave as those that pydantic built."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import threading
from typing import Any, Callable, Union

import pytest

pytest.importorskip("dff")

from dff.script import Context, Message
from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from dialogstore._dff_unread import UnreadMessage
from dialogstore.dff import RedisContextStorage

CONTENT: dict[str, Any] = {"text": "hé", "misc": {"a": [1, {"b": None}], "c": "d"}}
KNOWN = Message(**CONTENT)


@pytest.fixture
def uri() -> str:
    return "memory://"


@pytest.fixture
def context(store: RedisContextStorage) -> Context:
    context = Context(id="user")
    for number in range(10):
        context.add_label(("flow", f"node {number}"))
        context.add_request(Message(**CONTENT))
        context.add_response(Message(text=str(number)))
    store["user"] = context
    return store["user"]


def unread(context: Context) -> list[int]:
    return [i for i, message in context.requests.items() if type(message) is UnreadMessage]


class Holder(BaseModel):
    message: Message


class Keeper(Context):
    kept: int = 0


def _matched(message: Message) -> bool:
    return isinstance(message, Message) and message.text == "hé"


def _set(message: Message) -> Message:
    message.text = "new"
    message.text = "hé"
    return message


def _deleted(message: Message) -> Message:
    message.own = 1
    del message.own
    return message


USES: dict[str, Callable[[Message], Any]] = {
    "class": lambda m: m.__class__,
    "isinstance": lambda m: isinstance(m, Message),
    "field": lambda m: m.misc,
    "absent": lambda m: getattr(m, "absent", "none"),
    "matched": _matched,
    "equal": lambda m: m == KNOWN,
    "equal from the other side": lambda m: KNOWN == m,  # noqa: SIM300
    "unequal": lambda m: m != Message(text="other"),
    "not a message": lambda m: m == 1,
    "repr": repr,
    "str": str,
    "iter": lambda m: list(m),
    "dir": lambda m: dir(m),
    "vars": lambda m: dict(vars(m)),
    "set": _set,
    "delete": _deleted,
    "dump": lambda m: m.model_dump(),
    "dump_json": lambda m: m.model_dump_json(),
    "fields_set": lambda m: sorted(m.model_fields_set),
    "extra": lambda m: m.model_extra,
    "model_copy": lambda m: m.model_copy(),
    "deep copy": lambda m: m.model_copy(deep=True),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),
    "old pickle": lambda m: pickle.loads(pickle.dumps(m, 2)),
    "jsonable": to_jsonable_python,
    "validated": Message.model_validate,
    "strictly": lambda m: Message.model_validate(m, strict=True),
    "in a model": lambda m: Holder(message=m).model_dump_json(),
    "of a union": lambda m: TypeAdapter(Union[list[int], Message]).dump_python(m),
    "hash": lambda m: m.__hash__,
}


@pytest.mark.parametrize("use", USES)
def test_the_first_use_is_as_any_other(context: Context, use: str) -> None:
    message = context.requests[3]
    assert type(message) is UnreadMessage
    found = USES[use](message)
    assert type(message) is Message
    assert not isinstance(found, Message) or type(found) is Message
    expected = USES[use](Message(**CONTENT))
    assert found == expected
    assert vars(message) == vars(KNOWN)
    assert gc.is_tracked(message)
    assert unread(context) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


MAKERS: dict[str, Callable[[Message], Message]] = {
    "called": lambda m: type(m)(**CONTENT),
    "construct": lambda m: type(m).model_construct(**CONTENT),
    "validate": lambda m: type(m).model_validate(CONTENT),
    "validate JSON": lambda m: type(m).model_validate_json(json.dumps(CONTENT)),
    "copy of the class": Message.__copy__,
    "deepcopy of the class": Message.__deepcopy__,
    "model_copy of the class": BaseModel.model_copy,
    "copy": copy.copy,
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_made_by_its_class_is_of_dff_s(context: Context, maker: str) -> None:
    message = context.requests[3]
    assert type(message) is UnreadMessage
    made = MAKERS[maker](message)
    assert type(made) is Message
    assert made is not message
    assert made == KNOWN
    made.text = "changed"
    assert made.text == "changed"
    assert message == KNOWN


def test_its_class_makes_empty_messages_too(context: Context) -> None:
    assert type(context.requests[3])() == Message()


CONTEXT_USES: dict[str, Callable[[Context], Context]] = {
    "copy": lambda c: c.model_copy(),
    "deep copy": lambda c: c.model_copy(deep=True),
    "deepcopy": copy.deepcopy,
    "pickle": lambda c: pickle.loads(pickle.dumps(c)),
    "JSON": lambda c: Context.model_validate_json(c.model_dump_json()),
    "json": lambda c: Context.model_validate(json.loads(json.dumps(c.model_dump(mode="json")))),
    "python": lambda c: Context.model_validate(c.model_dump()),
    "cast": lambda c: Context.cast(c),
    "subclass": lambda c: Keeper(**vars(c)),
    "validated": lambda c: Context.model_validate(vars(c)),
}


@pytest.mark.parametrize("use", CONTEXT_USES)
def test_a_context_with_them_is_as_any_other(
    store: RedisContextStorage, context: Context, use: str
) -> None:
    found = CONTEXT_USES[use](context)
    assert {i: m.text for i, m in found.responses.items()} == {i: str(i) for i in range(10)}
    store["copy"] = found
    again = store["copy"]
    assert again.requests == found.requests == dict.fromkeys(range(10), KNOWN)
    assert again.labels == found.labels


def test_a_turn_reads_nothing_of_older_ones(store: RedisContextStorage, context: Context) -> None:
    for number in range(3):
        context.add_request(Message(text="new"))
        assert context.last_request.text == "new"
        context.misc["turns"] = number
        store["user"] = context
    assert unread(context) == list(range(10))
    assert store["user"] == context
    assert unread(context) == []


def test_one_that_is_read_and_not_changed_is_no_change(
    store: RedisContextStorage, context: Context
) -> None:
    assert context.requests[2] == KNOWN
    rival = store["user"]
    rival.requests[2].text = "theirs"
    store["user"] = rival
    context.add_request(Message(text="ours"))
    store["user"] = context
    assert store["user"].requests[2].text == "theirs"
    assert context.requests[2].text == "theirs"
    assert context.requests[10].text == "ours"


def test_they_may_be_moved(store: RedisContextStorage, context: Context) -> None:
    """To other turns, to the other sequence, and to a context of another load."""
    other = store["user"]
    context.requests[1] = context.responses[5]
    context.responses[6] = context.requests[2]
    context.requests[20] = other.responses[7]
    del other
    assert len(unread(context)) == 11
    store["user"] = context
    found = store["user"]
    assert found.requests[1] == found.responses[5] == Message(text="5")
    assert found.responses[6] == KNOWN
    assert found.requests[20] == Message(text="7")
    context.requests[1].text = "changed"
    store["user"] = context
    assert store["user"].responses[5].text == "changed"


def test_they_outlive_their_context_and_their_storage() -> None:
    storage = RedisContextStorage("memory://")
    context = Context(id="user")
    context.add_request(Message(**CONTENT))
    storage["user"] = context
    message = storage["user"].requests[0]
    storage.close()
    del storage, context
    gc.collect()
    assert type(message) is UnreadMessage
    assert message == KNOWN


def test_what_only_pydantic_knows_is_built_at_once(store: RedisContextStorage) -> None:
    context = Context(id="user")
    context.add_request(Message(of_its_own=1))
    store["user"] = context
    assert type(store["user"].requests[0]) is Message


def test_threads_read_the_same_one(store: RedisContextStorage) -> None:
    context = Context(id="user")
    context.add_request(Message(misc={str(i): [i] for i in range(5000)}))
    store["user"] = context
    for _ in range(20):
        message = store["user"].requests[0]
        begin = threading.Barrier(4)
        found: list[Any] = []

        def read(message: Message, begin: threading.Barrier, found: list[Any]) -> None:
            begin.wait()
            found.append(message.misc)

        threads = [threading.Thread(target=read, args=(message, begin, found)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(misc) for misc in found] == [5000] * 4
        assert len({id(misc) for misc in found}) == 1


class Special(Context):
    """Read with pydantic, so that what was found out of its messages is not used at once."""


def test_what_a_merge_brings_is_looked_at_anew(store: RedisContextStorage) -> None:
    context = Special(id="user")
    context.add_request(Message(text="one"))
    store["user"] = context
    ours, theirs = store["user"], store.storage["user"]
    del theirs.extra["dialogstore:class"]
    theirs.set_request(0, {"text": "theirs", "of_its_own": 1})
    store.storage["user"] = theirs
    ours.misc["ours"] = 1
    store["user"] = ours
    # DFF compares messages without what is of their own.
    assert ours.requests[0].model_extra == store["user"].requests[0].model_extra != {}
