from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from activities.effects import NewTask, Provenance, User
from activities.gateways.postgres_crm import PostgresCrm
from starter.crm.records import set_properties
from starter.crm.users import Member, everyone
from tests.flows import delay, flow
from tests.world import World
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

ANNA, ACME, OTHER = (RecordRef.parse(name) for name in ("contact:1", "company:7", "company:8"))
SOURCE = Provenance("welcome", "r", "call", "e")


async def people(world: World) -> None:
    await world.record(str(ANNA), stage="new", city="Oulu")
    for company in (ACME, OTHER):
        await world.record(str(company), name="x")


async def task(world: World, *records: RecordRef) -> str:
    async with world.pool.acquire() as connection, connection.transaction():
        made = NewTask(subject="Call Anna", records=records, source=SOURCE, kind="call")
        return await PostgresCrm(connection).create_task(made, "k")


async def told(world: World, type_: str) -> list[dict[str, Any]]:
    rows = await world.pool.fetch(
        "select record_type || ':' || record_id as of, properties from event where type = $1 order by seq", type_
    )
    return [{"of": row["of"], **row["properties"]} for row in rows]


async def test_an_edit_by_hand_is_one_with_history_and_event(world: World) -> None:
    """As a flow's, but that it says who made it; what was so already is no edit."""
    await people(world)
    edited = await world.client.set_properties("contact:1", {"stage": "lead", "city": None}, by="ann")
    assert (edited.before, edited.after) == (
        {"stage": "new", "city": "Oulu"},
        {"stage": "lead", "city": None},
    )
    assert await world.properties(ANNA) == {"stage": "lead"}
    assert [(each["name"], each["value"], each["by"]) for each in await told(world, "property_changed")] == [
        ("stage", "lead", {"who": "ann"}),
        ("city", None, {"who": "ann"}),
    ]
    assert (await world.client.set_properties(ANNA, {"stage": "lead"})).changed == []
    assert len(await told(world, "property_changed")) == 2


async def test_a_unique_value_stays_one_records(world: World) -> None:
    """Whoever sets it by hand is told whose it is."""
    await world.record("contact:1", email="a@x.example")
    await world.record("contact:2")
    await world.pool.execute("update property set is_unique = true")
    with pytest.raises(CallerError, match="is unique, and contact:1 has it already"):
        await world.client.set_properties("contact:2", {"email": "A@x.example"})


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [("text", "007", "007"), ("number", "7", 7), ("boolean", "true", True), ("options", "red; blue", ["red", "blue"])],
)
async def test_what_a_person_writes_is_read_as_the_propertys_type(
    world: World, type_: str, text: str, value: object
) -> None:
    """On the command line everything is a text; a number is a number where the property is one."""
    await world.record(str(ANNA), p="")
    await world.pool.execute("update property set type = $1, options = '[\"red\", \"blue\"]' where name = 'p'", type_)
    await set_properties(world.pool, ANNA, {"p": text}, "ann", written=True)
    assert await world.properties(ANNA) == {"p": value}


@pytest.mark.parametrize(
    ("record", "values", "told_"),
    [
        ("contact:2", {"stage": "x"}, "there is no record contact:2"),
        ("contact:1", {"stge": "x"}, "no property 'stge'; did you mean 'stage'"),
        ("contact:1", {"stage": 5}, "stage is a text"),
        ("contact:1", {"city": "x", "fixed": "y"}, "fixed is read-only"),
    ],
)
async def test_a_wrong_edit_changes_nothing_and_says_why(
    world: World, record: str, values: dict[str, Any], told_: str
) -> None:
    """All or none."""
    await people(world)
    await world.pool.execute(
        "insert into property (object, name, type, read_only) values ('contact', 'fixed', 'text', true)"
    )
    with pytest.raises(CallerError, match=told_):
        await world.client.set_properties(record, values)
    assert await told(world, "property_changed") == []


async def test_a_page_holds_all_that_is_known(world: World) -> None:
    """Properties, history from the newest on with its sources, associations, lists, tasks and enrollments."""
    await people(world)
    revision = await world.publish(flow(world.key("f"), delay("rest", "1 day")))
    enrollment = await world.enroll(revision, ANNA)
    await world.client.set_properties(ANNA, {"stage": "lead"}, by="ann")
    await world.client.associate(ANNA, OTHER)
    await world.client.associate(ANNA, ACME, "billing", primary=True)
    await world.pool.execute(
        "insert into list (key, object, name) values ('vip', 'contact', 'VIP'), ('v', 'company', 'V')"
    )
    await world.pool.execute("insert into list_member (list, id) values ('vip', '1'), ('v', '1')")
    made = await task(world, ANNA)
    page = await world.client.record(ANNA)
    assert page.properties == {"stage": "lead", "city": "Oulu"}
    assert [(each.name, each.value, each.source) for each in page.history] == [
        ("stage", "lead", {"who": "ann"}),
        ("stage", "new", {}),
    ]
    assert [(str(each.record), each.label, each.is_primary) for each in page.associations] == [
        ("company:7", "billing", True),
        ("company:8", "", False),
    ]
    assert page.lists == ("vip",)
    assert [(str(each.id), each.subject, each.kind) for each in page.tasks] == [(made, "Call Anna", "call")]
    assert [(str(each.enrollment), each.standing) for each in page.enrollments] == [(enrollment, "accepted")]
    assert len((await world.client.record(ANNA, history=1)).history) == 1
    with pytest.raises(CallerError, match="there is no record contact:99"):
        await world.client.record("contact:99")


