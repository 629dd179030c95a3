"""Effects of several parts, in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from activities.action import Refused, Skipped
from activities.effects import (
    Part,
)


@dataclass
class FakeParts:
    """Does every part, once, and remembers what each came to."""

    done: dict[str, Part] = field(default_factory=dict)

    async def each(self, parts: Mapping[str, Callable[[str], Awaitable[str]]]) -> dict[str, Part]:
        """See Parts; the key of a part is its name."""
        for name, act in parts.items():
            if name not in self.done:
                self.done[name] = await self._came_to(name, act)
        return {name: self.done[name] for name in parts}

    async def _came_to(self, name: str, act: Callable[[str], Awaitable[str]]) -> Part:
        try:
            return Part("done", await act(name))
        except Skipped as skipped:
            return Part("skipped", f"{skipped.code}: {skipped.note}")
        except Refused as refused:
            return Part("failed", f"{refused.code}: {refused.note}")
