"""What stands beside a record, read by both ledgers alike: what it has been, where it is, and what belongs to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.fakes.flows import FakeEnrollment
from activities.fakes.ledger import FakeLedger
from activities.gateways.postgres_ledger import PostgresLedger
from tests.activities.ledger_bench import ANNA, Bench, now
from workflows.model.facts import NOTHING, Facts, Needs, Past
from workflows.model.records import RecordRef

ACME, BETA = RecordRef.parse("company:acme"), RecordRef.parse("company:beta")
WHOLE = Needs(
    history=frozenset({"stage", "never"}),
    owners=frozenset({"owner"}),
    associated={"company": Needs(lists=frozenset({"big"})), "company/partner": NOTHING, "deal": NOTHING},
    lists=frozenset({"vip", "none"}),
    flows=frozenset({"f", "other"}),
    events=frozenset({"replied"}),
    cause=True,
)


async def furnish(bench: Bench) -> None:
    """Put the same things into whichever store the bench is on."""
    if isinstance(bench.ledger, FakeLedger):
        furnish_memory(bench.ledger)
    elif isinstance(bench.ledger, PostgresLedger):
        await furnish_postgres(bench.ledger, bench.enrollment)
    await bench.logged("replied")
    await bench.logged("opened")


def furnish_memory(ledger: FakeLedger) -> None:
    crm = ledger.crm
    crm.records[ANNA] = {"stage": "lead", "owner": "ann"}
    crm.records |= {ACME: {"name": "Acme"}, BETA: {"name": "Beta"}}
    crm.pasts[ANNA, "stage"] = [Past(value="new", at=now())]
    crm.users["ann"] = {"id": "ann", "email": "ann@us.example", "name": "Ann", "active": True, "seat": True}
    crm.lists = {"vip": {ANNA}, "big": {BETA}, "none": set()}
    crm.associations = [(BETA, ANNA, ""), (ANNA, ACME, "partner")]
    ledger.enrollments["e"].cause = {"form": "demo"}
    ledger.enrollments["before"] = FakeEnrollment("f", ANNA, now(), ending="completed")


async def furnish_postgres(ledger: PostgresLedger, enrollment: str) -> None:
    await ledger.pool.execute(
        """
        update record set properties = '{"stage": "lead", "owner": "ann"}' where type = 'contact';
        insert into record (type, id, properties, archived_at) values
          ('company', 'acme', '{"name": "Acme"}', null), ('company', 'beta', '{"name": "Beta"}', null),
          ('company', 'gone', '{"name": "Gone"}', now());
        insert into property_history (type, id, name, value) values
          ('contact', '1', 'stage', '"new"'), ('contact', '1', 'stage', '"lead"');
        insert into crm_user (id, email, name) values ('ann', 'ann@us.example', 'Ann');
        insert into list (key, object, name) values
          ('vip', 'contact', 'VIP'), ('none', 'contact', 'None'), ('big', 'company', 'Big');
        insert into list_member (list, id) values ('vip', '1'), ('big', 'beta');
        insert into association (from_type, from_id, to_type, to_id, label, is_primary) values
          ('company', 'beta', 'contact', '1', '', true), ('contact', '1', 'company', 'acme', 'partner', false),
          ('contact', '1', 'company', 'gone', '', false);
        insert into event (id, type, record_type, record_id, properties) values
          ('00000000-0000-0000-0000-000000000001', 'form_submitted', 'contact', '1', '{"form": "demo"}');
        update enrollment set event = '00000000-0000-0000-0000-000000000001';
        """
    )
    await ledger.pool.execute(
        "insert into enrollment (id, flow, type, record, revision, ending, closed_at)"
        " select gen_random_uuid(), flow, type, record, revision, 'completed', now() from enrollment where id = $1",
        enrollment,
    )


def told(facts: Facts, flow: str) -> dict[str, Any]:
    """Give what both stores must say alike: all but the instants and ids, which are each one's own."""
    return {
        "history": {name: [past.value for past in pasts] for name, pasts in facts.history.items()},
        "owners": {name: (user["email"], user["name"]) for name, user in facts.owners.items()},
        "associated": {
            name: [(each.properties["name"], each.lists) for each in found] for name, found in facts.associated.items()
        },
        "lists": facts.lists,
        "flows": {flow if name != "f" else "f": states for name, states in facts.flows.items()},
        "events": [event.type for event in facts.events],
        "cause": facts.cause,
    }


async def flow_of(bench: Bench) -> str:
    return (await bench.ledger.look(bench.step(1))).flow


async def test_all_that_is_needed_beside_a_record_is_read(bench: Bench) -> None:
    """Past values oldest first, the primary company first, archived ones left out, and only what was asked for."""
    await furnish(bench)
    flow = await flow_of(bench)
    needs = WHOLE.model_copy(update={"flows": frozenset({flow, "other"})})
    facts = (await bench.ledger.look(bench.step(1), needs)).facts
    assert told(facts, flow) == {
        "history": {"stage": ["new", "lead"]},
        "owners": {"owner": ("ann@us.example", "Ann")},
        "associated": {
            "company": [("Beta", {"big"}), ("Acme", set())],
            "company/partner": [("Acme", set())],
            "deal": [],
        },
        "lists": {"vip"},
        "flows": {flow: {"ever", "active", "completed"}},
        "events": ["replied"],
        "cause": {"form": "demo"},
    }


async def test_a_turn_reads_the_same(bench: Bench) -> None:
    """The gate, inside its transaction, is told what a look outside is."""
    await furnish(bench)
    outside = (await bench.ledger.look(bench.step(1), WHOLE)).facts
    async with bench.ledger.turn(bench.step(1), WHOLE) as turn:
        inside = turn.situation.facts
    assert told(inside, "f") == told(outside, "f")


async def test_nothing_beside_is_read_where_nothing_is_needed(bench: Bench) -> None:
    """The record and the outputs are all that a plain condition is judged on."""
    await furnish(bench)
    facts = (await bench.ledger.look(bench.step(1))).facts
    assert facts == Facts(properties=facts.properties, outputs=facts.outputs, now=facts.now)


async def test_a_value_without_a_history_was_there_from_the_beginning(bench: Bench) -> None:
    """A record that the CRM wrote itself has no history; its present value is the whole of it."""
    facts = (await bench.ledger.look(bench.step(1), Needs(history=frozenset({"stage"})))).facts
    (past,) = facts.history["stage"]
    assert past.value == "lead"
    assert past.at < now() + timedelta(minutes=1)


@pytest.mark.parametrize("name", ["history", "lists", "flows", "events", "owners"])
def test_needs_add_up(name: str) -> None:
    """Two that need different things of one kind need both, also of what is associated."""
    one, other = Needs.model_validate({name: {"a"}}), Needs.model_validate({name: {"b"}})
    both = Needs.of_all([one, other, NOTHING])
    assert getattr(both, name) == {"a", "b"}
    nested = Needs(associated={"company": one}) | Needs(associated={"company": other, "deal": NOTHING})
    assert nested.associated == {"company": both, "deal": NOTHING}
    assert not nested.is_plain


def test_the_zone_reaches_what_is_associated() -> None:
    """A company's dates are read by the same calendar as its contact's."""
    facts = Facts(now=datetime.fromisoformat("2026-01-01T00:00:00+00:00"), associated={"company": (Facts(),)})
    assert facts.with_zone("Asia/Tokyo").associated["company"][0].zone == "Asia/Tokyo"
