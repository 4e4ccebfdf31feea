"""What the storage for DFF builds and compares without pydantic is what pydantic would have."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
from collections.abc import Iterator
from typing import Any, Callable, Optional

import pytest

pytest.importorskip("dff")

from dff.script import Context, Message
from dff.script.core.message import Attachment, Attachments, Command, DataModel

from dialogstore.dff import RedisContextStorage


class Note(DataModel):
    body: str = ""


class Special(Message):
    ui: Optional[Note] = None


DEEP: Any = {"list": [1, [2, {"x": []}], {}], "none": None, "": {"a": {"b": {"c": [True, False]}}}}
VALUES: list[Any] = [
    *(0, -0.0, 1.0, 10**17, -(10**40), 1e308, 5e-324, 0.1, True, None, [], {}, ""),
    *('"\\/\b\f\n\r\t\x00\x1f\x7f', "é", "\u2028", "\U0001f600 and \ud7ff", "a" * 300, DEEP),
    *([DEEP, DEEP], {"1": {"2": [[[[]]]]}}, {str(i): str(i) for i in range(3000)}),
]
MESSAGES: list[Message] = [
    Message(),
    Message(text=""),
    Message(text="hé \U0001f600\n"),
    Message(misc={}, annotations={"a": {}}),
    *(Message(text="t", misc={"v": value, "w": [value]}, annotations={"x": 1}) for value in VALUES),
    Message(commands=[Command(do="x", n={"a": [1]})]),
    Message(attachments=Attachments(files=[Attachment(id="7", title="t")])),
    Message(text="own", field_of_its_own={"a": [1, 2.5]}),
    Message(misc={"class": "dialogstore:class", "n": {"model_fields": 1, "self": 2}}),
    Special(text="s", ui=Note(body="b")),
    Message(note=Note(body="c"), notes=[Note(), Note(body="d")]),
]


def conversation() -> Context:
    context = Context(id="user", misc={"a": 1, "deep": DEEP}, framework_states={"x": {"y": [1]}})
    for number, message in enumerate(MESSAGES):
        context.add_label(("flow é", f"node {number}"))
        context.add_request(message)
        context.add_response(message.model_copy(deep=True))
    return context


def insides(value: Any, with_set: bool = True) -> Any:
    """All there is to a value: types, order and, unless told otherwise, which fields were set."""

    def inside(held: Any) -> Any:
        return insides(held, with_set)

    if hasattr(value, "__pydantic_fields_set__"):
        fields_set = value.__pydantic_fields_set__ if with_set else None
        parts = inside(vars(value)), inside(value.__pydantic_extra__), fields_set
        return type(value), *parts, value.__pydantic_private__
    if isinstance(value, dict):
        return dict, [(inside(name), inside(held)) for name, held in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), list(map(inside, value))
    return type(value), repr(value)


def containers(value: Any) -> Iterator[Any]:
    if hasattr(value, "__pydantic_fields_set__"):
        parts = vars(value), value.__pydantic_extra__, value.__pydantic_fields_set__
        yield value
        for part in parts:
            yield from containers(part)
    elif isinstance(value, (dict, list, set)):
        yield value
        for held in value.values() if isinstance(value, dict) else value:
            yield from containers(held)


def test_a_loaded_context_is_what_pydantic_makes(store: RedisContextStorage) -> None:
    context = conversation()
    store["user"] = context
    plain = {i: m for i, m in enumerate(MESSAGES) if type(m) is Message and not m.model_extra}
    as_dff_does = Context.model_validate_json(
        context.model_copy(update={"requests": plain, "responses": {}}).model_dump_json()
    )
    for _ in range(3):  # built of JSON, then of what is remembered
        found = store["user"]
        assert found == context
        assert found.model_dump() == context.model_dump()
        assert found.model_dump_json() == context.model_dump_json()
        assert found.model_fields_set == as_dff_does.model_fields_set
        for index in plain:
            assert insides(found.requests[index]) == insides(as_dff_does.requests[index])
        assert insides(found.requests, False) == insides(context.requests, False)
        assert insides(pickle.loads(pickle.dumps(found))) == insides(found)
        assert insides(copy.deepcopy(found)) == insides(found)
        assert insides(found.labels) == insides(context.labels)
        assert insides(found.misc) == insides(context.misc)


def test_two_loads_share_nothing_that_can_change(store: RedisContextStorage) -> None:
    store["user"] = conversation()
    loads = [store["user"] for _ in range(3)]
    owners: dict[int, int] = {}
    for number, found in enumerate(loads):
        for container in containers(found):
            assert owners.setdefault(id(container), number) == number
    loads[0].requests[4].misc["w"].append("mine")
    loads[0].requests[1].text = "mine"
    loads[0].misc["deep"]["list"][1][1]["x"].append("mine")
    loads[0].requests[0].misc = {"mine": 1}
    assert loads[1] == loads[2] == store["user"] == conversation()


def _set_text(context: Context) -> None:
    context.requests[1].text = "changed"


def _set_deep(context: Context) -> None:
    context.responses[_place_of_deep()].misc["v"][""]["a"]["b"]["c"].append("changed")


def _place_of_deep() -> int:
    return next(i for i, m in enumerate(MESSAGES) if m.misc and m.misc.get("v") is DEEP)


def _order(context: Context) -> None:
    misc = context.requests[_place_of_deep()].misc
    misc["v"] = misc.pop("v")


def _change_type(context: Context) -> None:
    zero = next(i for i, m in enumerate(MESSAGES) if m.misc == {"v": 0, "w": [0]})
    context.requests[zero].misc["v"] = 0.0


def _to_subclass(context: Context) -> None:
    context.requests[2] = Special(text=context.requests[2].text, ui=Note(body="new"))


def _own_field(context: Context) -> None:
    context.requests[2].of_its_own = [1]


def _attach(context: Context) -> None:
    context.requests[2].attachments = Attachments(files=[Attachment(id="1")])


def _in_a_model(context: Context) -> None:
    next(m for m in context.responses.values() if isinstance(m, Special)).ui.body = "changed"


def _label(context: Context) -> None:
    context.labels[3] = ("other", "node")


def _erase(context: Context) -> None:
    del context.requests[3]


def _clear(context: Context) -> None:
    context.clear(2)


def _replace_all(context: Context) -> None:
    context.requests = {5: Message(text="alone")}


def _misc(context: Context) -> None:
    context.misc["new"] = {"a": []}
    context.misc["deep"]["list"][0] = "changed"
    del context.misc["a"]


def _states(context: Context) -> None:
    context.framework_states["x"]["y"].append(2)
    context.framework_states["z"] = {}


def _states_gone(context: Context) -> None:
    context.framework_states.clear()


def _identity(context: Context) -> None:
    context.id = 17


def _validation(context: Context) -> None:
    context.validation = True


CHANGES: list[Callable[[Context], None]] = [
    *(_set_text, _set_deep, _change_type, _to_subclass, _own_field, _attach, _in_a_model, _label),
    *(_erase, _clear, _replace_all, _misc, _states, _states_gone, _identity, _validation, _order),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_place_is_saved(
    store: RedisContextStorage, change: Callable[[Context], None]
) -> None:
    """Of a loaded context, of one saved before, and of one that was merged with another's."""
    saved = conversation()
    store["saved"] = saved
    store["loaded"] = conversation()
    loaded = store["loaded"]
    assert store["loaded"] == loaded  # from here on the messages come of what is remembered
    merged, theirs = store["loaded"], store["loaded"]
    for key, context in (("saved", saved), ("loaded", loaded)):
        change(context)
        store[key] = context
        assert insides(store[key].requests, False) == insides(_sorted(context.requests), False)
        assert store[key] == context
        assert store[key].framework_states == context.framework_states
    store["merged"] = conversation()
    merged, theirs = store["merged"], store["merged"]
    theirs.add_request(Message(text="theirs"))
    store["merged"] = theirs
    merged.add_request(Message(text="ours"))
    store["merged"] = merged
    change(merged)
    store["merged"] = merged
    assert store["merged"] == merged


