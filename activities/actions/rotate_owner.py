"""Give the enrolled record to people in turn."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field, JsonValue, model_validator

from activities.action import Action, Do, Done, NameOf, OwnProperty, Preparing, Refused, Skipped, Wants
from activities.effects import Fill, Rotation, SetTo, User
from activities.targets import PROPERTY
from activities.turns import MOST_WEIGHT, list_key
from workflows.model.operators import is_empty
from workflows.model.when import wall_clock

Name = Annotated[str, Field(min_length=1, max_length=200)]
_OF_USERS = ("user", "text")


class RotateOwner(Action):
    """Give the enrolled record to people in turn.

    They are `users`, in this order, then those whose primary team is one of `teams`; each once, and only who is active
    and has a seat. The record goes to whoever has been given the fewest by this step, the first of several, exactly so
    however many records come at once. With `weights`, one of weight 2 is given twice as many as the others, who have 1.
    Who is away on the day, in the flow's zone, is passed over (`perdure absence` says who is). Who was away, or joined
    a team later, goes on where the others are, and need not catch up. Another list, or other weights, begin anew.

    A record that has an owner is skipped (`has_owner`), unless `overwrite` says to give it away. Where nobody is there,
    the step fails (`nobody_available`). Turn, edit and visit are one transaction, so that no turn is lost or counted
    twice. It fails as `set_property` does where the property is unknown (`unknown_property`) or read-only
    (`read_only_property`), and for a conversation's own properties (`own_read_only`).
    """

    kind: ClassVar = "rotate_owner"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {
        "owner": "The id of the user whom it was given to.",
        "name": "That user's name.",
        "before": "The id of the owner before, empty where there was none.",
    }
    examples: ClassVar = (
        '{do: rotate_owner, id: to-sales, users: ["7", "8", "9"]}',
        """\
do: rotate_owner
id: to-manager
teams: [account-managers]
users: ["7"]
property: account_manager
overwrite: true
weights: {"7": 2}
""",
    )

    users: Annotated[tuple[Name, ...], NameOf("user"), Wants("property", _OF_USERS)] = Field(
        (), description="Users, by their ids."
    )
    teams: Annotated[tuple[Name, ...], NameOf("team"), Wants("property", _OF_USERS)] = Field(
        (), description="Teams; of each those whose primary team it is."
    )
    property: Annotated[str, OwnProperty(edits=True)] = Field(
        "owner", description="The property that names the owner.", pattern=PROPERTY
    )
    overwrite: bool = Field(default=False, description="Whether a record that has an owner is given to another.")
    weights: dict[Name, Annotated[int, Field(ge=1, le=MOST_WEIGHT)]] = Field(
        {}, description="For some users, by their ids, how many each is given where others are given 1.", max_length=500
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.users and not self.teams:
            message = "name `users` or `teams`"
            raise ValueError(message)
        if unknown := [] if self.teams else [user for user in self.weights if user not in self.users]:
            message = f"`weights` names {', '.join(unknown)}, who is not among `users`"
            raise ValueError(message)
        return self

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Take the turn with the intent, where the CRM is outside: every attempt is of the same turn."""
        return await self._turn(preparing)

    async def perform(self, do: Do) -> Done:
        """Give the record to whose turn it is."""
        taken = do.prepared or await self._turn(do)
        given = SetTo(taken["owner"]) if self.overwrite else Fill(taken["owner"])
        (done,) = await do.crm.edit([do.record.ref], {self.property: given}, do.source)
        before = done.before[self.property]
        if not self.overwrite:
            self._has_none(before)
        return Done(line=f"set {self.property} in turn", output={**taken, "before": before})

    async def _turn(self, do: Do | Preparing) -> dict[str, JsonValue]:
        if not self.overwrite:
            self._has_none(do.record.properties.get(self.property))
        there = await self._there(do)
        if not there:
            raise Refused("nobody_available", "nobody is active, has a seat and is not away")
        rotation = Rotation(do.source.flow, do.source.node, list_key(self.users, self.teams, self.weights))
        whose = await do.store.rotations.turn(rotation, {each: self.weights.get(each, 1) for each in there})
        return {"owner": whose, "name": there[whose].name}

    def _has_none(self, owner: JsonValue) -> None:
        if not is_empty(owner):
            raise Skipped("has_owner", f"{self.property} is {owner} already")

    async def _there(self, do: Do | Preparing) -> dict[str, User]:
        """Give those who take part now, in order."""
        named = await do.store.people.users(self.users)
        teams = await do.store.people.members(self.teams, primary=True) if self.teams else {}
        found = [named[each] for each in self.users if each in named]
        found += [each for team in self.teams for each in teams.get(team, ())]
        fit = {each.id: each for each in found if each.active and each.seat}
        away = await do.store.rotations.away(fit, wall_clock(do.now, do.zone).date())
        return {id_: user for id_, user in fit.items() if id_ not in away}
