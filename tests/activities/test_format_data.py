"""The action that computes values; what formulas come to stands in `formulas/`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue, ValidationError

from activities.action import Refused
from activities.actions.format_data import FormatData
from activities.catalogue import Catalogue
from starter.language.compile import compile_flow
from starter.simulate import Simulation
from tests.activities.doing import anna, doing
from tests.flows import flow
from tests.world import World
from workflows.model.nodes import Perform


async def result(step: dict[str, Any], **properties: JsonValue) -> JsonValue:
    done = await FormatData.model_validate(step).perform(doing(anna(**properties), outputs={"s": {"k": "Ab"}}))
    assert done.line == "formatted"
    return done.output["result"]


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ({"property": "amount", "format": "divide(2) | round"}, 6),
        ({"output": "s.k", "format": "upper"}, "AB"),
        ({"text": "12", "format": "multiply(2)"}, 24),
        ({"formula": "a + b", "inputs": {"a": 1, "b": "2"}}, 3),
        ({"text": "2026-01-02T23:30:00Z", "format": "default('')", "as": "datetime"}, "2026-01-02T23:30:00Z"),
        ({"text": "7", "format": "trim", "as": "number"}, 7),
        ({"property": "none", "format": "upper"}, ""),
        ({"property": "none", "format": "first", "as": "number"}, None),
    ],
)
async def test_what_is_picked_is_formatted(step: dict[str, Any], found: JsonValue) -> None:
    """A property, an output, a text, or named inputs; as the type that is asked for."""
    assert await result(step, amount=11) == found


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"property": "none", "format": "divide(2)"}, "empty_value"),
        ({"text": "x", "format": "divide(2)"}, "type_mismatch"),
        ({"text": "x", "format": "upper", "as": "number"}, "bad_value"),
        ({"formula": "1 / a", "inputs": {"a": 0}}, "divided_by_zero"),
    ],
)
async def test_what_cannot_be_computed_fails_with_a_code(step: dict[str, Any], code: str) -> None:
    """The note, which stays in the ledger, may show the value."""
    with pytest.raises(Refused) as refused:
        await result(step)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({}, "give one of"),
        ({"property": "a"}, "give one of"),
        ({"property": "a", "text": "b", "format": "upper"}, "give one of"),
        ({"formula": "1", "format": "upper"}, "leave out format"),
        ({"property": "a", "format": "uper"}, "did you mean 'upper'"),
        ({"formula": "a", "inputs": {"b": 1}}, "names 'a'"),
        ({"property": "a", "format": "upper", "locale": "klingon"}, "no locale"),
    ],
)
def test_a_wrong_step_is_told_before_it_is_published(step: dict[str, Any], told: str) -> None:
    """In words that say what to write."""
    with pytest.raises(ValidationError, match=told):
        FormatData.model_validate(step)


SOURCE = """\
flow: f
name: Greet
object: contact
steps:
  - do: format_data
    id: greeting
    formula: concat("Dear ", title(first), default(deals, 0) + 1)
    inputs: {first: "{{ contact.firstname }}", deals: {property: deals}}
  - {do: set_property, id: keep, property: greeting, value: "{{ outputs.greeting.result }}!"}
"""


async def test_a_later_step_reads_the_result() -> None:
    """Tokens and references in the inputs are those of the record."""
    world = Simulation(Catalogue.load())
    drawn = flow("f", *compile_flow(SOURCE, world.catalogue, "f.yaml").nodes.values())
    world.publish(drawn)
    record = world.record("contact:1", firstname="ANNA", deals=2)
    await world.walk(drawn, record)
    assert world.ledger.crm.records[record]["greeting"] == "Dear Anna3!"


async def test_it_is_one_local_visit_in_postgres(world: World) -> None:
    """The result is in the ledger, once, beside the visit."""
    step = {"property": "firstname", "format": "upper"}
    config = FormatData.model_validate(step).model_dump(mode="json", by_alias=True)
    node = Perform(id="loud", name="Loud", edges={}, kind="format_data", config=config, place="store")
    revision = await world.publish(flow(world.key("loud"), node))
    record = await world.record("contact:1", firstname="Anna")
    async with world.serving():
        enrollment = await world.enroll(revision, record)
        await world.ended(enrollment)
    output = await world.pool.fetchval("select output from visit where enrollment = $1", enrollment)
    assert output == {"result": "ANNA"}