def _sorted(messages: dict[int, Message]) -> dict[int, Message]:
    return {index: messages[index] for index in sorted(messages)}


def test_values_that_only_look_the_same_are_changes(store: RedisContextStorage) -> None:
    """Each takes the place of one that is equal in Python and another in JSON."""
    context = Context(id="user")
    context.add_request(Message(misc={"v": [1, 1.0, True]}))
    store["user"] = context
    for values in ([1.0, 1, True], [True, 1.0, 1], [1, 1, 1.0]):
        context.requests[0].misc["v"] = values
        store["user"] = context
        assert repr(store["user"].requests[0].misc["v"]) == repr(values)


def test_objects_that_json_changes_are_loaded_as_json_says(store: RedisContextStorage) -> None:
    context = Context(id="user")
    context.add_request(Message(misc={"v": (1, 2), "f": float("inf"), "s": {3}, "k": {1: 2}}))
    context.misc["t"] = (1, 2)
    for _ in range(2):
        store["user"] = context
        found = store["user"]
        assert found.requests[0].misc == {"v": [1, 2], "f": None, "s": [3], "k": {"1": 2}}
        assert found.misc == {"t": [1, 2]}
        context.requests[0].misc["v"] = (1, 2)


def test_commands_that_are_no_objects_yet_become_some(store: RedisContextStorage) -> None:
    context = Context(id="user")
    context.add_request(Message())
    context.requests[0].commands = [{"do": "x"}]
    with pytest.warns(UserWarning, match="Expected `Command`"):  # pydantic's, with any storage
        store["user"] = context
    assert store["user"].requests[0].commands == [Command(do="x")]


