from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from pydantic import JsonValue

from workflows.model.delays import Due, due, zone_of
from workflows.model.flow import Timezone
from workflows.model.nodes import DelayUntil

HELSINKI = "Europe/Helsinki"
WORKING = ["mon", "tue", "wed", "thu", "fri"]
SINCE = datetime(2026, 11, 24, 9, tzinfo=UTC)  # a Tuesday, 11:00 in Helsinki


def delay(**fields: Any) -> DelayUntil:
    return DelayUntil.model_validate({"id": "x", "name": "x", "edges": {"next": None}, **fields})


@pytest.mark.parametrize(
    ("fields", "value", "until"),
    [
        ({"on": ["tue"], "at": "11:00"}, None, datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ({"on": ["tue"], "if_past": "end"}, None, SINCE),
        ({"at": "09:00", "days": 1}, None, datetime(2026, 11, 25, 7, tzinfo=UTC)),
        ({"on": WORKING, "at": "09:00", "days": 4}, None, datetime(2026, 11, 30, 7, tzinfo=UTC)),
        ({"on": WORKING, "days": 4}, None, datetime(2026, 11, 30, 9, tzinfo=UTC)),
        ({"date": "2026-12-24", "at": "09:00", "days": -1}, None, datetime(2026, 12, 23, 7, tzinfo=UTC)),
        ({"date": "2026-11-24", "at": "11:00", "if_past": "end"}, None, SINCE),
        ({"property": "renewal_date", "at": "10:00", "days": -3}, "2027-01-04", datetime(2027, 1, 1, 8, tzinfo=UTC)),
    ],
)
def test_a_delay_ends_at_an_instant(fields: dict[str, Any], value: JsonValue, until: datetime) -> None:
    """At a weekday's moment, so many days later, at a date, or at that of a property; just now is not past."""
    assert due(delay(**fields), SINCE, HELSINKI, value) == Due(until)


@pytest.mark.parametrize("then", ["go_on", "end"])
@pytest.mark.parametrize(
    "fields",
    [{"date": date(2026, 11, 24), "at": time(10, 59)}, {"property": "renewal_date", "days": -30, "at": time(11)}],
)
def test_a_past_date_is_not_waited_for(fields: dict[str, Any], then: str) -> None:
    """The record goes on or leaves, as the node says of what is past."""
    found = due(delay(**fields, if_past=then), SINCE, HELSINKI, "2026-12-01")
    assert (found.until, found.then) == (None, then)
    assert found.because.endswith(" UTC is past")


@pytest.mark.parametrize("then", ["go_on", "end"])
@pytest.mark.parametrize(
    ("value", "because"),
    [
        (None, "renewal_date is empty"),
        ("", "renewal_date is empty"),
        ("soon", "'soon' is no date; it reads as '2026-12-24' or '2026-12-24T09:00:00+02:00'"),
        ("9999-12-31", "9999-12-31 and 1 days lies outside the calendar, which has the years 1 to 9999"),
    ],
)
def test_an_empty_or_unreadable_date_is_not_waited_for(value: JsonValue, because: str, then: str) -> None:
    """The record goes on or leaves, as the node says of what is empty, and the reason is told."""
    node = delay(property="renewal_date", days=1, if_empty=then)
    assert due(node, SINCE, HELSINKI, value) == Due(None, then, because)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("property_", "value", "zone"),
    [
        ("time_zone", "Asia/Tokyo", "Asia/Tokyo"),
        ("time_zone", "Asia/Nowhere", HELSINKI),
        ("time_zone", "../../../etc/passwd", HELSINKI),
        ("time_zone", "", HELSINKI),
        ("time_zone", None, HELSINKI),
        ("time_zone", 9, HELSINKI),
        (None, "Asia/Tokyo", HELSINKI),
    ],
)
def test_a_flows_days_begin_where_the_record_is_if_it_says_so(
    property_: str | None, value: JsonValue, zone: str
) -> None:
    """A value that names no zone is not followed, least of all as a path."""
    assert zone_of(Timezone(zone=HELSINKI, property=property_), value) == zone
