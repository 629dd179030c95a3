from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Refused, Skipped
from activities.actions import create_record
from activities.actions.create_record import CreateRecord
from activities.catalogue import complete
from activities.effects import Link, NewRecord, PropertyDefinition, SetTo
from activities.fakes import FakeCrm
from tests.activities.doing import ANNA, SOURCE, anna, doing
from workflows.model.records import RecordRef

ACME, BETA, BO = (RecordRef.parse(each) for each in ("company:1", "company:2", "contact:2"))
TYPES = ("text", "number", "boolean", "date", "datetime", "user", "options")
DEAL = {f"a_{each}": PropertyDefinition(each, ("red", "blue") if each == "options" else ()) for each in TYPES}
CONTACT = {"born": PropertyDefinition("date"), "owner": PropertyDefinition("user"), "city": PropertyDefinition("text")}
CONTACT |= {"score": PropertyDefinition("number")}


def crm(**properties: Any) -> FakeCrm:
    beside = [(ANNA, BETA, "billing"), (ACME, ANNA, ""), (ANNA, BETA, "")]
    there = FakeCrm({ANNA: properties, ACME: {}, BETA: {}, BO: {}}, associations=beside)
    there.properties = {"deal": DEAL, "contact": CONTACT, "company": {}}
    return there


async def created(
    config: dict[str, Any], there: FakeCrm | None = None, zone: str = "UTC", outputs: Any = None
) -> tuple[dict[str, Any], NewRecord, dict[str, Any], str]:
    """Perform the step; give what the record has, what was asked for, the output, and the line."""
    there = there or crm()
    action = CreateRecord.model_validate({"type": "deal", **config})
    record = anna(**there.records[ANNA])
    done = await action.perform(doing(record, crm=there, zone=zone, outputs=outputs or {}))
    made, new = there.made["k"]
    assert (done.output["record"], done.output["id"]) == (str(made), made.id)
    return there.records[made], new, done.output, done.line


async def test_a_plain_record_is_beside_the_enrolled_one() -> None:
    """Its type is enough."""
    there = crm()
    has, new, output, line = await created({}, there)
    assert (has, new) == ({}, NewRecord("deal", {}, SOURCE, (Link(ANNA),)))
    assert (output, line) == ({"record": "deal:k", "id": "k", "associated": 1}, "created a deal")
    assert (RecordRef.parse("deal:k"), ANNA, "") in there.associations


@pytest.mark.parametrize(
    ("name", "value", "has"),
    [
        ("text", "Deal of Anna ", "Deal of Anna "),
        ("number", "12.50", 12.5),
        ("number", 7, 7),
        ("boolean", "true", True),
        ("boolean", False, False),
        ("date", "2026-02-01", "2026-02-01"),
        ("datetime", "2026-02-01", "2026-02-01T00:00:00+00:00"),
        ("options", "red; blue", ["red", "blue"]),
        ("options", ["red"], ["red"]),
        ("text", {"from": "city"}, "Oulu"),
        ("user", {"from": "owner"}, "7"),
        ("datetime", {"from": "born"}, "1990-05-06T00:00:00+00:00"),
        ("number", {"from_output": "count.value"}, 5),
        ("text", {"from_output": "count.value"}, "5"),
        ("date", {"now": True}, "2026-01-03"),
        ("datetime", {"now": True}, "2026-01-02T22:30:00+00:00"),
        ("date", {"after": "3 days"}, "2026-01-06"),
        ("datetime", {"after": "2 hours"}, "2026-01-03T00:30:00+00:00"),
        ("datetime", {"after": "1 day", "at": "09:00", "on": ["mon", "fri"]}, "2026-01-05T07:00:00+00:00"),
    ],
    ids=str,
)
async def test_a_property_has_what_is_said(name: str, value: Any, has: Any) -> None:
    """A text is read as the type; what is copied is converted; a moment is one of the flow's zone, Helsinki here."""
    there = crm(city="Oulu", owner="7", born="1990-05-06")
    config = {"properties": {f"a_{name}": value}}
    found, *_ = await created(config, there, "Europe/Helsinki", {"count": {"value": 5}})
    assert found == {f"a_{name}": has}


