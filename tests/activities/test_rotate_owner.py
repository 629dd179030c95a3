from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Refused, Skipped
from activities.actions.rotate_owner import RotateOwner
from activities.catalogue import Catalogue, complete
from activities.effects import User
from activities.fakes import FakeCrm, FakePeople, FakeRotations
from starter.language.compile import compile_flow
from tests.activities.crm_bench import some_records
from tests.activities.doing import ANNA, NOW, anna, doing
from tests.activities.http_crm import gateway, http_crm
from tests.flows import flow
from tests.world import World
from workflows.contract import Step
from workflows.model.nodes import Perform
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

USERS = [User("7", "a@x.example", "Ann"), User("8", "b@x.example", "Bo"), User("9", "c@x.example", "Cy")]
LEFT = [User("1", "l@x.example", active=False), User("2", "s@x.example", seat=False)]
TEAMS = {"sales": {"1": True, "2": True, "8": True, "9": True, "7": False}, "nobody": {"7": False}}


class Office:
    """Some users, and records that come one after another."""

    def __init__(self) -> None:
        self.people = FakePeople({each.id: each for each in [*USERS, *LEFT]}, TEAMS)
        self.rotations = FakeRotations()

    async def give(self, config: dict[str, Any], zone: str = "UTC", **properties: Any) -> dict[str, Any]:
        crm = FakeCrm({ANNA: {**properties}})
        do = doing(anna(**properties), crm=crm, people=self.people, rotations=self.rotations, zone=zone)
        done = await RotateOwner.model_validate(config).perform(do)
        return {**done.output, "line": done.line, "now": crm.records[ANNA].get(config.get("property", "owner"))}

    async def owners(self, many: int, config: dict[str, Any]) -> str:
        return "".join([(await self.give(config))["owner"] for _ in range(many)])


@pytest.fixture
def office() -> Office:
    """An office."""
    return Office()


async def test_a_record_is_given_to_whose_turn_it_is(office: Office) -> None:
    """The owner is set, and the user's id and name are put out."""
    given = await office.give({"users": ["8", "7"]})
    assert given == {"owner": "8", "name": "Bo", "before": None, "now": "8", "line": "set owner in turn"}
    assert (await office.give({"users": ["8", "7"], "property": "manager"}))["now"] == "7"


@pytest.mark.parametrize(
    ("config", "owners"),
    [
        ({"users": ["9", "8", "7"]}, "987987"),
        ({"teams": ["sales"]}, "898989"),
        ({"users": ["9"], "teams": ["sales"]}, "989898"),
        ({"users": ["7", "7", "1", "2", "404", "8"]}, "787878"),
        ({"users": ["7", "8"], "weights": {"7": 2}}, "787787"),
        ({"users": ["7"], "teams": ["nobody", "none"]}, "777777"),
    ],
)
async def test_who_takes_part(office: Office, config: dict[str, Any], owners: str) -> None:
    """The users in their order, then those whose primary team it is; each once, active and with a seat."""
    assert await office.owners(6, config) == owners


async def test_who_is_away_is_passed_over(office: Office) -> None:
    """From the first day to the last, in the flow's zone; whoever comes back does not get every record."""
    config = {"users": ["7", "8", "9"]}
    office.rotations.absences.append(("8", NOW.date(), NOW.date()))
    assert await office.owners(4, config) == "7979"
    assert (await office.give(config, zone="Asia/Tokyo"))["owner"] == "8"
    office.rotations.absences[0] = ("8", date(2020, 1, 1), date(2020, 1, 2))
    assert Counter(await office.owners(6, config)) == {"7": 2, "8": 2, "9": 2}


async def test_another_list_begins_anew(office: Office) -> None:
    """Whatever was given before, and so do other weights; each step counts for itself."""
    assert await office.owners(1, {"users": ["7", "8"]}) == "7"
    assert await office.owners(1, {"users": ["7", "8", "9"]}) == "7"
    assert await office.owners(1, {"users": ["7", "8"], "weights": {"8": 2}}) == "7"
    assert await office.owners(1, {"users": ["7", "8"]}) == "8"


async def test_a_record_that_has_an_owner_is_skipped(office: Office) -> None:
    """And takes no turn; with `overwrite` it is given away."""
    config = {"users": ["7", "8"]}
    with pytest.raises(Skipped, match="has_owner"):
        await office.give(config, owner="3")
    assert (await office.give(config, owner=""))["owner"] == "7"
    given = await office.give({**config, "overwrite": True}, owner="3")
    assert (given["owner"], given["before"], given["now"]) == ("8", "3", "8")


async def test_an_owner_who_was_set_meanwhile_stays(office: Office) -> None:
    """What the record was when the step began is not what counts, but what it is when it is edited."""
    crm = FakeCrm({ANNA: {"owner": "3"}})
    do = doing(anna(), crm=crm, people=office.people, rotations=office.rotations)
    with pytest.raises(Skipped, match="has_owner"):
        await RotateOwner(users=("7",)).perform(do)
    assert crm.records[ANNA] == {"owner": "3"}


