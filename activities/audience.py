"""Who is notified by an action: users, the members of teams, and the users whom properties of the record name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from activities.action import Action, NameOf, OwnProperty
from activities.effects import People, User
from workflows.model.records import Record

UserId = Annotated[str, Field(min_length=1, max_length=200)]
TeamId = Annotated[str, Field(min_length=1, max_length=200)]
UserProperty = Annotated[str, Field(min_length=1, max_length=200)]


class OneUser(BaseModel):
    """A user, by id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str = Field(description="The user's id.", min_length=1, max_length=200)


@dataclass(frozen=True)
class LeftOut:
    """Somebody who was to be notified and is not: as the flow names them, and why, as a code."""

    who: str
    code: str


@dataclass(frozen=True)
class Audience:
    """Those who are notified, each once and all active, in the order in which the step names them; and who is not."""

    people: tuple[User, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


class Notifying(Action):
    """The base of the actions that notify people who work with the CRM.

    All that are named are notified, each once: the users, the active members of the teams, and the users whom the
    properties of the record name. Left out are a property without a value (`no_user`), a user who is unknown
    (`unknown_user`) or deactivated (`inactive_user`), and a team that is unknown (`unknown_team`) or has nobody who is
    active (`empty_team`).
    """

    whom: ClassVar[tuple[str, ...]] = ("users", "teams", "owners")
    """The fields that name somebody; a step gives one of them at least."""

    users: Annotated[tuple[UserId, ...], NameOf("user")] = Field((), description="Users, by their ids.")
    teams: Annotated[tuple[TeamId, ...], NameOf("team")] = Field((), description="Teams, of which all members are.")
    owners: Annotated[tuple[UserProperty, ...], OwnProperty()] = Field(
        (), description="Properties of the record that name a user, as `owner`."
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not any(getattr(self, name) for name in self.whom):
            first, last = ", ".join(f"`{name}`" for name in self.whom[:-1]), self.whom[-1]
            raise ValueError(f"whom? Give {first} or `{last}`")
        return self

    async def audience(self, people: People, record: Record) -> Audience:
        """Find who is notified about a record, and who is left out."""
        named = {name: str(record.properties.get(name) or "") for name in self.owners}
        known = await people.users([*dict.fromkeys((*self.users, *filter(None, named.values())))])
        members = await people.members(self.teams) if self.teams else {}
        found = [
            *(_of_user(f"user {id_}", id_, known) for id_ in self.users),
            *(each for team in self.teams for each in _of_team(team, members)),
            *(_of_user(name, id_, known) if id_ else LeftOut(name, "no_user") for name, id_ in named.items()),
        ]
        return Audience(
            people=tuple({each.id: each for each in found if isinstance(each, User)}.values()),
            left_out=tuple(dict.fromkeys(each for each in found if isinstance(each, LeftOut))),
        )


def _of_user(who: str, id_: str, known: Mapping[str, User]) -> User | LeftOut:
    user = known.get(id_)
    if user is None:
        return LeftOut(who, "unknown_user")
    return user if user.active else LeftOut(who, "inactive_user")


def _of_team(team: str, members: Mapping[str, list[User]]) -> Iterable[User | LeftOut]:
    if team not in members:
        return [LeftOut(f"team {team}", "unknown_team")]
    return [user for user in members[team] if user.active] or [LeftOut(f"team {team}", "empty_team")]