def test_a_list_that_holds_itself_is_refused_and_leaves_the_twin_usable(
    store: RedisContextStorage,
) -> None:
    store["user"] = conversation()
    context = store["user"]
    circle: list[Any] = []
    circle.append(circle)
    context.requests[0].misc = {"circle": circle}
    with pytest.raises(ValueError, match=r"[Cc]ircular"):
        store["user"] = context
    context.requests[0].misc = {"circle": []}
    store["user"] = context
    assert store["user"] == context


def test_a_save_that_failed_half_way_looks_at_everything_next_time(
    store: RedisContextStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store["user"] = conversation()
    context = store["user"]
    before = dict(context.misc)  # the very objects that were there when it was loaded
    context.misc.update(a=2, deep="changed")

    def fail(present: str, _: str) -> bool:
        if present == "1":
            return False
        raise RuntimeError("between two values")

    with monkeypatch.context() as patch:
        patch.setattr("dialogstore.dff.is_same", fail)
        with pytest.raises(RuntimeError):
            store["user"] = context
    context.misc.update(before)
    store["user"] = context
    assert store["user"] == conversation()


def test_pydantic_writes_only_what_is_not_plain(
    store: RedisContextStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []

    def counted(context: Context) -> str:
        seen.append({*context.requests, *context.responses, *context.labels})
        text: str = context.model_dump_json()
        return text

    context = Context(id="user", misc={str(i): i for i in range(50)})
    for number in range(100):
        context.add_request(Message(text=str(number), misc={"n": [number]}))
    context.requests[7].commands = [Command(do="x")]
    store["user"] = context
    monkeypatch.setattr("dialogstore.dff.to_text", counted)
    loaded = store["user"]
    for known in (context, loaded):
        known.requests[40].misc["n"].append("changed")
        known.add_response(Message(text="new"))
        store["user"] = known
    assert seen == [{7}] * 2
    assert store["user"].requests[40].misc == {"n": [40, "changed"]}
    assert store["user"].requests[7].commands == [Command(do="x")]


def test_loads_leave_no_objects_behind(store: RedisContextStorage) -> None:
    store["user"] = conversation()

    def load() -> int:
        for _ in range(20):
            context = store["user"]
            context.requests[1].text = "changed"
            store["user"] = context
            del context
        gc.collect()
        return sys.getallocatedblocks()

    load()
    before = load()
    assert load() - before < 500


@pytest.mark.parametrize("value", ["x", ["x"], {"x": "y"}])
def test_loads_of_a_large_misc_share_nothing_that_can_change(
    store: RedisContextStorage, value: Any
) -> None:
    misc = {str(number): copy.deepcopy(value) for number in range(3000)}
    store["user"] = Context(id="user", misc=misc)
    for _ in range(3):
        found = store["user"]
        assert found.misc == misc
        assert list(found.misc) == list(misc)
        found.misc["7"] = "mine"
        if value != "x":
            found.misc["8"].clear()
        assert store["user"].misc == misc
    found.misc["new"] = 1
    del found.misc["9"]
    store["user"] = found
    assert store["user"].misc == found.misc


def test_the_memory_of_large_dicts_is_bounded() -> None:
    store = RedisContextStorage("memory://")

    def blocks_with(number: int) -> int:
        store["user"] = Context(misc={str(i): f"{number} {'x' * 80}" for i in range(200)})
        assert len(store["user"].misc) == 200
        return sys.getallocatedblocks()

    blocks = [blocks_with(number) for number in range(2000)]
    assert max(blocks[1000:]) < max(blocks[:1000]) * 1.1
    store.close()
