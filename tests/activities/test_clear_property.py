"""What the store has a part in runs on each: on PostgreSQL, in memory, and over HTTP."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from pydantic import JsonValue, ValidationError

from activities.action import Refused
from activities.actions.clear_property import ClearProperty
from activities.catalogue import complete
from tests.activities.crm_bench import ACME, ANNA, BETA, CHAT, CrmBench, perform
from tests.activities.doing import SOURCE


def clearing(property_: str, on: JsonValue = None) -> ClearProperty:
    return ClearProperty.model_validate({"property": property_, "on": on})


@pytest.mark.parametrize(("property_", "value"), [("city", "Oulu"), ("score", 0), ("topics", ["red"]), ("nick", "")])
async def test_a_property_is_cleared(memory: CrmBench, property_: str, value: JsonValue) -> None:
    """It is not there any more, and the outputs say what it was."""
    await memory.put(ANNA, {property_: value, "owner": "7"})
    done = await perform(memory, clearing(property_))
    assert await memory.properties(ANNA) == {"owner": "7"}
    assert (done.line, done.output) == (f"cleared {property_}", {"value": None, "before": value, "changed": 1})
    assert await memory.changes() == [(ANNA, property_, None, asdict(SOURCE))]


async def test_what_is_empty_already_changes_nothing(store: CrmBench) -> None:
    """No edit is logged, and the line says so."""
    done = await perform(store, clearing("city"))
    assert (done.line, done.output["changed"], await store.changes()) == ("city was so already", 0, [])


async def test_it_is_cleared_on_all_associated_records(store: CrmBench) -> None:
    """Those that had none stay as they are."""
    await store.put(ACME, {"name": "Acme"})
    done = await perform(store, clearing("name", on="company"))
    assert done.line == "cleared name on 1 of 2 records of the type company"
    assert await store.changes() == [(ACME, "name", None, asdict(SOURCE))]
    assert await store.properties(BETA) == {}


@pytest.mark.parametrize(
    ("property_", "on", "code"),
    [
        ("colour", None, "unknown_property"),
        ("age", None, "read_only_property"),
        ("name", "deal", "no_associated_record"),
        ("name", "compnay", "unknown_object_type"),
    ],
)
async def test_what_cannot_be_cleared_fails_with_a_code(
    memory: CrmBench, property_: str, on: JsonValue, code: str
) -> None:
    """As it cannot be set."""
    await memory.put(ANNA, {"age": 41})
    with pytest.raises(Refused, match=code):
        await perform(memory, clearing(property_, on))
    assert await memory.changes() == []


async def test_a_conversation_itself_is_not_cleared(store: CrmBench) -> None:
    """Its own properties are read-only for flows."""
    with pytest.raises(Refused, match="own_read_only"):
        await perform(store, clearing("status"), CHAT)


@pytest.mark.parametrize("config", [{}, {"property": "City"}, {"property": "city", "value": None}])
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step names the property, and nothing to set."""
    with pytest.raises(ValidationError):
        complete(ClearProperty, config)
