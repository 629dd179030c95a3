"""Giving records out in turn: who is away, and whose turn it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True)
class Rotation:
    """A list of people who take turns: that of a step. Another list of the same step begins anew."""

    flow: str
    step: str
    list: str


class Rotations(Protocol):
    """The turns that are counted in our store, inside the transaction of the visit."""

    async def away(self, users: Collection[str], day: date) -> frozenset[str]:
        """Give those of the users who are away on a day."""

    async def turn(self, rotation: Rotation, weights: Mapping[str, int]) -> str:
        """Give the user whose turn it is among these, in their order, and count it until the visit is undone.

        Whoever asks meanwhile waits until it is known whether this turn counts.
        """
