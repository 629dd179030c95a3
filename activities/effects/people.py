"""Who works with the CRM: users and the teams they are in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from activities.effects.crm import User


class People(Protocol):
    """The users and teams of our store, inside the transaction of the visit."""

    async def users(self, ids: Collection[str]) -> Mapping[str, User]:
        """Give users by their ids, of those that there are, active or not."""

    async def members(self, teams: Collection[str], *, primary: bool = False) -> Mapping[str, list[User]]:
        """Give the members of teams by the team's id, of those that there are, active or not, by their ids.

        With `primary` only those whose primary team it is.
        """
