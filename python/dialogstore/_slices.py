"""Work that takes long: in one go, or in slices between which an event loop sees to others."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Generic, Optional, Protocol, TypeVar

Result = TypeVar("Result")
Made = TypeVar("Made", covariant=True)

Steps = Generator[None, Optional[float], Result]
"""Asks at every `yield` how many seconds it may go on; None: to the end."""

_SLICE = 0.002


class Work(Protocol, Generic[Made]):
    """What the extension module does in slices."""

    def step(self, seconds: Optional[float]) -> bool: ...
    def result(self) -> Made: ...
    def close(self) -> None: ...


def steps_of(work: Work[Result]) -> Steps[Result]:
    try:
        while not work.step((yield)):
            pass
        return work.result()
    finally:
        work.close()


def at_once(steps: Steps[Result]) -> Result:
    try:
        while True:
            next(steps)
    except StopIteration as end:
        result: Result = end.value
        return result


async def in_slices(steps: Steps[Result]) -> Result:
    try:
        next(steps)
        while True:
            steps.send(_SLICE)
            await asyncio.sleep(0)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        steps.close()
