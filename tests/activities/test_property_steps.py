"""The steps that edit properties, from the text of a flow to its end: on the fakes, and on real servers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from activities.catalogue import Catalogue
from activities.effects import Provenance
from starter.language.compile import compile_flow
from starter.simulate import Simulation
from tests.activities.crm_bench import ACME, ANNA, BETA, DEFINITIONS, in_postgres
from tests.world import World
from workflows.model.revision import Revision

FLOW = """
flow: {key}
object: contact
settings: {{timezone: Pacific/Honolulu}}
steps:
  - {{do: adjust_property, id: count, property: score, by: 5}}
  - {{do: set_property, id: say, property: city, value: "score {{{{ outputs.count.value }}}}"}}
  - {{do: copy_property, id: keep, from_output: count.value, to: nick}}
  - {{do: set_property, id: today, property: born, now: true}}
  - {{do: set_property, id: tell, property: name, from: city, on: company}}
  - {{do: copy_property, id: nothing, from: stage, to: was}}
  - {{do: set_property, id: wrong, property: stage, value: "{{{{ contact.city }}}}"}}
  - {{do: clear_property, id: gone, property: score}}
"""
LINES = [
    ("count", "increased score"),
    ("say", "set city"),
    ("keep", "copied to nick"),
    ("today", "set born"),
    ("tell", "set name on 2 of 2 records of the type company"),
    ("nothing", "skipped: empty_source"),
    ("wrong", "failed: unknown_option"),
    ("gone", "cleared score"),
]


async def test_the_steps_are_walked_on_the_fakes() -> None:
    """Each sees what those before have left, in the record and in the outputs."""
    world = Simulation(Catalogue.load())
    world.record(str(ANNA))
    for company in (ACME, BETA):
        world.record(str(company))
        world.ledger.crm.associations.append((ANNA, company, ""))
    world.ledger.crm.properties = {**DEFINITIONS}
    revision = Revision.of(compile_flow(FLOW.format(key="steps"), world.catalogue))
    world.publish(revision)
    _, ending = await world.walk(revision, ANNA)
    visits = world.ledger.visits.values()
    assert [(row.node, row.visit.answer.line) for row in visits if row.visit.answer] == LINES
    assert ending == "completed"
    crm = world.ledger.crm
    assert crm.records[ANNA] == {"city": "score 5", "nick": "5", "born": "2026-01-04"}
    assert [crm.records[each] for each in (ACME, BETA)] == [{"name": "score 5"}] * 2


async def test_the_steps_are_walked_on_real_servers(world: World) -> None:
    """As on the fakes; and every edit says in its history which flow, revision, step and enrollment it comes from."""
    await in_postgres(world)
    revision = await world.publish(Revision.of(compile_flow(FLOW.format(key=world.key("steps")), world.catalogue)))
    async with world.serving():
        enrollment = await world.enroll(revision, ANNA)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == LINES
    properties = await world.properties(ANNA)
    assert datetime.now(UTC) - timedelta(days=2) < datetime.fromisoformat(f"{properties.pop('born')}T23:59Z")
    assert properties == {"city": "score 5", "nick": "5"}
    assert [await world.properties(each) for each in (ACME, BETA)] == [{"name": "score 5"}] * 2
    rows = await world.pool.fetch("select source from property_history where type = 'company'")
    source = asdict(Provenance(revision.flow.key, revision.hash, "tell", enrollment))
    assert [row["source"] for row in rows] == [source] * 2
