"""What the store has a part in runs on each: on PostgreSQL, in memory, and over HTTP."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from pydantic import JsonValue, ValidationError

from activities.action import Refused, Skipped
from activities.actions.copy_property import CopyProperty
from activities.catalogue import complete
from activities.properties import may_copy
from tests.activities.crm_bench import ACME, ANNA, BETA, CrmBench, perform
from tests.activities.doing import SOURCE

FULL: dict[str, JsonValue] = {
    "city": "Oulu",
    "owner": "7",
    "score": 12.5,
    "optin": False,
    "born": "2026-01-02",
    "seen": "2026-01-02T22:30:00Z",
    "stage": "lead",
    "topics": ["red", "green"],
    "age": 41,
}


def copying(source: str, target: str, **config: JsonValue) -> CopyProperty:
    from_ = "from_output" if "." in source else "from"
    return CopyProperty.model_validate({from_: source, "to": target, **config})


@pytest.mark.parametrize(
    ("source", "target", "zone", "after"),
    [
        ("city", "nick", "UTC", "Oulu"),
        ("score", "nick", "UTC", "12.5"),
        ("age", "nick", "UTC", "41"),
        ("age", "score", "UTC", 41),
        ("born", "seen", "America/New_York", "2026-01-02T00:00:00+00:00"),
        ("seen", "born", "UTC", "2026-01-02"),
        ("seen", "born", "Europe/Helsinki", "2026-01-03"),
        ("stage", "was", "UTC", "lead"),
    ],
)
async def test_a_property_is_copied_by_the_table_of_types(
    memory: CrmBench, source: str, target: str, zone: str, after: JsonValue
) -> None:
    """A number is written out; a date is midnight UTC, a datetime its day; what is read-only may be a source."""
    await memory.put(ANNA, {**FULL, target: None})
    done = await perform(memory, copying(source, target), zone=zone)
    assert (await memory.properties(ANNA))[target] == after
    assert (done.line, done.output) == (f"copied to {target}", {"value": after, "before": None, "changed": 1})
    assert await memory.changes() == [(ANNA, target, after, asdict(SOURCE))]


TYPES = ["text", "number", "boolean", "date", "datetime", "option", "options", "user"]


def test_the_table_of_types() -> None:
    """Each type is copied into its own; beside that numbers into texts, dates and datetimes into each other, and an
    option among options.
    """
    pairs = {(source, target) for source in TYPES for target in TYPES if source != target and may_copy(source, target)}
    assert pairs == {("number", "text"), ("date", "datetime"), ("datetime", "date"), ("option", "options")}
    assert all(may_copy(each, each) for each in TYPES)


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("city", "score", "wrong_type"),
        ("born", "nick", "wrong_type"),
        ("optin", "nick", "wrong_type"),
        ("score", "born", "wrong_type"),
        ("topics", "stage", "wrong_type"),
        ("topics", "wanted", "unknown_option"),
        ("colour", "city", "unknown_property"),
        ("city", "colour", "unknown_property"),
        ("score", "age", "read_only_property"),
    ],
)
async def test_what_cannot_be_copied_fails_with_a_code(memory: CrmBench, source: str, target: str, code: str) -> None:
    """The types do not go together, an option is not the target's, or a property is not there or not to be set."""
    await memory.put(ANNA, FULL)
    with pytest.raises(Refused) as caught:
        await perform(memory, copying(source, target))
    assert (caught.value.code, await memory.changes()) == (code, [])


