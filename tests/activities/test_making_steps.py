"""The steps that make, from the text of a flow to its end: on the fakes, and on real servers."""

from __future__ import annotations

from typing import Any

import pytest

from activities.catalogue import Catalogue
from activities.effects import PropertyDefinition, User
from starter.language.compile import compile_flow
from starter.simulate import Simulation
from tests.activities.crm_bench import ACME, ANNA, DEFINITIONS, in_postgres, some_records
from tests.activities.http_crm import gateway, http_crm
from tests.flows import flow
from tests.proofs.test_tasks_and_doors import act
from tests.until import until
from tests.world import World
from workflows.contract import Answer, Step
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

DEAL = {"title": "text", "amount": "number", "close_date": "date", "owner": "user", "code": "text"}
FLOW = """
flow: {key}
object: contact
steps:
  - {{do: rotate_owner, id: give, users: ["7", "8"]}}
  - do: create_record
    id: open
    type: deal
    properties:
      title: "For {{{{ contact.city }}}}, by {{{{ outputs.give.name }}}}"
      amount: {{from: score}}
      owner: {{from_output: give.owner}}
      close_date: {{after: 3 days}}
    itself: {{label: buyer}}
    associate: [company/employer]
  - do: create_note
    id: write
    body: "<p>{{{{ outputs.open.record }}}} for {{{{ contact.city }}}}</p>"
    associate: [deal]
  - {{do: associate_records, id: to-acme, type: company, match: nick, with: name, primary: true}}
  - {{do: associate_records, id: to-deal, to_output: open.record, label: seller}}
  - {{do: create_record, id: twin, type: contact, properties: {{email: "{{{{ contact.email }}}}"}}}}
"""
LINES = [
    ("give", "set owner in turn"),
    ("open", "created a deal"),
    ("write", "wrote a note, on 1 more records"),
    ("to-acme", "associated with 1 of 1 of the type company"),
    ("to-deal", "associated with 1 of 1 of the type deal"),
    ("twin", "failed: duplicate_value"),
]
HAS: dict[str, Any] = {"city": "A&B", "score": 5, "nick": "ACME", "email": "anna@x.example"}
TITLE, BODY = "For A&B, by Ann", "<p>{deal} for A&amp;B</p>"


async def test_the_steps_are_walked_on_the_fakes() -> None:
    """Each sees what those before have made."""
    world = Simulation(Catalogue.load())
    world.record(str(ANNA), **HAS)
    world.record(str(ACME), name="Acme")
    crm, store = world.ledger.crm, world.ledger.store
    crm.properties = {**DEFINITIONS, "deal": {name: PropertyDefinition(type_) for name, type_ in DEAL.items()}}
    crm.associations.append((ANNA, ACME, "employer"))
    store.people.everyone = {"7": User("7", "a@x.example", "Ann"), "8": User("8", "b@x.example")}
    revision = Revision.of(compile_flow(FLOW.format(key="making"), world.catalogue))
    world.publish(revision)
    _, ending = await world.walk(revision, ANNA)
    visits = [row for row in world.ledger.visits.values() if row.visit.answer]
    assert [(row.node, row.visit.answer.line) for row in visits if row.visit.answer] == LINES
    assert ending == "completed"
    ((deal, _),) = crm.made.values()
    made = crm.records[deal]
    assert (made.pop("close_date"), made) == ("2026-01-08", {"title": TITLE, "amount": 5, "owner": "7"})
    assert [note.body for note in crm.notes.values()] == [BODY.format(deal=deal)]


async def people(world: World) -> None:
    for user in (User("7", "a@x.example", "Ann"), User("8", "b@x.example", "Bo")):
        await world.client.put_user(user)


async def test_the_steps_are_walked_on_real_servers(world: World) -> None:
    """As on the fakes; the record's page shows what was made, and the note of the visit who has the value."""
    await in_postgres(world)
    await people(world)
    await world.define("deal", **DEAL)
    await world.pool.execute("update record set properties = $1 where type = 'contact' and id = '1'", HAS)
    await world.pool.execute("update record set properties = '{\"name\": \"Acme\"}' where id = 'acme'")
    revision = await world.publish(Revision.of(compile_flow(FLOW.format(key=world.key("making")), world.catalogue)))
    async with world.serving():
        enrollment = await world.enroll(revision, ANNA)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == LINES
    visits = await world.visits(enrollment)
    assert visits[-1]["note"] == "email 'anna@x.example' is unique, and contact:1 has it already"
    deal = RecordRef.parse(visits[1]["output"]["record"])
    page = await world.client.record(deal)
    assert (page.properties["title"], page.properties["amount"], page.properties["owner"]) == (TITLE, 5, "7")
    assert (page.source["flow"], page.source["node"]) == (revision.flow.key, "open")
    assert {(str(each.record), each.label) for each in page.associations} == {
        ("contact:1", "buyer"),
        ("contact:1", "seller"),
        ("company:beta", "employer"),
    }
    assert [(note.body, note.source["node"]) for note in page.notes] == [(BODY.format(deal=deal), "write")]
    companies = [each for each in (await world.client.record(ANNA)).associations if each.record.type == "company"]
    assert {str(each.record) for each in companies if each.is_primary} == {"company:acme"}


