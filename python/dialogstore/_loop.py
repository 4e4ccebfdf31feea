"""Outcomes of calls on their way to event loops: no thread, and one wake-up for all that have come.

The storage's thread only writes to an eventfd, so that it never waits for the interpreter's lock;
any loop that has `add_reader` will do.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Callable
from weakref import WeakKeyDictionary

from ._core import Arrivals, Call

_arrivals: WeakKeyDictionary[asyncio.AbstractEventLoop, Arrivals] = WeakKeyDictionary()


def _arrivals_of(loop: asyncio.AbstractEventLoop) -> Arrivals:
    found = _arrivals.get(loop)
    if found is None:
        found = _arrivals[loop] = Arrivals()
        loop.add_reader(found.fileno(), found.drain)
    return found


def forget_loops() -> None:
    """For the child of a fork: its loops are others."""
    _arrivals.clear()


async def outcome_of(start: Callable[[Any, Any], Any]) -> Any:
    """Starts a call and awaits its end. Cancelled, it cancels the call and sees it end first, so
    that a context that was being saved is free again."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    call: Call = start(_arrivals_of(loop), future)
    try:
        return await future
    except asyncio.CancelledError:
        ended: asyncio.Future[Any] = loop.create_future()
        if call.cancel(ended):
            # Whoever cancels does not ask how it ended; a save that is in doubt remembers that.
            # Cancelling once more does not let go of the context either.
            while not ended.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([ended])
            ended.exception()  # so that asyncio does not miss anybody who asks
        raise