@pytest.mark.parametrize("config", [{"users": ["1", "2"]}, {"teams": ["nobody"]}, {"users": ["404"]}])
async def test_where_nobody_is_there_it_fails(office: Office, config: dict[str, Any]) -> None:
    """Nobody is active, has a seat and is not away."""
    with pytest.raises(Refused, match="nobody_available"):
        await office.give(config)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"users": []},
        {"users": [""]},
        {"users": ["7"], "property": "Owner"},
        {"users": ["7"], "weights": {"8": 2}},
        {"users": ["7"], "weights": {"7": 0}},
        {"users": ["7"], "weights": {"7": 1.5}},
        {"users": ["7"], "weights": {"7": 21}},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, Any]) -> None:
    """At publish, not when a record is there."""
    with pytest.raises(ValidationError):
        complete(RotateOwner, config)


async def employ(world: World) -> None:
    for user in [*USERS, *LEFT]:
        await world.pool.execute(
            "insert into crm_user (id, email, name, active, seat) values ($1, $2, $3, $4, $5)",
            *(user.id, user.email, user.name, user.active, user.seat),
        )
    await world.pool.execute("insert into team (id, name) values ('sales', 'Sales')")
    for member, is_primary in TEAMS["sales"].items():
        await world.pool.execute("insert into team_member values ('sales', $1, $2)", member, is_primary)


def rotating(world: World, **config: Any) -> Perform:
    whole: Any = complete(RotateOwner, config)
    return Perform(id="give", name="Give", edges={}, kind="rotate_owner", config=whole, place="store")


async def rotate(world: World, revision: Revision, records: list[RecordRef]) -> list[str]:
    """Give all records away at once; give the owners that they have then."""
    enrollments = [await world.enroll(revision, record) for record in records]
    performer = world.performer()
    steps = [Step(enrollment=each, revision=revision.hash, node="give", visit=1) for each in enrollments]
    answers = await asyncio.gather(*(performer.perform(step, "a1") for step in steps))
    assert {answer.line for answer in answers} == {"set owner in turn"}
    again = await asyncio.gather(*(performer.perform(step, "a2") for step in steps[:5]))
    assert again == answers[:5]
    return [(await world.properties(record))["owner"] for record in records]


async def contacts(world: World, many: int, first: int = 0) -> list[RecordRef]:
    return [await world.record(f"contact:{n}") for n in range(first, first + many)]


async def test_fifty_at_once_are_given_out_evenly(world: World) -> None:
    """Exactly, with real locks, also where a visit is repeated; and who is away has none."""
    await employ(world)
    await world.define("contact", owner="user")
    revision = await world.publish(flow(world.key("turns"), rotating(world, users=["7"], teams=["sales"])))
    owners = Counter(await rotate(world, revision, await contacts(world, 50)))
    assert sorted(owners.values()) == [16, 17, 17]
    assert {*owners} == {"7", "8", "9"}
    await world.pool.execute("insert into user_absence values ('8', current_date - 1, current_date + 1)")
    later = Counter(await rotate(world, revision, await contacts(world, 10, first=50)))
    assert sorted(later.items()) == [("7", 5), ("9", 5)]


async def test_weights_are_exact_at_once(world: World) -> None:
    """Thirty records at weights 2 and 1, all at the same moment."""
    await employ(world)
    await world.define("contact", owner="user")
    revision = await world.publish(flow(world.key("w"), rotating(world, users=["7", "8"], weights={"7": 2})))
    assert Counter(await rotate(world, revision, await contacts(world, 30))) == {"7": 20, "8": 10}


async def test_a_turn_that_comes_to_nothing_is_not_counted(world: World) -> None:
    """The owner is refused, as the property is read-only: the next record goes to who would have had it."""
    await employ(world)
    await world.define("contact", owner="user")
    revision = await world.publish(flow(world.key("x"), rotating(world, users=["7", "8"])))
    first, second = await contacts(world, 2)
    await world.pool.execute("update property set read_only = true")
    step = Step(enrollment=await world.enroll(revision, first), revision=revision.hash, node="give", visit=1)
    assert (await world.performer().perform(step, "a1")).line == "failed: read_only_property"
    await world.pool.execute("update property set read_only = false")
    assert await rotate(world, revision, [second]) == ["7"]


async def test_a_rotation_is_walked_with_a_crm_outside(world: World) -> None:
    """An answer is lost, and the attempt after it gives the record to the same user."""
    await employ(world)
    world.catalogue = Catalogue.load(crm_joins=False)
    async with http_crm(some_records()) as server:
        server.faults.append("dies_after")
        world.crm = gateway(server)
        await world.define("contact", owner="user")
        steps = '{do: rotate_owner, id: give, users: ["7", "8"], retry: {first: 0.01 seconds}}'
        text = f"flow: {world.key('o')}\nobject: contact\nsteps:\n  - {steps}\n"
        revision = await world.publish(Revision.of(compile_flow(text, world.catalogue)))
        await world.record(str(ANNA))
        async with world.serving():
            enrollment = await world.enroll(revision, ANNA)
            assert await world.ended(enrollment) == "completed"
    assert server.crm.records[ANNA] == {"owner": "7"}
    assert len(server.keys) == 2
    assert await world.pool.fetchval("select count(*) from rotation") == 1
