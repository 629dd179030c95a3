"""What the history tells, from rows as the ledger has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from starter import history
from starter.history import Asked, Entry, entries, outcomes_of
from tests.flows import delay, flow

if TYPE_CHECKING:
    from starter.admission import Admitted
    from tests.starter.conftest import Office

T0 = datetime(2026, 3, 1, 9, tzinfo=UTC)
_VISIT = """
insert into visit (enrollment, visit, node, kind, revision, state, answer, began_at, ended_at, note)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def came(office: Office, who: Admitted, number: int, **fields: Any) -> None:
    """Write a visit of a walk: a minute after the one before, and over at once, where nothing else is said."""
    at = fields.get("at", T0 + timedelta(minutes=number))
    state = fields.get("state", "done")
    await office.world.pool.execute(
        _VISIT,
        *(who.enrollment, number, fields.get("node", f"step-{number}"), fields.get("kind", "set_property")),
        *(who.revision, state, fields.get("answer", {"line": "set"}), at),
        *(fields.get("ended", at if state == "done" else None), fields.get("note", "")),
    )


async def entered(office: Office, key: str, who: str, at: datetime = T0) -> Admitted:
    """Let a record in at a moment."""
    admitted = await office.inside(key, await office.world.record(who))
    await office.world.pool.execute("update enrollment set accepted_at = $2 where id = $1", admitted.enrollment, at)
    return admitted


async def told(office: Office, limit: int = 1_000, **asked: Any) -> list[Entry]:
    """Ask for the history, without the publishing of flows, which every test does."""
    found = [entry async for page in entries(office.world.pool, Asked(**asked), limit) for entry in page]
    return [entry for entry in found if entry.kind != "published"]


@pytest.fixture
async def key(office: Office) -> str:
    """A flow that is on."""
    return await office.on(flow(office.world.key("a"), delay("rest", "1 day")))


async def test_it_is_told_newest_first_from_the_entrance_to_the_end(office: Office, key: str) -> None:
    """Who entered and why, what each step came to, and how the record left."""
    who = await entered(office, key, "contact:1")
    await came(office, who, 1, kind="send_email", answer={"line": "sent"}, note="250 OK")
    await came(office, who, 2, kind="call_webhook", answer={"line": "failed: no", "outcome": "failed"})
    await office.world.pool.execute(
        "update enrollment set ending = 'goal', closed_at = $2 where id = $1", who.enrollment, T0 + timedelta(minutes=3)
    )
    found = await told(office)
    assert [(each.kind, each.outcome, each.line) for each in found] == [
        ("ended", "goal", "goal"),
        ("call_webhook", "failed", "failed: no"),
        ("send_email", "done", "sent"),
        ("enrolled", None, "api"),
    ]
    assert (found[2].note, str(found[2].record), found[2].enrollment) == ("250 OK", "contact:1", who.enrollment)


async def test_a_visit_is_told_when_it_was_over(office: Office, key: str) -> None:
    """A sleep of a week is told at its end; while it lasts, at its beginning, as open and until when."""
    first, second = [await entered(office, key, f"contact:{n}") for n in (1, 2)]
    week = T0 + timedelta(days=7)
    asleep = {"asleep": {"why": "delay", "until": week.isoformat()}}
    await came(office, first, 1, kind="delay", answer=asleep, ended=week)
    await came(
        office, second, 1, kind="delay", answer=asleep, ended=datetime.now(UTC) + timedelta(days=7), state="asleep"
    )
    found = await told(office, kinds=("delay",))
    assert [(each.at, each.outcome) for each in found] == [(week, "done"), (T0 + timedelta(minutes=1), "open")]
    assert (found[0].line, found[0].until) == ("waited", None)
    assert found[1].until is not None


