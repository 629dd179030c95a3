"""Effects that have several recipients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Part:
    """What one part of an effect came to."""

    state: Literal["done", "skipped", "failed", "unknown"]
    note: str = ""


class Parts(Protocol):
    """An effect that has several recipients: each is done once, wherever the others stand."""

    async def each(self, parts: Mapping[str, Callable[[str], Awaitable[str]]]) -> dict[str, Part]:
        """Do every part that is not done yet, each handed the key of its own effect; give what all came to.

        A part answers with a note, or raises as an action does; Retryable is raised again when all others are through.
        """
