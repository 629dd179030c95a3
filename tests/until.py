"""Waiting for a condition, with a deadline: the only place in the tests that pauses."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.03


def patience() -> float:
    """By how much a deadline is stretched now: as many times as this machine has more to do than it has processors."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def until(look: Callable[[], Awaitable[T]], *, within: float = 20.0, what: str = "the condition") -> T:
    """Look again and again until what is seen is true; fail with what was seen last after `within` seconds.

    The seconds are those of a machine with nothing else to do: on a busy one they are more.
    """
    began = asyncio.get_running_loop().time()
    while True:
        seen = await look()
        if seen:
            return seen
        waited = asyncio.get_running_loop().time() - began
        if waited > within * patience():
            message = f"{what} did not come within {waited:.0f} s; seen last: {seen!r}"
            raise AssertionError(message)
        await asyncio.sleep(PAUSE)
