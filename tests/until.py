"""Waiting for a condition, with a deadline: the only place in the tests that pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.03


async def until(look: Callable[[], Awaitable[T]], *, within: float = 20.0, what: str = "the condition") -> T:
    """Look again and again until what is seen is true; fail with what was seen last after `within` seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        seen = await look()
        if seen:
            return seen
        if asyncio.get_running_loop().time() > deadline:
            message = f"{what} did not come within {within} s; seen last: {seen!r}"
            raise AssertionError(message)
        await asyncio.sleep(PAUSE)
