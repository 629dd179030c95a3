"""Giving records out in turn, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from activities.effects import Rotation
from activities.turns import Turns


@dataclass
class FakeRotations:
    """The turns by the list; `absences` are of users, each with its first and its last day."""

    turns: dict[Rotation, Turns] = field(default_factory=dict)
    absences: list[tuple[str, date, date]] = field(default_factory=list)

    async def away(self, users: Collection[str], day: date) -> frozenset[str]:
        """See Rotations."""
        return frozenset(user for user, first, last in self.absences if user in users and first <= day <= last)

    async def turn(self, rotation: Rotation, weights: Mapping[str, int]) -> str:
        """See Rotations."""
        user, self.turns[rotation] = self.turns.get(rotation, Turns()).next(weights)
        return user
