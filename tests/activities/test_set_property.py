from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import JsonValue, ValidationError

from activities.action import Do, Refused
from activities.actions.set_property import SetProperty
from activities.catalogue import complete
from activities.effects import Provenance
from activities.fakes import FakeCrm, FakeMailer
from workflows.model.records import Record, RecordRef

ANNA = RecordRef.parse("contact:1")
SOURCE = Provenance(flow="f", revision="r", node="n", enrollment="e")


def do(crm: FakeCrm) -> Do:
    record = Record(ref=ANNA, properties={**crm.records.get(ANNA, {})})
    return Do(key="k", record=record, now=datetime(2026, 1, 2, tzinfo=UTC), source=SOURCE, crm=crm, mail=FakeMailer())


@pytest.mark.parametrize("value", ["lead", "", 5, 0.5, True, False, ["a", "b"], []])
async def test_it_sets_the_value_as_it_is(value: JsonValue) -> None:
    """A number stays a number and a boolean a boolean; the output has the value and the one before."""
    crm = FakeCrm({ANNA: {"stage": "new"}})
    action = SetProperty.model_validate({"property": "stage", "value": value})
    done = await action.perform(do(crm))
    assert crm.records[ANNA] == {"stage": value}
    assert (done.line, done.output) == ("set stage", {"value": value, "before": "new"})
    assert type(crm.records[ANNA]["stage"]) is type(value)


async def test_a_value_that_was_there_changes_nothing() -> None:
    """No edit is logged, and the line says so."""
    crm = FakeCrm({ANNA: {"stage": "lead"}})
    done = await SetProperty(property="stage", value="lead").perform(do(crm))
    assert (done.line, done.output, crm.changes) == ("stage was so already", {"value": "lead", "before": "lead"}, [])


async def test_an_edit_says_where_it_comes_from() -> None:
    """The flow, its revision, the step and the enrollment stand beside the change."""
    crm = FakeCrm({ANNA: {}})
    done = await SetProperty(property="stage", value="lead").perform(do(crm))
    assert crm.changes == [(ANNA, "stage", "lead", SOURCE)]
    assert done.output["before"] is None


async def test_the_crms_refusal_passes() -> None:
    """A property that may not be set is the engine's to deal with."""
    with pytest.raises(Refused, match="read_only_property"):
        await SetProperty(property="stage", value="x").perform(do(FakeCrm({ANNA: {}}, frozenset({"stage"}))))
    with pytest.raises(Refused, match="no_record"):
        await SetProperty(property="stage", value="x").perform(do(FakeCrm()))


@pytest.mark.parametrize(
    "config",
    [
        {"property": "stage"},
        {"value": 1},
        {"property": "Stage", "value": 1},
        {"property": "", "value": 1},
        {"property": "stage", "value": None},
        {"property": "stage", "value": {"a": 1}},
        {"property": "stage", "value": 1, "object": "deal"},
        {"property": "stage", "value": float("inf")},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step without a property or a value, or with a value that no property takes, is refused at publish."""
    with pytest.raises(ValidationError):
        complete(SetProperty, config)
