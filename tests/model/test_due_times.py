from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from workflows.model.due_times import DueTime

FRIDAY = datetime(2026, 1, 2, 22, 30, tzinfo=UTC)
"""In Helsinki it is Saturday, half past midnight."""

WORK = ["mon", "tue", "wed", "thu", "fri"]


def due(zone: str = "UTC", now: datetime = FRIDAY, **fields: Any) -> str:
    return DueTime.model_validate(fields).moment(now, zone).astimezone(UTC).strftime("%a %d %H:%M")


@pytest.mark.parametrize(
    ("zone", "fields", "expected"),
    [
        ("UTC", {"after": "2 hours"}, "Sat 03 00:30"),
        ("UTC", {"after": "3 days"}, "Mon 05 22:30"),
        ("UTC", {"after": "3 days", "at": "09:00"}, "Mon 05 09:00"),
        ("Europe/Helsinki", {"after": "3 days", "at": "09:00"}, "Tue 06 07:00"),
        ("UTC", {"after": "1 week", "at": "9:00"}, "Fri 09 09:00"),
        ("UTC", {"at": "17:00"}, "Fri 02 17:00"),
        ("Europe/Helsinki", {"at": "17:00"}, "Sat 03 15:00"),
    ],
)
def test_it_counts_from_now_in_the_zone(zone: str, fields: dict[str, Any], expected: str) -> None:
    """Hours are hours; days beside a time of day are those of the zone's calendar; a time alone is today's."""
    assert due(zone, **fields) == expected


@pytest.mark.parametrize(
    ("zone", "fields", "expected"),
    [
        ("UTC", {"after": "1 day", "at": "09:00", "on": WORK}, "Mon 05 09:00"),
        ("UTC", {"after": "3 days", "at": "09:00", "on": WORK}, "Wed 07 09:00"),
        ("UTC", {"after": "5 days", "on": WORK}, "Fri 09 22:30"),
        ("Europe/Helsinki", {"after": "1 day", "at": "09:00", "on": WORK}, "Mon 05 07:00"),
        ("UTC", {"after": "2 days", "at": "09:00", "on": ["tue"]}, "Tue 13 09:00"),
        ("Europe/Helsinki", {"at": "09:00", "on": WORK}, "Mon 05 07:00"),
        ("UTC", {"at": "09:00", "on": WORK}, "Fri 02 09:00"),
    ],
)
def test_only_the_weekdays_that_are_named_count(zone: str, fields: dict[str, Any], expected: str) -> None:
    """Saturday and Sunday are passed over and never the day itself; without a length it is today, or the next such."""
    assert due(zone, **fields) == expected


def test_the_wall_clock_decides_where_the_clocks_are_moved() -> None:
    """Nine in the morning is nine in the morning, also on the far side of a night of 25 hours."""
    now = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    assert due("Europe/Helsinki", now, after="1 day", at="09:00") == "Sun 25 07:00"
    assert due("Europe/Helsinki", datetime(2026, 10, 23, 12, tzinfo=UTC), after="1 day", at="09:00") == "Sat 24 06:00"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "say how long `after`, or `at` which time"),
        ({"on": ["mon"]}, "say how long `after`, or `at` which time"),
        ({"after": 3}, "3 of what?"),
        ({"after": "soon"}, "is not a duration"),
        ({"after": "2 hours", "at": "09:00"}, "whole days"),
        ({"after": "36 hours", "on": ["mon"]}, "whole days"),
        ({"after": "1 day", "on": ["mon", "mon"]}, "twice"),
        ({"after": "1 day", "on": ["sunday"]}, "Input should be"),
        ({"after": "9999 weeks"}, "between 0 and 5 years"),
        ({"after": True}, "valid string"),
        ({"after": "1 day", "zone": "UTC"}, "Extra inputs"),
    ],
)
def test_what_is_no_moment_is_refused(fields: dict[str, Any], told: str) -> None:
    """At publish, with what to write instead."""
    with pytest.raises(ValidationError, match=told):
        DueTime.model_validate(fields)


def test_it_is_stored_as_it_is_written() -> None:
    """What a revision holds is read back as the same."""
    whole = {"after": "3 days", "at": "09:00", "on": ["mon", "tue"]}
    read = DueTime.model_validate(whole)
    assert read.model_dump(mode="json") == whole
    assert DueTime.model_validate(read.model_dump(mode="json")) == read
