"""What the store has a part in runs on each: on PostgreSQL, in memory, and over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import pytest
from pydantic import JsonValue, ValidationError

from activities.action import Refused
from activities.actions.adjust_property import AdjustProperty
from activities.catalogue import complete
from activities.effects import AddTo
from activities.properties import edited
from tests.activities.crm_bench import ANNA, CHAT, DEFINITIONS, CrmBench, perform
from tests.activities.doing import SOURCE


@pytest.mark.parametrize(
    ("before", "by", "after", "line"),
    [
        (None, 5, 5, "increased score"),
        (None, -5, -5, "decreased score"),
        (10, 5, 15, "increased score"),
        (10, -12.5, -2.5, "decreased score"),
        (0.1, 0.2, 0.3, "increased score"),
        (10**20, 1, 10**20 + 1, "increased score"),
        (10, 0, 10, "score was so already"),
    ],
)
async def test_a_number_is_adjusted(
    memory: CrmBench, before: JsonValue, by: float, after: JsonValue, line: str
) -> None:
    """An empty one counts as 0, and a sum of whole numbers is a whole one."""
    await memory.put(ANNA, {} if before is None else {"score": before})
    done = await perform(memory, AdjustProperty(property="score", by=by))
    assert (done.line, done.output["value"], done.output["before"]) == (line, after, before)
    assert await memory.properties(ANNA) == {"score": after}
    assert type(done.output["value"]) is type(after)
    assert await memory.changes() == ([(ANNA, "score", after, asdict(SOURCE))] if before != after else [])


async def test_of_many_adjustments_at_once_none_is_lost(store: CrmBench) -> None:
    """Fifty flows count one record at the same moment."""
    await asyncio.gather(*(perform(store, AdjustProperty(property="score", by=1)) for _ in range(50)))
    assert await store.properties(ANNA) == {"score": 50}
    assert sorted(change[2] for change in await store.changes()) == list(range(1, 51))


@pytest.mark.parametrize(
    ("property_", "before", "code"),
    [
        ("city", "5", "wrong_type"),
        ("topics", ["red"], "wrong_type"),
        ("age", 5, "read_only_property"),
        ("colour", None, "unknown_property"),
        ("score", "a dozen", "bad_value"),
    ],
)
async def test_what_is_no_number_fails_with_a_code(
    memory: CrmBench, property_: str, before: JsonValue, code: str
) -> None:
    """Only a number property of which flows may edit the value is added to."""
    await memory.put(ANNA, {property_: before})
    with pytest.raises(Refused, match=code):
        await perform(memory, AdjustProperty(property=property_, by=1))
    assert await memory.changes() == []


def test_a_sum_that_no_number_holds_is_refused() -> None:
    """The number stays as it was, and does not become one that JSON cannot write."""
    with pytest.raises(Refused, match="bad_value"):
        edited(ANNA, {"score": 1.7e308}, {"score": AddTo(1.7e308)}, DEFINITIONS["contact"])


async def test_a_conversation_itself_is_not_adjusted(store: CrmBench) -> None:
    """Its own properties are read-only for flows."""
    with pytest.raises(Refused, match="own_read_only"):
        await perform(store, AdjustProperty(property="status", by=1), CHAT)


@pytest.mark.parametrize(
    "config",
    [
        {"property": "score"},
        {"by": 1},
        {"property": "score", "by": "much"},
        {"property": "score", "by": float("nan")},
        {"property": "score", "by": 1, "on": "company"},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step names the property of its own record, and a number."""
    with pytest.raises(ValidationError):
        complete(AdjustProperty, config)
