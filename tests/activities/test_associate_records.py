from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Done, Refused, Skipped
from activities.actions.associate_records import AssociateRecords
from activities.catalogue import complete
from activities.effects import Link
from activities.fakes import FakeCrm
from tests.activities.doing import ANNA, SOURCE, anna, doing
from workflows.model.records import RecordRef

ACME, BETA, GAMMA, BO = (RecordRef.parse(each) for each in ("company:1", "company:2", "company:3", "contact:2"))
MATCHING = {"type": "company", "match": "domain"}


def crm(**properties: Any) -> FakeCrm:
    names = {ACME: "ACME.example", BETA: "beta.example", GAMMA: "acme.Example"}
    companies: dict[RecordRef, dict[str, Any]] = {ref: {"domain": name} for ref, name in names.items()}
    return FakeCrm({ANNA: properties, BO: {"domain": "acme.example"}, **companies})


async def done(there: FakeCrm, config: dict[str, Any], outputs: Any = None) -> Done:
    record = anna(**there.records[ANNA])
    action = AssociateRecords.model_validate({**({} if "to_output" in config else MATCHING), **config})
    return await action.perform(doing(record, crm=there, outputs=outputs or {}))


async def test_those_that_match_are_associated() -> None:
    """In whatever case, by the property of the same name; by whom, the CRM is told."""
    there = crm(domain="Acme.Example")
    came = await done(there, {})
    assert came.line == "associated with 2 of 2 of the type company"
    assert came.output == {"associated": 2, "matched": 2, "record": "company:1"}
    assert there.associating == [(ANNA, Link(ACME), SOURCE), (ANNA, Link(GAMMA), SOURCE)]


async def test_the_other_property_may_have_another_name() -> None:
    """And there is a label; the first becomes the primary one."""
    there = crm(site="beta.example")
    await done(there, {"match": "site", "with": "domain", "label": "employer", "primary": True})
    assert there.associations == [(ANNA, BETA, "employer")]
    assert there.associating == [(ANNA, Link(BETA, "employer", primary=True), SOURCE)]


async def test_of_several_values_each_may_match() -> None:
    """A property with several options has them all looked for."""
    there = crm(domain=["beta.example", "acme.example"])
    assert (await done(there, {})).output["matched"] == 3


async def test_a_record_does_not_match_itself() -> None:
    """Where others of its own type are looked for."""
    there = crm(domain="acme.example")
    assert (await done(there, {"type": "contact"})).output == {"associated": 1, "matched": 1, "record": "contact:2"}


async def test_what_is_associated_already_is_not_new() -> None:
    """To repeat it changes nothing."""
    there = crm(domain="acme.example")
    there.associations = [(ACME, ANNA, "")]
    assert (await done(there, {})).output["associated"] == 1
    assert (await done(there, {})).line == "associated with 0 of 2 of the type company"


async def test_nothing_that_matches_is_told() -> None:
    """Skipped, with outputs that say so; an empty property has nothing looked for."""
    came = await done(crm(domain="none.example"), {})
    assert (came.outcome, came.line) == ("skipped", "no_match")
    assert came.output == {"associated": 0, "matched": 0, "record": None}
    empties: list[Any] = [None, "", []]
    for empty in empties:
        with pytest.raises(Skipped, match="empty_source"):
            await done(crm(domain=empty), {})


async def test_too_many_are_none() -> None:
    """A value that many share is no match; the limit itself is none too many."""
    there = crm(domain="acme.example")
    with pytest.raises(Refused, match="too_many_matches"):
        await done(there, {"at_most": 1})
    assert there.associations == []
    assert (await done(there, {"at_most": 2})).output["associated"] == 2


async def test_one_that_has_one_is_left_alone() -> None:
    """With `only_if_none`: of the type, whichever it is."""
    there = crm(domain="acme.example")
    there.associations = [(BETA, ANNA, "x")]
    with pytest.raises(Skipped, match="has_association"):
        await done(there, {"only_if_none": True})
    there.associations = [(BO, ANNA, "")]
    assert (await done(there, {"only_if_none": True})).output["associated"] == 2


@pytest.mark.parametrize("given", [None, 5, "somebody", "deal:404"])
async def test_an_output_that_names_no_record_fails(given: Any) -> None:
    """One that is there is associated; it need not be of a type that is said."""
    there = crm()
    outputs = {"made": {"record": "company:2", "other": given}}
    assert (await done(there, {"to_output": "made.record", "label": "x"}, outputs)).output["record"] == "company:2"
    assert there.associations == [(ANNA, BETA, "x")]
    with pytest.raises(Refused, match="no_record"):
        await done(there, {"to_output": "made.other"}, outputs)
    with pytest.raises(Refused, match="no_record"):
        await done(there, {"to_output": "never.made"}, outputs)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"type": "company"},
        {"match": "domain"},
        {"type": "company", "match": "domain", "to_output": "a.b"},
        {"type": "company", "to_output": "a.b"},
        {"with": "domain", "to_output": "a.b"},
        {"to_output": "a"},
        {**MATCHING, "label": "a\nb"},
        {**MATCHING, "label": "a" * 81},
        {**MATCHING, "at_most": 0},
        {**MATCHING, "at_most": 1001},
        {**MATCHING, "type": "Company"},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, Any]) -> None:
    """At publish, not when a record is there."""
    with pytest.raises(ValidationError):
        complete(AssociateRecords, config)
