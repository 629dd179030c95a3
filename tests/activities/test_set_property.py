"""What the store has a part in runs on each: on PostgreSQL, in memory, and over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from pydantic import JsonValue, ValidationError

from activities.action import Refused, Skipped
from activities.actions.set_property import SetProperty
from activities.catalogue import complete
from tests.activities.crm_bench import ACME, ANNA, BETA, BO, CHAT, CrmBench, perform
from tests.activities.doing import SOURCE


def setting(property_: str, value: JsonValue = None, **config: JsonValue) -> SetProperty:
    given = {} if value is None else {"value": value}
    return SetProperty.model_validate({"property": property_, **given, **config})


@pytest.mark.parametrize(
    ("property_", "value", "after"),
    [
        ("city", "Oulu", "Oulu"),
        ("city", "", ""),
        ("city", "5", "5"),
        ("score", 5, 5),
        ("score", 0.5, 0.5),
        ("score", "5", 5),
        ("optin", True, True),
        ("optin", False, False),
        ("optin", "false", False),
        ("born", "2026-01-31", "2026-01-31"),
        ("stage", "lead", "lead"),
        ("topics", ["red", "blue"], ["red", "blue"]),
        ("topics", "red; blue", ["red", "blue"]),
        ("topics", [], []),
    ],
)
async def test_it_sets_a_value(memory: CrmBench, property_: str, value: JsonValue, after: JsonValue) -> None:
    """A plain value stays what it is; a text, as tokens render it, is read as the property's type."""
    done = await perform(memory, setting(property_, value))
    assert await memory.properties(ANNA) == {property_: after}
    assert (done.line, done.output) == (f"set {property_}", {"value": after, "before": None, "changed": 1})
    assert type(done.output["value"]) is type(after)
    assert await memory.changes() == [(ANNA, property_, after, asdict(SOURCE))]


async def test_a_value_that_was_there_changes_nothing(store: CrmBench) -> None:
    """No edit is logged, and the line says so."""
    await store.put(ANNA, {"stage": "lead"})
    done = await perform(store, setting("stage", "lead"))
    assert (done.line, done.output) == ("stage was so already", {"value": "lead", "before": "lead", "changed": 0})
    assert await store.changes() == []


@pytest.mark.parametrize(
    ("property_", "zone", "after"),
    [
        ("seen", "Europe/Helsinki", "2026-01-02T22:30:00+00:00"),
        ("born", "UTC", "2026-01-02"),
        ("born", "Europe/Helsinki", "2026-01-03"),
        ("born", "America/New_York", "2026-01-02"),
    ],
)
async def test_now_is_a_moment_or_the_day_in_the_flows_zone(
    memory: CrmBench, property_: str, zone: str, after: str
) -> None:
    """The property's type says which."""
    await perform(memory, setting(property_, now=True), zone=zone)
    assert await memory.properties(ANNA) == {property_: after}


@pytest.mark.parametrize("property_", ["city", "score", "topics"])
async def test_now_is_for_dates_only(memory: CrmBench, property_: str) -> None:
    """Another type takes no moment."""
    with pytest.raises(Refused, match="wrong_type"):
        await perform(memory, setting(property_, now=True))


async def test_a_value_is_taken_from_another_property(store: CrmBench) -> None:
    """As it is copied: a number becomes text where a text is wanted."""
    await store.put(ANNA, {"score": 12.50, "topics": ["red"]})
    await perform(store, setting("city", **{"from": "score"}))
    await perform(store, setting("wanted", **{"from": "topics"}))
    assert await store.properties(ANNA) == {"score": 12.5, "topics": ["red"], "city": "12.5", "wanted": ["red"]}


async def test_a_value_is_taken_from_an_output(store: CrmBench) -> None:
    """Of an earlier step, as the property's type has it."""
    outputs = {"asked": {"age": "41", "at": 1767225600000}}
    await perform(store, setting("score", from_output="asked.age"), outputs=outputs)
    await perform(store, setting("born", from_output="asked.at"), outputs=outputs)
    assert await store.properties(ANNA) == {"score": 41, "born": "2026-01-01"}


@pytest.mark.parametrize("config", [{"from": "nick"}, {"from_output": "asked.name"}, {"from_output": "never.was"}])
async def test_an_empty_source_is_skipped(store: CrmBench, config: dict[str, JsonValue]) -> None:
    """To write nothing over something would lose it: the target stays."""
    await store.put(ANNA, {"city": "Oulu", "nick": ""})
    with pytest.raises(Skipped, match="empty_source"):
        await perform(store, setting("city", **config), outputs={"asked": {"name": []}})
    assert await store.properties(ANNA) == {"city": "Oulu", "nick": ""}


