"""One set of tests for both CRMs, so that the twin of dry runs and tests cannot differ from the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from activities.action import Refused
from activities.effects import AddTo, Append, ByHand, Clear, Edit, Edited, Provenance, Remove, SetTo, Source
from tests.activities.crm_bench import ACME, ANNA, BETA, BO, CHAT, CONTACT, GONE, CrmBench
from workflows.model.records import Record, RecordRef

SOURCE = Provenance(flow="f", revision="r", node="n", enrollment="e")
NOBODY = RecordRef.parse("contact:nobody")


async def edit(
    store: CrmBench, edits: Mapping[str, Edit], *records: RecordRef, source: Source = SOURCE
) -> list[Edited]:
    async with store.open() as crm:
        return await crm.edit(records or (ANNA,), edits, source)


async def refused(store: CrmBench, edits: Mapping[str, Edit], *records: RecordRef) -> str:
    with pytest.raises(Refused) as caught:
        await edit(store, edits, *records)
    return caught.value.code


EDITS: list[tuple[str, Any, Edit, Any]] = [
    ("city", "Oulu", SetTo("Turku"), "Turku"),
    ("city", "Oulu", SetTo("Oulu"), "Oulu"),
    ("city", "Oulu", SetTo(""), ""),
    ("city", "Oulu", SetTo(None), None),
    ("city", None, SetTo("5", written=True), "5"),
    ("city", "Oulu", Clear(), None),
    ("city", None, Clear(), None),
    ("score", None, SetTo("12", written=True), 12),
    ("score", None, SetTo(" -1.5 ", written=True), -1.5),
    ("optin", None, SetTo("TRUE", written=True), True),
    ("optin", 1, SetTo(True), True),
    ("born", None, SetTo("2026-01-31", written=True), "2026-01-31"),
    ("seen", None, SetTo("2026-01-31", written=True), "2026-01-31T00:00:00+00:00"),
    ("seen", None, SetTo("2026-01-31T09:00:00Z", written=True), "2026-01-31T09:00:00Z"),
    ("stage", "lead", SetTo("customer"), "customer"),
    ("topics", ["red"], SetTo("green; blue", written=True), ["green", "blue"]),
    ("topics", ["red"], SetTo([]), []),
    ("topics", None, Append(("red", "blue", "red")), ["red", "blue"]),
    ("topics", ["old", "red"], Append(("red", "green")), ["old", "red", "green"]),
    ("topics", "red", Append(("green",)), ["red", "green"]),
    ("topics", ["red", "green"], Remove(("red", "never")), ["green"]),
    ("topics", ["red", "old"], Remove(("red", "old")), None),
    ("topics", None, Remove(("red",)), None),
    ("score", None, AddTo(5), 5),
    ("score", "", AddTo(-5.0), -5),
    ("score", 10, AddTo(5.0), 15),
    ("score", 0.1, AddTo(0.2), 0.3),
    ("score", "7", AddTo(1), 8),
    ("score", 10**30, AddTo(1), 10**30 + 1),
]


@pytest.mark.parametrize(("name", "before", "how", "after"), EDITS, ids=str)
async def test_an_edit_makes_a_value(store: CrmBench, name: str, before: Any, how: Edit, after: Any) -> None:
    """The new value is of the property's type, its event says what it was, and one that was so already has none."""
    await store.put(ANNA, {"other": "stays"} if before is None else {"other": "stays", name: before})
    [done] = await edit(store, {name: how})
    assert done == Edited(ANNA, {name: before}, {name: after})
    assert await store.properties(ANNA) == {"other": "stays"} | ({} if after is None else {name: after})
    is_same = type(before) is type(after) and before == after
    assert await store.changes() == ([] if is_same else [(ANNA, name, after, asdict(SOURCE))])
    assert done.changed == ([] if is_same else [name])


@pytest.mark.parametrize(
    ("name", "before", "how", "code"),
    [
        ("colour", None, SetTo("red"), "unknown_property"),
        ("colour", None, Clear(), "unknown_property"),
        ("age", 3, SetTo(4), "read_only_property"),
        ("age", 3, AddTo(1), "read_only_property"),
        ("age", 3, Clear(), "read_only_property"),
        ("score", None, SetTo("12"), "bad_value"),
        ("score", None, SetTo("", written=True), "bad_value"),
        ("score", None, SetTo("a dozen", written=True), "bad_value"),
        ("score", "a dozen", AddTo(1), "bad_value"),
        ("score", True, AddTo(1), "bad_value"),
        ("optin", None, SetTo("yes", written=True), "bad_value"),
        ("born", None, SetTo("2026-01-31T09:00:00Z", written=True), "bad_value"),
        ("born", None, SetTo("2026-W01-1"), "bad_value"),
        ("seen", None, SetTo("2026-01-31"), "bad_value"),
        ("stage", None, SetTo("Lead"), "unknown_option"),
        ("stage", None, SetTo(["lead"]), "bad_value"),
        ("topics", None, SetTo("red, blue", written=True), "unknown_option"),
        ("topics", None, Append(("pink",)), "unknown_option"),
        ("city", "Oulu", AddTo(1), "wrong_type"),
        ("stage", "lead", Append(("customer",)), "wrong_type"),
        ("stage", "lead", Remove(("lead",)), "wrong_type"),
    ],
)
async def test_what_a_property_does_not_take_is_refused(
    store: CrmBench, name: str, before: Any, how: Edit, code: str
) -> None:
    """The code says why, nothing has changed, and an edit beside it is not done either."""
    was = {} if before is None else {name: before}
    await store.put(ANNA, was)
    assert await refused(store, {"owner": SetTo("7"), name: how}) == code
    assert (await store.properties(ANNA), await store.changes()) == (was, [])