async def test_a_record_that_is_made_enters_flows_and_makes_no_other(world: World) -> None:
    """Its event starts the very flow that made it, once more: there the step is skipped, and that is the end."""
    created = {"on": [{"event": "record_created"}], "again": "always"}
    twin = act(world, "twin", "create_record", type="contact")
    revision = await world.publish(flow(world.key("twins"), twin, enroll=created))
    anna = await world.record("contact:1", city="Oulu")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
        made = (await world.visits(enrollment))[0]["output"]["id"]
        query = "select id::text from enrollment where record = $1"
        child = await until(lambda: world.pool.fetchval(query, made), what="the entry of the new record") or ""
        assert await world.ended(child) == "completed"
    assert await world.path(child) == [("twin", "skipped: created_by_this_flow")]
    assert (await world.visits(child))[0][
        "note"
    ] == "the enrolled record was created by this flow: there would be no end"
    assert await world.pool.fetchval("select count(*) from record") == 2


async def test_records_are_made_and_associated_once_in_a_crm_outside(world: World) -> None:
    """The first answers are lost, and each record is asked for again under its key."""
    world.catalogue = Catalogue.load(crm_joins=False)
    retry = "retry: {first: 0.01 seconds}"
    text = f"""
flow: {world.key("out")}
object: contact
steps:
  - {{do: create_record, id: open, type: company, properties: {{name: Acme}}, itself: false, {retry}}}
  - {{do: associate_records, id: link, to_output: open.record, label: employer, {retry}}}
"""
    async with http_crm(some_records()) as server:
        server.faults += ["dies_after", "dies_after"]
        world.crm = gateway(server)
        await world.record(str(ANNA))
        revision = await world.publish(Revision.of(compile_flow(text, world.catalogue)))
        async with world.serving():
            enrollment = await world.enroll(revision, ANNA)
            assert await world.ended(enrollment) == "completed"
    lines = ["created a company", "associated with 1 of 1 of the type company"]
    assert [line for _, line in await world.path(enrollment)] == lines
    ((made, _),) = server.crm.made.values()
    assert server.crm.records[made] == {"name": "Acme"}
    assert [each for each in server.crm.associations if made in each] == [(ANNA, made, "employer")]
    assert len({*server.keys}) == 2


class Died(Exception):
    """The worker is gone."""


RECORD = ("create_record", {"type": "deal"}, "record where type = 'deal'")
NOTE = ("create_note", {"body": "x"}, "note")
TURN = ("rotate_owner", {"users": ["7", "8"]}, "rotation where turns->'reached' ? '7'")


@pytest.mark.parametrize(
    ("made", "point"),
    [(RECORD, "before_commit"), (RECORD, "after_commit"), (NOTE, "after_commit"), (TURN, "before_commit")],
)
async def test_a_death_around_the_commit_makes_it_once(
    world: World, made: tuple[str, dict[str, Any], str], point: str
) -> None:
    """What was not committed is not there, and what was is not made again."""
    kind, config, table = made
    await people(world)
    await world.define("contact", owner="user")
    revision = await world.publish(flow(world.key("x"), act(world, "do", kind, **config)))
    enrollment = await world.enroll(revision, await world.record("contact:1"))
    step = Step(enrollment=enrollment, revision=revision.hash, node="do", visit=1)

    def die(at: str) -> None:
        if at == point:
            raise Died

    with pytest.raises(Died):
        await world.performer(die).perform(step, "a1")
    counted = f"select count(*) from {table}"
    assert await world.pool.fetchval(counted) == (point == "after_commit")
    answers = [await world.performer().perform(step, attempt) for attempt in ("a2", "a3")]
    assert answers[0] == answers[1] != Answer()
    assert await world.pool.fetchval(counted) == 1
    assert await world.pool.fetchval("select count(*) from rotation where turns->'reached' ? '8'") == 0