async def test_what_happened_at_one_moment_is_told_once_across_pages(
    office: Office, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages end in the middle of a moment, and nothing is lost or told twice."""
    monkeypatch.setattr(history, "PAGE", 2)
    who = await entered(office, key, "contact:1")
    for number in range(1, 8):
        await came(office, who, number, at=T0 + timedelta(minutes=number // 5))
    narrowed: list[dict[str, Any]] = [{}, {"record": who.record}]
    for asked in narrowed:
        assert sorted(each.visit or 0 for each in await told(office, **asked)) == list(range(8))


async def test_what_is_old_and_what_is_new_is_found(office: Office, key: str) -> None:
    """The search goes back in stretches, and each entry is in one of them."""
    who = await entered(office, key, "contact:1", datetime.now(UTC) - timedelta(days=3_000))
    ages = [timedelta(seconds=1), timedelta(minutes=61), timedelta(days=2), timedelta(days=90), timedelta(days=2_900)]
    for number, age in enumerate(ages, 1):
        await came(office, who, number, at=datetime.now(UTC) - age)
    assert [each.visit for each in await told(office)] == [1, 2, 3, 4, 5, None]
    assert [each.visit for each in await told(office, limit=3)] == [1, 2]


async def test_it_is_narrowed_down(office: Office, key: str) -> None:
    """By flow, record, enrollment, step, kind, outcome and time, and by several together."""
    other = await office.on(flow(office.world.key("b"), delay("rest", "1 day")))
    first, second = await entered(office, key, "contact:1"), await entered(office, other, "contact:2")
    for who in (first, second):
        await came(office, who, 1, node="mail", kind="send_email", answer={"line": "no", "outcome": "skipped"})
        await came(office, who, 2, node="mark")
    narrowed: list[dict[str, Any]] = [
        {"flow": key},
        {"record": first.record},
        {"enrollment": first.enrollment},
        {"flow": key, "record": first.record},
    ]
    for asked in narrowed:
        assert [(each.flow, each.node) for each in await told(office, **asked)] == [
            (key, "mark"),
            (key, "mail"),
            (key, None),
        ], asked
        for more in ({"node": "mail"}, {"kinds": ("send_email",)}, {"outcomes": ("skipped",)}):
            assert [(each.flow, each.node) for each in await told(office, **asked, **more)] == [(key, "mail")], more
    assert await told(office, flow=key, record=second.record) == []
    since = T0 + timedelta(minutes=2)
    assert [each.node for each in await told(office, flow=key, since=since)] == ["mark"]
    assert [each.kind for each in await told(office, flow=key, until=T0)] == ["enrolled"]


async def test_trouble_is_whatever_did_not_go_well(office: Office, key: str) -> None:
    """Skipped, failed and unknown are asked for by one word."""
    who = await entered(office, key, "contact:1")
    for number, outcome in enumerate(("skipped", "failed", "unknown", None), 1):
        await came(office, who, number, answer={"line": "x", **({"outcome": outcome} if outcome else {})})
    found = await told(office, outcomes=outcomes_of(["trouble"]))
    assert [each.outcome for each in found] == ["unknown", "failed", "skipped"]


async def test_enrollments_are_found_by_how_they_ended(office: Office, key: str) -> None:
    """An ending is an outcome, too."""
    first, second = [await entered(office, key, f"contact:{n}") for n in (1, 2)]
    for who, ending in ((first, "goal"), (second, "completed")):
        await office.world.pool.execute(
            "update enrollment set ending = $2, closed_at = now() where id = $1", who.enrollment, ending
        )
    assert [each.enrollment for each in await told(office, outcomes=("goal",))] == [first.enrollment]


async def test_the_events_of_a_record_are_told_with_it(office: Office, key: str) -> None:
    """But not with a flow, which has nothing to do with most of them."""
    who = await entered(office, key, "contact:1")
    await office.client.publish_event("form_submitted", "contact:1", {"form": "demo"}, source="website")
    newest = (await told(office, record=who.record))[0]
    assert (newest.kind, newest.line, newest.properties, newest.note) == (
        *("event", "form_submitted", {"form": "demo"}, "from website"),
    )
    assert [each.kind for each in await told(office, flow=key, record=who.record)] == ["enrolled"]


async def test_an_edit_is_told_of_those_who_went_on_in_it(office: Office, key: str) -> None:
    """A record that was led into a newer revision has an entry of that."""
    who = await entered(office, key, "contact:1")
    await came(office, who, 1, kind="moved", answer={"moved_to": who.revision}, ended=None)
    found = await told(office, enrollment=who.enrollment)
    assert [(each.kind, each.line) for each in found] == [("edited", "went on in revision 1"), ("enrolled", "api")]


async def test_what_was_published_is_told(office: Office, key: str) -> None:
    """A revision of a flow is an entry of its own."""
    (page,) = [page async for page in entries(office.world.pool, Asked(flow=key), 10)]
    assert [(each.kind, each.flow, each.line) for each in page] == [("published", key, "revision 1")]


def test_an_entry_is_known_again() -> None:
    """Entries that differ in anything are two, for several things may happen to one record at one moment."""
    entry = Entry(T0, "event", None, None, None, None, None, None, "opened", "")
    assert len({entry, replace(entry), replace(entry, line="clicked")}) == 2