@pytest.mark.parametrize(
    ("value", "target", "after"),
    [
        ("Oulu", "city", "Oulu"),
        (12.50, "city", "12.5"),
        (True, "city", "true"),
        (["a", 1], "city", "a; 1"),
        (12, "score", 12),
        ("12.5", "score", 12.5),
        ("true", "optin", True),
        (1767393000000, "seen", "2026-01-02T22:30:00+00:00"),
        (1767393000123, "seen", "2026-01-02T22:30:00.123000+00:00"),
        ("1767393000000", "seen", "2026-01-02T22:30:00+00:00"),
        ("2026-01-02T22:30:00Z", "seen", "2026-01-02T22:30:00Z"),
        ("2026-01-02", "seen", "2026-01-02T00:00:00+00:00"),
        (1767393000000, "born", "2026-01-03"),
        ("2026-01-02T22:30:00+02:00", "born", "2026-01-02"),
        (["red", "blue"], "topics", ["red", "blue"]),
        ("red; blue", "topics", ["red", "blue"]),
        ("lead", "stage", "lead"),
    ],
)
async def test_an_output_is_copied_as_the_target_has_it(
    memory: CrmBench, value: JsonValue, target: str, after: JsonValue
) -> None:
    """Unix milliseconds are a moment to a date or datetime, in Helsinki here; a text is read as the target's type."""
    outputs = {"asked": {"answer": value}}
    await perform(memory, copying("asked.answer", target), outputs=outputs, zone="Europe/Helsinki")
    assert await memory.properties(ANNA) == {target: after}


@pytest.mark.parametrize(
    ("value", "target", "code"),
    [
        ("a dozen", "score", "bad_value"),
        ("yes", "optin", "bad_value"),
        ("tomorrow", "born", "bad_value"),
        (True, "seen", "bad_value"),
        (10**30, "seen", "bad_value"),
        ("Lead", "stage", "unknown_option"),
        ({"a": 1}, "city", "bad_value"),
    ],
)
async def test_an_output_that_the_target_does_not_take_fails(
    memory: CrmBench, value: JsonValue, target: str, code: str
) -> None:
    """Nothing is bent until it fits."""
    with pytest.raises(Refused, match=code):
        await perform(memory, copying("asked.answer", target), outputs={"asked": {"answer": value}})
    assert await memory.changes() == []


async def test_an_empty_source_leaves_the_target(store: CrmBench) -> None:
    """By default; the history says that the step was skipped."""
    await store.put(ANNA, {"city": "Oulu"})
    with pytest.raises(Skipped, match="empty_source"):
        await perform(store, copying("nick", "city"))
    assert await store.properties(ANNA) == {"city": "Oulu"}


async def test_an_empty_source_may_clear_the_target(store: CrmBench) -> None:
    """Where the step says so."""
    await store.put(ANNA, {"city": "Oulu"})
    done = await perform(store, copying("nick", "city", if_empty="clear"))
    assert (done.line, done.output) == ("cleared city", {"value": None, "before": "Oulu", "changed": 1})
    assert await store.properties(ANNA) == {}


async def test_options_are_added_to_those_of_the_target(store: CrmBench) -> None:
    """Those that are there stay; a single option is one more."""
    await store.put(ANNA, {"topics": ["red"], "stage": "lead"})
    await store.put(BETA, {"tags": ["green"]})
    done = await perform(store, copying("topics", "tags", how="append", on="company"))
    assert [(await store.properties(each))["tags"] for each in (BETA, ACME)] == [["green", "red"], ["red"]]
    assert done.line == "added to tags on 2 of 2 records of the type company"


async def test_a_value_is_copied_to_all_associated_records(store: CrmBench) -> None:
    """The types are those of the two object types."""
    await store.put(ANNA, {"seen": "2026-01-02T22:30:00Z", "city": "Oulu"})
    await perform(store, copying("seen", "met", on={"type": "company", "label": "employer"}))
    assert await store.changes() == [(BETA, "met", "2026-01-02", asdict(SOURCE))]
    with pytest.raises(Refused, match="wrong_type"):
        await perform(store, copying("city", "staff", on="company"))


@pytest.mark.parametrize(
    "config",
    [
        {"from": "city"},
        {"to": "city"},
        {"from": "city", "from_output": "a.b", "to": "nick"},
        {"from": "City", "to": "nick"},
        {"from": "city", "to": "nick", "how": "remove"},
        {"from": "city", "to": "nick", "if_empty": "fail"},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step needs one source and a target."""
    with pytest.raises(ValidationError):
        complete(CopyProperty, config)
