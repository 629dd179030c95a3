"""Users and teams in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from activities.effects import User


@dataclass
class FakePeople:
    """Users in a dictionary, and the members of each team by id, each with whether it is their primary team."""

    everyone: dict[str, User] = field(default_factory=dict)
    teams: dict[str, dict[str, bool]] = field(default_factory=dict)

    async def users(self, ids: Collection[str]) -> Mapping[str, User]:
        """See People."""
        return {id_: self.everyone[id_] for id_ in ids if id_ in self.everyone}

    async def members(self, teams: Collection[str], *, primary: bool = False) -> Mapping[str, list[User]]:
        """See People."""
        return {
            team: [
                self.everyone[id_] for id_, is_primary in sorted(self.teams[team].items()) if is_primary or not primary
            ]
            for team in teams
            if team in self.teams
        }