@pytest.mark.parametrize(
    ("how", "value", "after", "line"),
    [
        ("append", ["blue", "red"], ["red", "green", "blue"], "added to topics"),
        ("append", "blue", ["red", "green", "blue"], "added to topics"),
        ("append", "red; green", ["red", "green"], "topics was so already"),
        ("remove", ["green", "blue"], ["red"], "took from topics"),
        ("remove", "red; green", None, "took from topics"),
        ("replace", ["blue"], ["blue"], "set topics"),
    ],
)
async def test_options_are_added_and_taken_away(
    store: CrmBench, how: str, value: JsonValue, after: JsonValue, line: str
) -> None:
    """Those that are there stay, and none stands there twice; with the last one gone, the property is empty."""
    await store.put(ANNA, {"topics": ["red", "green"]})
    done = await perform(store, setting("topics", value, how=how))
    assert (done.line, done.output["value"]) == (line, after)
    assert (await store.properties(ANNA)).get("topics") == after


@pytest.mark.parametrize(
    ("on", "records"),
    [
        ("company", [BETA, ACME]),
        ({"type": "company"}, [BETA, ACME]),
        ({"type": "company", "label": "employer"}, [BETA]),
        ("company/employer", [BETA]),
    ],
)
async def test_all_associated_records_are_set(store: CrmBench, on: JsonValue, records: list[Any]) -> None:
    """Of the type, or of the label; those that are archived are none. The value may come from the enrolled record."""
    await store.put(ANNA, {"city": "Oulu"})
    done = await perform(store, setting("name", on=on, **{"from": "city"}))
    assert await store.changes() == [(ref, "name", "Oulu", asdict(SOURCE)) for ref in records]
    assert done.line == f"set name on {len(records)} of {len(records)} records of the type company"
    assert done.output == {"value": "Oulu", "before": None, "changed": len(records)}


async def test_those_that_were_so_already_are_told(store: CrmBench) -> None:
    """How many of how many are another now stands in the line and in the outputs."""
    await store.put(BETA, {"tags": ["red"]})
    done = await perform(store, setting("tags", "red", how="append", on="company"))
    assert done.line == "added to tags on 1 of 2 records of the type company"
    assert done.output == {"value": ["red"], "before": ["red"], "changed": 1}


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (setting("colour", "red"), "unknown_property"),
        (setting("age", 3), "read_only_property"),
        (setting("score", "a dozen"), "bad_value"),
        (setting("city", 5), "bad_value"),
        (setting("stage", "Lead"), "unknown_option"),
        (setting("topics", ["pink"], how="append"), "unknown_option"),
        (setting("city", "x", how="append"), "wrong_type"),
        (setting("city", **{"from": "colour"}), "unknown_property"),
        (setting("score", **{"from": "city"}), "wrong_type"),
        (setting("name", "x", on="deal"), "no_associated_record"),
        (setting("name", "x", on={"type": "company", "label": "partner"}), "no_associated_record"),
        (setting("name", "x", on="compnay"), "unknown_object_type"),
        (setting("city", "x", on="company"), "unknown_property"),
    ],
)
async def test_what_cannot_be_set_fails_with_a_code(memory: CrmBench, action: SetProperty, code: str) -> None:
    """Nothing has changed, and the code quotes no value."""
    await memory.put(ANNA, {"city": "Oulu"})
    with pytest.raises(Refused) as caught:
        await perform(memory, action)
    assert (caught.value.code, str(caught.value), await memory.changes()) == (code, code, [])


async def test_the_enrolled_record_may_have_no_associated_ones(store: CrmBench) -> None:
    """Then there is nothing to set, and the step says so."""
    with pytest.raises(Refused, match="no_associated_record"):
        await perform(store, setting("name", "x", on="company"), BO)


async def test_of_a_conversation_only_what_is_associated_is_set(store: CrmBench) -> None:
    """Its own properties are read-only for flows."""
    with pytest.raises(Refused, match="own_read_only"):
        await perform(store, setting("status", "closed"), CHAT)
    with pytest.raises(Refused, match="no_associated_record"):
        await perform(store, setting("city", "Oulu", on="contact"), CHAT)


async def test_more_records_than_a_transaction_holds_are_refused(
    store: CrmBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is set."""
    monkeypatch.setattr("activities.targets.MOST_RECORDS", 1)
    with pytest.raises(Refused, match="too_many_records"):
        await perform(store, setting("name", "x", on="company"))
    assert await store.changes() == []


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
        {"property": "stage", "value": 1, "now": True},
        {"property": "stage", "value": 1, "from": "city"},
        {"property": "stage", "from": "city", "from_output": "a.b"},
        {"property": "stage", "from_": "city"},
        {"property": "stage", "from_output": "nowhere"},
        {"property": "stage", "now": True, "how": "append"},
        {"property": "stage", "value": "x", "how": "add"},
        {"property": "stage", "value": "x", "on": "Company"},
        {"property": "stage", "value": "x", "on": {"label": "employer"}},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step without a property, or without one value that some property takes, is refused at publish."""
    with pytest.raises(ValidationError):
        complete(SetProperty, config)


def test_what_was_published_before_is_read_as_before() -> None:
    """A step that says no more than property and value replaces it on the enrolled record."""
    given = {"property": "stage", "value": "lead"}
    defaults = {"now": False, "from": None, "from_output": None, "how": "replace", "on": None}
    assert complete(SetProperty, given) == given | defaults