async def test_many_records_are_edited_together(store: CrmBench) -> None:
    """Each has its own outcome, in the order asked for, and the changes are told in that order."""
    await store.put(BO, {"city": "Turku", "score": 1})
    edits: dict[str, Edit] = {"score": AddTo(2), "city": SetTo("Turku")}
    done = await edit(store, edits, BO, ANNA, BO)
    assert [(each.record, each.after, each.changed) for each in done] == [
        (BO, {"score": 3, "city": "Turku"}, ["score"]),
        (ANNA, {"score": 2, "city": "Turku"}, ["score", "city"]),
    ]
    by = asdict(SOURCE)
    told = [(BO, "score", 3, by), (ANNA, "score", 2, by), (ANNA, "city", "Turku", by)]
    assert await store.changes() == told


@pytest.mark.parametrize("gone", [NOBODY, GONE, RecordRef.parse("spaceship:1")])
async def test_all_records_are_edited_or_none(store: CrmBench, gone: RecordRef) -> None:
    """One that is not there, or archived, is refused, and the others are as they were."""
    assert await refused(store, {"name": SetTo("x")}, ACME, gone) == "no_record"
    assert (await store.properties(ACME), await store.changes()) == ({}, [])


async def test_records_of_several_types_are_edited_by_their_own_definitions(store: CrmBench) -> None:
    """A property that one of the types does not have is unknown, whatever the other has."""
    assert await refused(store, {"name": SetTo("x")}, ACME, ANNA) == "unknown_property"
    assert (await store.properties(ACME), await store.changes()) == ({}, [])


async def test_a_conversation_itself_is_read_only_for_flows(store: CrmBench) -> None:
    """What a flow may edit is its contact; a person may edit the conversation."""
    assert await refused(store, {"status": SetTo("closed")}, CHAT) == "own_read_only"
    await edit(store, {"status": SetTo("closed")}, CHAT, source=ByHand("ann"))
    assert await store.changes() == [(CHAT, "status", "closed", {"who": "ann"})]


async def test_no_record_is_no_edit(store: CrmBench) -> None:
    """An edit of nothing does nothing."""
    async with store.open() as crm:
        assert await crm.edit([], {"city": SetTo("x")}, SOURCE) == []
    assert await store.changes() == []


async def test_a_record_is_read_while_it_lives(store: CrmBench) -> None:
    """One that is archived is not there, as one that never was."""
    await store.put(ANNA, {"city": "Oulu"})
    async with store.open() as crm:
        assert await crm.read(ANNA) == Record(ref=ANNA, properties={"city": "Oulu"})
        assert (await crm.read(NOBODY), await crm.read(GONE)) == (None, None)


async def test_associated_records_are_found_from_both_ends(store: CrmBench) -> None:
    """The primary one stands first, an archived one is left out, and a label picks those that have it."""
    await store.put(BETA, {"name": "Beta"})
    async with store.open() as crm:
        assert [each.ref for each in await crm.associated(ANNA, "company")] == [BETA, ACME]
        assert await crm.associated(ANNA, "company", "employer") == [Record(ref=BETA, properties={"name": "Beta"})]
        assert await crm.associated(ANNA, "company", "partner") == []
        assert [each.ref for each in await crm.associated(ACME, "contact")] == [ANNA]
        assert await crm.associated(BO, "deal") == []


async def test_a_type_that_nobody_defined_is_told(store: CrmBench) -> None:
    """A misspelt type is not mistaken for one of which there is no record."""
    async with store.open() as crm:
        with pytest.raises(Refused, match="unknown_object_type"):
            await crm.associated(ANNA, "compnay")


async def test_definitions_are_given_of_what_is_defined(store: CrmBench) -> None:
    """Type, options and whether it is read-only, by name; what is unknown is left out."""
    names = ["stage", "age", "colour"]
    async with store.open() as crm:
        assert await crm.definitions("contact", names) == {name: CONTACT[name] for name in ("stage", "age")}
        assert await crm.definitions("spaceship", names) == {}