@pytest.mark.parametrize("value", ["", " ", {"from": "score"}, {"from_output": "never.was"}, []])
async def test_what_comes_to_nothing_is_left_out(value: Any) -> None:
    """Of any type: an empty text is no number, and is not refused as one."""
    has, new, *_ = await created({"properties": {"a_number": value, "a_text": "x"}}, crm(owner=""))
    assert (has, new.properties) == ({"a_text": "x"}, {"a_text": SetTo("x", written=True)})


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"colour": "red"}, "unknown_property"),
        ({"a_text": {"from": "colour"}}, "unknown_property"),
        ({"a_number": "much"}, "bad_value"),
        ({"a_options": ["pink"]}, "unknown_option"),
        ({"a_number": {"from": "city"}}, "wrong_type"),
        ({"a_text": {"now": True}}, "wrong_type"),
    ],
)
async def test_what_cannot_be_is_refused(properties: dict[str, Any], code: str) -> None:
    """And no record is made."""
    there = crm(city="Oulu")
    with pytest.raises(Refused, match=code):
        await created({"properties": properties}, there)
    assert there.made == {}


@pytest.mark.parametrize(
    ("config", "links"),
    [
        ({"itself": False}, []),
        ({"itself": {"label": "buyer", "primary": True}}, [Link(ANNA, "buyer", primary=True)]),
        ({"associate": ["company"]}, [Link(ANNA), Link(BETA), Link(ACME)]),
        ({"associate": ["company/billing"]}, [Link(ANNA), Link(BETA, "billing")]),
        (
            {"itself": False, "associate": [{"type": "company", "label": "payer", "primary": True}, "company"]},
            [Link(BETA, "payer", primary=True), Link(ACME, "payer"), Link(BETA), Link(ACME)],
        ),
        ({"itself": False, "associate": [{"type": "company", "of": "billing"}, "company/billing"]}, None),
        ({"associate": ["contact", "deal"]}, [Link(ANNA)]),
    ],
)
async def test_it_is_associated_as_is_said(config: dict[str, Any], links: list[Link] | None) -> None:
    """With the enrolled record, and those that this one has; each once under a label."""
    _, new, output, _ = await created(config)
    assert list(new.links) == ([Link(BETA), Link(BETA, "billing")] if links is None else links)
    assert output["associated"] == len(new.links)


async def test_too_many_associations_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """No record is made that would lack some of its own."""
    monkeypatch.setattr(create_record, "MOST_COPIED", 2)
    there = crm()
    with pytest.raises(Refused, match="too_many_records"):
        await created({"associate": ["company"]}, there)
    assert there.made == {}


async def test_a_record_that_the_flow_made_makes_none() -> None:
    """Else there would be no end; one that another flow made does."""
    there = crm()
    await there.create(NewRecord("contact", {}, SOURCE), "c")
    (made, _), record = there.made["c"], CreateRecord(type="deal")
    child = anna().model_copy(update={"ref": made})
    with pytest.raises(Skipped, match="created_by_this_flow"):
        await record.perform(doing(child, crm=there))
    other = SOURCE.__class__(flow="other", revision="r", node="n", enrollment="e")
    assert (await record.perform(doing(child, crm=there, source=other))).line == "created a deal"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"type": "Deal"},
        {"type": "deal", "properties": {"Name": "x"}},
        {"type": "deal", "properties": {"name": None}},
        {"type": "deal", "properties": {"name": {}}},
        {"type": "deal", "properties": {"name": {"property": "city"}}},
        {"type": "deal", "properties": {"name": {"from": "city", "now": True}}},
        {"type": "deal", "properties": {"name": {"on": ["mon"], "now": True}}},
        {"type": "deal", "properties": {"name": {"after": "3"}}},
        {"type": "deal", "properties": {"name": {"after": "90 minutes", "at": "09:00"}}},
        {"type": "deal", "itself": {"as": "x"}},
        {"type": "deal", "associate": [{"label": "x"}]},
        {"type": "deal", "associate": [{"type": "company", "label": "x\ny"}]},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, Any]) -> None:
    """At publish, not when a record is there."""
    with pytest.raises(ValidationError):
        complete(CreateRecord, config)
