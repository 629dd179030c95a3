"""One set of tests for all CRMs of what makes records, associates them, and keeps what is unique."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from activities.action import Refused
from activities.effects import Append, ByHand, Edit, Edited, Fill, Link, NewRecord, Provenance, SetTo
from tests.activities.crm_bench import ACME, ANNA, BETA, BO, GONE, CrmBench
from workflows.model.records import Record, RecordRef

SOURCE = Provenance(flow="f", revision="r", node="n", enrollment="e")
NOBODY = RecordRef.parse("contact:nobody")


async def create(
    store: CrmBench, object_type: str = "contact", key: str = "k", links: Sequence[Link] = (), **properties: Edit
) -> RecordRef:
    async with store.open() as crm:
        return await crm.create(NewRecord(object_type, properties, SOURCE, tuple(links)), key)


async def associate(store: CrmBench, record: RecordRef, *links: Link) -> int:
    async with store.open() as crm:
        return await crm.associate(record, links, SOURCE)


async def edit(store: CrmBench, *records: RecordRef, **edits: Edit) -> list[Edited]:
    async with store.open() as crm:
        return await crm.edit(records, edits, SOURCE)


async def beside(store: CrmBench, record: RecordRef, object_type: str, label: str = "") -> list[RecordRef]:
    async with store.open() as crm:
        return [each.ref for each in await crm.associated(record, object_type, label)]


async def test_a_record_is_made(store: CrmBench) -> None:
    """Its texts are read as the types of its properties, and it is there as any other."""
    made = await create(store, email=SetTo("C@x.example", written=True), score=SetTo("7", written=True))
    assert made.type == "contact"
    async with store.open() as crm:
        assert await crm.read(made) == Record(ref=made, properties={"email": "C@x.example", "score": 7})
        assert [await crm.flow_that_made(each) for each in (made, ANNA, NOBODY)] == ["f", None, None]


async def test_a_key_is_one_record(store: CrmBench) -> None:
    """Whatever is asked for under it again; another key is another record."""
    made = await create(store, email=SetTo("c@x.example"))
    assert await create(store, email=SetTo("c@x.example")) == made
    assert await create(store, key="other", email=SetTo("d@x.example")) != made


@pytest.mark.parametrize(
    ("object_type", "properties", "code"),
    [
        ("contact", {"colour": SetTo("red")}, "unknown_property"),
        ("contact", {"age": SetTo(4)}, "read_only_property"),
        ("contact", {"score": SetTo("much", written=True)}, "bad_value"),
        ("contact", {"stage": SetTo("leed")}, "unknown_option"),
        ("contact", {"email": SetTo("ANNA@x.example")}, "duplicate_value"),
        ("conversation", {}, "own_read_only"),
        ("spaceship", {}, "unknown_object_type"),
    ],
)
async def test_a_record_that_cannot_be_is_refused(
    store: CrmBench, object_type: str, properties: dict[str, Any], code: str
) -> None:
    """With the codes of an edit, and nothing is there afterwards."""
    await store.put(ANNA, {"email": "anna@X.example"})
    with pytest.raises(Refused) as caught:
        await create(store, object_type, links=[Link(BO)], **{"city": SetTo("Oulu"), **properties})
    assert caught.value.code == code
    assert await beside(store, BO, "contact") == []


async def test_a_record_is_made_with_its_associations(store: CrmBench) -> None:
    """All of them or no record; the primary one first, and each label for itself."""
    made = await create(store, links=[Link(ACME, "a"), Link(BETA, "b", primary=True), Link(BO)])
    assert await beside(store, made, "company") == [BETA, ACME]
    assert await beside(store, made, "company", "a") == [ACME]
    assert await beside(store, BO, "contact") == [made]
    for gone in (NOBODY, GONE):
        with pytest.raises(Refused, match="no_record"):
            await create(store, key=f"with-{gone.id}", links=[Link(ACME), Link(gone)])
    assert [ref for ref in await beside(store, ACME, "contact") if ref != ANNA] == [made]


async def test_an_association_is_one_from_both_ends(store: CrmBench) -> None:
    """What is there already is not new, whichever end it is made from; another label is another association."""
    assert await associate(store, BO, Link(ACME), Link(BETA)) == 2
    assert await associate(store, ACME, Link(BO), Link(BO, "boss")) == 1
    assert await associate(store, BO, Link(ACME, "boss"), Link(ACME)) == 0
    assert await beside(store, BO, "company", "boss") == [ACME]


async def test_one_is_the_primary_one(store: CrmBench) -> None:
    """To make another the first is something new, and to do so again is not."""
    assert await beside(store, ANNA, "company") == [BETA, ACME]
    assert await associate(store, ANNA, Link(ACME, primary=True)) == 1
    assert await associate(store, ANNA, Link(ACME, primary=True)) == 0
    assert await beside(store, ANNA, "company") == [ACME, BETA]


async def test_nothing_is_associated_with_what_is_not_there(store: CrmBench) -> None:
    """Neither with one that is archived; and then not with the others."""
    for gone in (NOBODY, GONE):
        with pytest.raises(Refused, match="no_record"):
            await associate(store, BO, Link(BETA), Link(gone))
    with pytest.raises(Refused, match="no_record"):
        await associate(store, NOBODY, Link(BETA))
    assert await beside(store, BO, "company") == []


async def test_records_are_found_by_a_property(store: CrmBench) -> None:
    """In whatever case, by the order of their ids, of those alive, and no more than are wanted."""
    for company in (ACME, BETA, GONE):
        await store.put(company, {"domain": "ACME.Example", "staff": 5})
    async with store.open() as crm:
        assert await crm.matching("company", "domain", ["x", "acme.example"], 10) == [ACME, BETA]
        assert await crm.matching("company", "domain", ["Acme.example"], 1) == [ACME]
        assert await crm.matching("company", "staff", ["5"], 10) == [ACME, BETA]
        assert await crm.matching("company", "name", [""], 10) == []
        for object_type, name, code in (("company", "nme", "unknown_property"), ("cmp", "name", "unknown_object_type")):
            with pytest.raises(Refused, match=code):
                await crm.matching(object_type, name, ["x"], 10)


async def test_a_value_is_filled_in_where_there_is_none(store: CrmBench) -> None:
    """An empty text is none; what is there stays."""
    await store.put(ANNA, {"owner": ""})
    await store.put(BO, {"owner": "3"})
    done = await edit(store, ANNA, BO, owner=Fill("7"))
    assert [(each.before, each.after, each.changed) for each in done] == [
        ({"owner": ""}, {"owner": "7"}, ["owner"]),
        ({"owner": "3"}, {"owner": "3"}, []),
    ]
    with pytest.raises(Refused, match="bad_value"):
        await edit(store, ANNA, score=Fill("many"))


async def test_no_two_records_have_a_unique_value(store: CrmBench) -> None:
    """Also not in another case; a record may keep its own, and take what nobody alive has."""
    await store.put(ANNA, {"email": "anna@x.example"})
    with pytest.raises(Refused, match="duplicate_value") as caught:
        await edit(store, BO, city=SetTo("Oulu"), email=SetTo("ANNA@X.example"))
    assert caught.value.note == "email 'anna@x.example' is unique, and contact:1 has it already"
    assert await store.properties(BO) == {}
    await edit(store, ANNA, email=SetTo("Anna@X.example"))
    await edit(store, ANNA, email=SetTo("a@x.example"))
    await edit(store, BO, email=SetTo("anna@x.example"))
    await edit(store, BO, email=SetTo(""))
    await edit(store, ANNA, email=SetTo(""))


async def test_no_two_records_are_given_a_unique_value_together(store: CrmBench) -> None:
    """Two that are edited at once want the same."""
    with pytest.raises(Refused, match="duplicate_value"):
        await edit(store, ANNA, BO, email=SetTo("both@x.example"))
    assert (await store.properties(ANNA), await store.properties(BO)) == ({}, {})


async def test_what_is_not_unique_may_be_shared(store: CrmBench) -> None:
    """As ever."""
    await edit(store, ANNA, BO, city=SetTo("Oulu"), topics=Append(("red",)))
    assert await store.properties(ANNA) == await store.properties(BO) == {"city": "Oulu", "topics": ["red"]}


async def test_a_persons_edit_keeps_what_is_unique_as_well(store: CrmBench) -> None:
    """A flow or a person: it is one rule."""
    await store.put(ANNA, {"email": "anna@x.example"})
    async with store.open() as crm:
        with pytest.raises(Refused, match="duplicate_value"):
            await crm.edit([BO], {"email": SetTo("anna@x.example")}, ByHand("ann"))