async def associated(world: World) -> list[tuple[str, str, str, bool]]:
    rows = await world.pool.fetch("select * from association order by to_id, label")
    names = [(f"{row['from_type']}:{row['from_id']}", f"{row['to_type']}:{row['to_id']}") for row in rows]
    return [(*name, row["label"], row["is_primary"]) for name, row in zip(names, rows, strict=True)]


async def test_an_association_is_one_from_whichever_end(world: World) -> None:
    """Made from one end, it is there from the other; both records are told."""
    await people(world)
    assert await world.client.associate(ANNA, ACME, "billing", by="ann")
    assert not await world.client.associate(ACME, ANNA, "billing")
    assert await associated(world) == [("contact:1", "company:7", "billing", False)]
    ours = {"label": "billing", "change": "added", "by": "ann"}
    events = sorted(await told(world, "association_changed"), key=lambda each: str(each["of"]))
    assert events == [
        {"of": "company:7", "record": "contact:1", **ours},
        {"of": "contact:1", "record": "company:7", **ours},
    ]


async def test_a_record_has_one_primary_of_a_type(world: World) -> None:
    """The last one that was made so, whichever end the associations were made from."""
    await people(world)
    await world.client.associate(ACME, ANNA)
    await world.client.associate(ANNA, ACME, primary=True)
    assert await world.client.associate(ANNA, OTHER, primary=True)
    assert not await world.client.associate(ANNA, OTHER, primary=True)
    assert [each[2:] for each in await associated(world)] == [("", False), ("", True)]
    async with world.pool.acquire() as connection:
        found = await PostgresCrm(connection).associated(ANNA, "company")
    assert [record.ref for record in found] == [OTHER, ACME]


async def test_an_association_ends_under_a_label_or_under_all(world: World) -> None:
    """One that is not there is none to end."""
    await people(world)
    for label in ("", "billing", "parent"):
        await world.client.associate(ANNA, ACME, label)
    assert await world.client.dissociate(ACME, ANNA, "billing")
    assert [each[2] for each in await associated(world)] == ["", "parent"]
    assert not await world.client.dissociate(ANNA, ACME, "billing")
    assert await world.client.dissociate(ANNA, ACME)
    assert await associated(world) == []


@pytest.mark.parametrize(
    ("one", "other", "label"),
    [("contact:1", "contact:1", ""), ("contact:1", "company:99", ""), ("contact:1", "company:7", "a\nb")],
)
async def test_an_association_with_nobody_is_refused(world: World, one: str, other: str, label: str) -> None:
    """Itself, one that is not there, and a label of two lines."""
    await people(world)
    with pytest.raises(CallerError):
        await world.client.associate(one, other, label)
    assert await associated(world) == []


async def test_a_task_is_completed_once_whoever_races(world: World) -> None:
    """Each of its records is told once, with what a wait can look for."""
    await people(world)
    made = await task(world, ANNA, ACME)
    answers = await asyncio.gather(*(world.client.complete_task(made, by="ann") for _ in range(10)))
    assert sorted(answers) == [False] * 9 + [True]
    told_ = {"task": made, "kind": "call", "subject": "Call Anna", "flow": "welcome", "step": "call", "by": "ann"}
    assert sorted(each["of"] for each in await told(world, "task_completed")) == ["company:7", "contact:1"]
    assert [{key: each[key] for key in each if key != "of"} for each in await told(world, "task_completed")] == [
        told_
    ] * 2
    assert (await world.client.record(ANNA)).tasks[0].completed_at is not None


async def test_a_task_that_is_not_there_is_told(world: World) -> None:
    """And so is a name that is none."""
    with pytest.raises(CallerError, match="there is no task"):
        await world.client.complete_task(uuid4())
    with pytest.raises(CallerError, match="is no id of a task"):
        await world.client.complete_task("call")


async def test_users_are_put_in_with_their_teams(world: World) -> None:
    """New or over what is there; the first team is the primary one; without teams they stay as they are."""
    ann = User("7", "ann@acme.example", "Ann")
    await world.client.put_user(ann, ("Sales", "Support"))
    await world.client.put_user(User("8", "bo@acme.example", active=False))
    assert await everyone(world.pool) == [
        Member(ann, ("Sales", "Support")),
        Member(User("8", "bo@acme.example", active=False)),
    ]
    await world.client.put_user(User("7", "ann@new.example", "Ann B", seat=False))
    assert (await everyone(world.pool))[0] == Member(
        User("7", "ann@new.example", "Ann B", seat=False), ("Sales", "Support")
    )
    await world.client.put_user(ann, ("Support",))
    assert (await everyone(world.pool))[0].teams == ("Support",)
    assert await world.pool.fetchval("select is_primary from team_member where member = '7'")


@pytest.mark.parametrize(
    ("user", "told_"),
    [
        (User("", "a@b.example"), "is no id of a user"),
        (User("a b", "a@b.example"), "is no id of a user"),
        (User("9", "ann"), "is no e-mail address"),
        (User("9", "ann@acme.example"), "another user has the address"),
        (User("9", "a@b.example", "a\nb"), "must be one line"),
    ],
)
async def test_what_is_no_user_is_refused(world: World, user: User, told_: str) -> None:
    """Nobody is put in."""
    await world.client.put_user(User("7", "ann@acme.example"))
    with pytest.raises(CallerError, match=told_):
        await world.client.put_user(user)
    assert len(await everyone(world.pool)) == 1
