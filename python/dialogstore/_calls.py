"""The operations of a storage, each written once: `both` makes a blocking method and one to be
awaited of it."""

from __future__ import annotations

import atexit
import inspect
import os
import weakref
from collections.abc import Coroutine, Hashable, Iterable, Mapping
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, TypeVar, Union

from . import _core
from ._loop import forget_loops, outcome_of
from ._values import (
    Json,
    history_of,
    key_bytes,
    message_text,
    milliseconds,
    policy_of,
    to_text,
    uri_with,
)
from .context import Context, Label, Turn, turn_of
from .errors import StorageError

if TYPE_CHECKING:  # Python 3.9 has none
    from typing_extensions import ParamSpec

    Parameters = ParamSpec("Parameters")

Result = TypeVar("Result")
Start = Callable[[Any, Any], Any]
"""With None and None it waits and returns the outcome; with arrivals and a future, a call."""
Call = tuple[Start, Callable[[Any], Result]]
"""A call ready to be started, and what makes the result of its outcome."""

_open_storages: weakref.WeakSet[Calls] = weakref.WeakSet()


def both(
    prepare: Callable[Parameters, Call[Result]],
) -> tuple[
    Callable[Parameters, Result],
    Callable[Parameters, Coroutine[Any, Any, Result]],
]:
    """The operation for threads that wait, and for event loops."""

    @wraps(prepare)
    def wait(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        start, result_of = prepare(*arguments, **named)
        return result_of(start(None, None))

    @wraps(prepare)
    async def wait_async(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        start, result_of = prepare(*arguments, **named)
        return result_of(await outcome_of(start))

    name = prepare.__name__.lstrip("_")
    _describe(wait, prepare, name)
    _describe(wait_async, prepare, f"{name}_async")
    return wait, wait_async


def _describe(made: Callable[..., Any], prepare: Callable[..., Call[Any]], name: str) -> None:
    """For `help`: it returns what the call that was prepared ends with."""
    signature = inspect.signature(prepare)
    returned = signature.return_annotation[len("Call[") : -1]
    made.__name__, made.__qualname__ = name, f"Storage.{name}"
    made.__annotations__ = {**prepare.__annotations__, "return": returned}
    vars(made)["__signature__"] = signature.replace(return_annotation=returned)


class TurnUpdate(NamedTuple):
    """Turns that were saved, and the index to go on watching from."""

    turns: list[Turn]
    next_index: int


class CheckReport(NamedTuple):
    """What `check` found."""

    contexts: int
    unlisted: int
    listed_absent: int
    damaged: list[tuple[str, str]]
    repaired: int


class Calls:
    def __init__(self, uri: str, options: Mapping[str, Any]) -> None:
        self._uri = uri_with(uri, options)
        self._native = _core.Storage(self._uri)
        _open_storages.add(self)

    @property
    def full_path(self) -> str:
        """The URI, without the password."""
        return self._native.full_path()

    @property
    def path(self) -> str:
        """The part behind `scheme://`."""
        return self._native.path()

    def close(self) -> None:
        """Ends waiting calls with `closed`. Idempotent; `with` and `async with` do it too."""
        self._native.close()

    # ---- one context -----------------------------------------------------------------------------

    def _contains(self, key: Hashable, *, timeout: Optional[float] = None) -> Call[bool]:
        """Whether a context is stored under `key`."""
        return partial(self._native.contains, key_bytes(key), milliseconds(timeout)), bool

    def _find(
        self, key: Hashable, history: Optional[str], timeout: Optional[float]
    ) -> Call[Optional[Context]]:
        stored = key_bytes(key), history_of(history), milliseconds(timeout)
        return partial(self._native.find, *stored), _context_or_none

    def _get_item(
        self, key: Hashable, *, history: Optional[str] = None, timeout: Optional[float] = None
    ) -> Call[Context]:
        """The stored context. Raises KeyError when there is none."""

        def result(found: Optional[_core.Context]) -> Context:
            if found is None:
                raise _core.absent("get_item", key_bytes(key))
            return Context._of(found)

        return self._find(key, history, timeout)[0], result

    def _get(
        self,
        key: Hashable,
        default: Any = None,
        *,
        history: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Call[Any]:
        """The stored context, or `default`. Saving a context given as default is a conflict when
        someone else created one meanwhile, so that no first turn is lost."""

        def result(found: Optional[_core.Context]) -> Any:
            if found is not None:
                return Context._of(found)
            if isinstance(default, Context):
                self._native.expect_absent(key_bytes(key), default._core)
            return default

        return self._find(key, history, timeout)[0], result

    def _save(
        self,
        key: Hashable,
        context: Context,
        create: bool,
        on_conflict: Optional[str],
        timeout: Optional[float],
    ) -> Call[None]:
        stored = key_bytes(key), context._core, create
        start = partial(self._native.save, *stored, policy_of(on_conflict), milliseconds(timeout))
        return start, _nothing

    def _set_item(
        self,
        key: Hashable,
        context: Context,
        *,
        on_conflict: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Call[None]:
        """Stores `context`: what changed since it was loaded from here, or, if it was not, all of
        it in place of what is stored. Raises ConflictError, unless `on_conflict` says otherwise.
        When it fails with `outcome_unknown`, save the same object again."""
        return self._save(key, context, False, on_conflict, timeout)

    def _create(
        self, key: Hashable, context: Context, *, timeout: Optional[float] = None
    ) -> Call[None]:
        """Stores `context` only when nothing is stored; else ConflictError (`already_exists`)."""
        return self._save(key, context, True, None, timeout)

    def _del_item(self, key: Hashable, *, timeout: Optional[float] = None) -> Call[bool]:
        """Removes the context; whether there was one."""
        return partial(self._native.erase, key_bytes(key), milliseconds(timeout)), bool

    # ---- turns -----------------------------------------------------------------------------------

    def _append(
        self,
        key: Hashable,
        *,
        label: Optional[Label] = None,
        request: Optional[Union[str, Mapping[str, Json]]] = None,
        response: Optional[Union[str, Mapping[str, Json]]] = None,
        timeout: Optional[float] = None,
    ) -> Call[int]:
        """Adds one turn behind the last without loading the context; the index it got."""
        parts = (
            None if label is None else to_text(label),
            None if request is None else message_text(request),
            None if response is None else message_text(response),
        )
        stored = key_bytes(key), *parts, milliseconds(timeout)
        return partial(self._native.append, *stored), int

    def _load_turns(
        self, key: Hashable, begin: int, end: int, *, timeout: Optional[float] = None
    ) -> Call[list[Turn]]:
        """The turns with begin <= index < end, in order."""
        stored = key_bytes(key), begin, end, milliseconds(timeout)
        return partial(self._native.load_turns, *stored), _turns_of

    def _watch(
        self, key: Hashable, begin: int, *, timeout: Optional[float] = None
    ) -> Call[TurnUpdate]:
        """Waits until turns with an index >= `begin` are stored; none when the time is over."""

        def result(found: tuple[list[Any], int]) -> TurnUpdate:
            return TurnUpdate(_turns_of(found[0]), found[1])

        return partial(self._native.watch, key_bytes(key), begin, milliseconds(timeout)), result

    # ---- many at once ----------------------------------------------------------------------------

    def _get_items(
        self,
        keys: Iterable[Hashable],
        *,
        history: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Call[list[Optional[Context]]]:
        """One entry for each key, in order, for about one round trip."""
        stored = [key_bytes(key) for key in keys], history_of(history), milliseconds(timeout)
        return partial(self._native.find_many, *stored), _contexts_of

    def _set_items(
        self,
        items: Iterable[tuple[Hashable, Context]],
        *,
        on_conflict: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Call[list[Optional[StorageError]]]:
        """Saves each by itself; what went wrong with each, or None, in order."""
        pairs = [(key_bytes(key), context._core) for key, context in items]
        keys, contexts = [key for key, _ in pairs], [context for _, context in pairs]
        stored = keys, contexts, policy_of(on_conflict), milliseconds(timeout)
        return partial(self._native.save_many, *stored), _errors_of

    def _del_items(self, keys: Iterable[Hashable], *, timeout: Optional[float] = None) -> Call[int]:
        """How many of the keys there were."""
        stored = [key_bytes(key) for key in keys], milliseconds(timeout)
        return partial(self._native.erase_many, *stored), int

    # ---- the whole namespace ---------------------------------------------------------------------

    def _len(self, *, timeout: Optional[float] = None) -> Call[int]:
        """How many contexts this namespace holds; counts nothing else."""
        return partial(self._native.len, milliseconds(timeout)), int

    def _clear(self, *, timeout: Optional[float] = None) -> Call[int]:
        """Removes this namespace's contexts and nothing else; how many there were."""
        return partial(self._native.clear, milliseconds(timeout)), int

    def _scan_page(
        self, cursor: str, page_size: int, newest_first: bool, timeout: Optional[float]
    ) -> Call[tuple[list[bytes], str]]:
        stored = cursor, page_size, newest_first, milliseconds(timeout)
        return partial(self._native.scan, *stored), tuple

    def _check(self, *, repair: bool = False, timeout: Optional[float] = None) -> Call[CheckReport]:
        """Compares the listing with what is stored and every context with its checksums."""
        start = partial(self._native.check, repair, milliseconds(timeout))
        return start, CheckReport._make

    def _statistics(self, *, timeout: Optional[float] = None) -> Call[dict[str, str]]:
        """Sizes and counters, for people."""
        return partial(self._native.statistics, milliseconds(timeout)), dict

    def _open_again(self) -> None:
        self._native.abandon()
        self._native = _core.Storage(self._uri)


def _nothing(_: None) -> None:
    pass


def _context_or_none(found: Optional[_core.Context]) -> Optional[Context]:
    return None if found is None else Context._of(found)


def _contexts_of(found: list[Optional[_core.Context]]) -> list[Optional[Context]]:
    return list(map(_context_or_none, found))


def _errors_of(found: list[Optional[StorageError]]) -> list[Optional[StorageError]]:
    return found


def _turns_of(turns: list[Any]) -> list[Turn]:
    return [turn_of(turn) for turn in turns]


def _in_forked_child() -> None:
    """A storage's thread and its connection stayed with the parent: the child gets its own."""
    forget_loops()
    for storage in list(_open_storages):
        storage._open_again()


def _at_exit() -> None:
    for storage in list(_open_storages):
        storage.close()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_in_forked_child)
