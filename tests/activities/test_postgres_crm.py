from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from pydantic import JsonValue

from activities.action import Refused
from activities.effects import Provenance
from activities.gateways.postgres_crm import PostgresCrm, fits
from tests.world import World
from workflows.model.records import RecordRef

ANNA = RecordRef.parse("contact:1")
SOURCE = Provenance(flow="f", revision="r", node="n", enrollment="e")


def takes(type_: str, value: JsonValue, options: list[str] | None = None) -> bool:
    try:
        fits({"p": value}, {"p": {"type": type_, "read_only": False, "options": options}})
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("text", ["", "x"], [1, True, ["x"], {"a": 1}]),
        ("user", ["7"], [7, False, ["7"]]),
        ("number", [0, -1, 2.5, 10**30], ["5", True, [5]]),
        ("boolean", [True, False], [0, 1, "true", "yes"]),
        (
            "date",
            ["2026-01-31"],
            ["31.1.2026", "2026-02-30", "2026-01-31T00:00:00", "", 20260131],
        ),
        ("datetime", ["2026-01-31T09:00:00+00:00", "2026-01-31T09:00:00Z"], ["9 o'clock", "", 1, True]),
        ("option", ["red", "blue"], ["green", "Red", "", ["red"], 1]),
        ("options", [["red"], ["blue", "red"], []], ["red", ["green"], ["red", "green"], [["red"]]]),
    ],
)
def test_a_property_takes_its_own_type(type_: str, good: list[JsonValue], bad: list[JsonValue]) -> None:
    """No value is bent to fit; None clears a property of any type."""
    options = ["red", "blue"]
    assert [value for value in good if not takes(type_, value, options)] == []
    assert [value for value in bad if takes(type_, value, options)] == []
    assert takes(type_, None, options)


def test_options_that_nobody_defined_take_nothing() -> None:
    """A property with options of which there are none is set to none."""
    assert not takes("option", "red")
    assert takes("options", [])


async def set_to(world: World, **values: JsonValue) -> dict[str, JsonValue]:
    async with world.pool.acquire() as connection, connection.transaction():
        return await PostgresCrm(connection).set_properties(ANNA, values, SOURCE)


async def events(world: World) -> list[Any]:
    rows = await world.pool.fetch("select * from event order by seq")
    return [(row["type"], row["record_type"], row["record_id"], row["properties"]) for row in rows]


async def test_an_edit_is_written_with_its_event(world: World) -> None:
    """The value, the one before and the source stand in one event a property, in the same transaction."""
    await world.record(str(ANNA), stage="new", city="Oulu")
    assert await set_to(world, stage="lead", city="Turku") == {"stage": "new", "city": "Oulu"}
    assert await world.properties(ANNA) == {"stage": "lead", "city": "Turku"}
    assert await events(world) == [
        ("property_changed", "contact", "1", {"name": name, "value": value, "before": before, "by": asdict(SOURCE)})
        for name, value, before in (("stage", "lead", "new"), ("city", "Turku", "Oulu"))
    ]


async def test_nothing_changed_is_no_event(world: World) -> None:
    """The value that was there already wakes nobody; beside another only the other is told."""
    await world.record(str(ANNA), stage="lead", city="Oulu")
    begin = await world.pool.fetchval("select updated_at from record")
    assert await set_to(world, stage="lead") == {}
    assert await world.pool.fetchval("select updated_at from record") == begin
    assert await events(world) == []
    assert await set_to(world, stage="lead", city="Turku") == {"city": "Oulu"}
    assert len(await events(world)) == 1


async def test_none_clears(world: World) -> None:
    """A cleared property is not there any more; to clear one that is not there changes nothing."""
    await world.record(str(ANNA), stage="lead", city="Oulu")
    assert await set_to(world, stage=None) == {"stage": "lead"}
    assert await world.properties(ANNA) == {"city": "Oulu"}
    assert await set_to(world, stage=None) == {}
    assert [event[3]["value"] for event in await events(world)] == [None]


async def test_a_boolean_is_not_taken_for_a_number(world: World) -> None:
    """A property that became a boolean while the record still has 1 is set to true."""
    await world.record(str(ANNA), optin=1)
    await world.pool.execute("update property set type = 'boolean'")
    assert await set_to(world, optin=True) == {"optin": 1}
    assert (await world.properties(ANNA))["optin"] is True


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("delete from property", "unknown_property"),
        ("update property set read_only = true", "read_only_property"),
        ("update property set type = 'number'", "bad_value"),
        ("update property set object = 'deal'", "unknown_property"),
        ("delete from record", "no_record"),
        ("update record set archived_at = now()", "no_record"),
    ],
)
async def test_a_refused_edit_changes_nothing(world: World, change: str, code: str) -> None:
    """Unknown, read-only, of another type, of another object or of no record: a code that quotes no value."""
    await world.record(str(ANNA), stage="new")
    await world.pool.execute(change)
    with pytest.raises(Refused) as caught:
        await set_to(world, stage="lead")
    assert (caught.value.code, str(caught.value), await events(world)) == (code, code, [])
