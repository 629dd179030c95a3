"""Whose turn it is: evenly among people, or by their weights, and fair to who was away for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import lcm

from pydantic import JsonValue
from pydantic_core import to_json

MOST_WEIGHT = 20

_TURN = lcm(*range(1, MOST_WEIGHT + 1))
"""What a turn counts for a user of weight 1; every weight divides it, so that counts are whole numbers."""


@dataclass(frozen=True)
class Turns:
    """How far each user has come, by id, and how far all have.

    Where all are there all the time, it is the turn of who has had the fewest for their weight. Who comes later, or
    was away, goes on where the others are: they do not get every record until they have caught up.
    """

    level: int = 0
    reached: Mapping[str, int] = field(default_factory=dict)

    def next(self, weights: Mapping[str, int]) -> tuple[str, Turns]:
        """Give the user whose turn it is, the first in order of several, and the turns once it is taken."""
        begins = {user: max(self.level, self.reached.get(user, 0)) for user in weights}
        user = min(begins, key=begins.__getitem__)
        return user, Turns(begins[user], {**self.reached, user: begins[user] + _TURN // weights[user]})

    @classmethod
    def read(cls, kept: Mapping[str, JsonValue]) -> Turns:
        """Read what `kept` wrote."""
        reached = kept.get("reached")
        return cls(int(str(kept.get("level", 0))), {**reached} if isinstance(reached, dict) else {})  # type: ignore[dict-item]

    def kept(self) -> dict[str, JsonValue]:
        """Write the turns as JSON."""
        return {"level": self.level, "reached": {**self.reached}}


def list_key(users: Sequence[str], teams: Sequence[str], weights: Mapping[str, int]) -> str:
    """Name a list of people: another list, another order or other weights give another name."""
    return sha256(to_json([users, teams, sorted(weights.items())])).hexdigest()[:16]
