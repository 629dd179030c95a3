from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, TypeAdapter, ValidationError

from tests.condition_trees import CONDITION, NOWS, points, stretches, zones
from workflows.model.conditions import Facts, judge
from workflows.model.facts import Past
from workflows.model.moments import Clock, bounds, stretch, window, written
from workflows.model.time_points import Stretch, TimePoint, TimeRange

POINT = TypeAdapter(TimePoint)
STRETCH = TypeAdapter(Stretch)
NOON = datetime(2026, 12, 24, 10, 0, tzinfo=UTC)  # a Thursday; noon in Helsinki
HELSINKI = Clock(NOON, "Europe/Helsinki")


def span(words: JsonValue, clock: Clock = HELSINKI) -> tuple[str, str]:
    """The beginning of a point and its end, as the clocks of UTC show them."""
    found = bounds(POINT.validate_python(words), clock, lambda _name, _reading: None)
    assert found is not None
    return short(found.start), short(found.end)


def short(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(" ").removesuffix("+00:00").removesuffix(":00")


def met(
    test: dict[str, Any], value: JsonValue, now: datetime = NOON, zone: str = "Europe/Helsinki", **more: Any
) -> bool:
    facts = Facts(properties={"d": value, **more.pop("properties", {})}, now=now, zone=zone, **more)
    return judge(CONDITION.validate_python({"property": "d", **test}), facts).met


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("now", "2026-12-24 10:00", "2026-12-24 10:00:00.000001"),
        ("now - 2 hours", "2026-12-24 08:00", "2026-12-24 08:00:00.000001"),
        ("today", "2026-12-23 22:00", "2026-12-24 22:00"),
        ("Today - 3 days", "2026-12-20 22:00", "2026-12-21 22:00"),
        ("tomorrow", "2026-12-24 22:00", "2026-12-25 22:00"),
        ("today + 9 hours", "2026-12-24 07:00", "2026-12-24 07:00:00.000001"),
        ("this week", "2026-12-20 22:00", "2026-12-27 22:00"),
        ("this_week - 2 weeks", "2026-12-06 22:00", "2026-12-13 22:00"),
        ("this week + 1 day", "2026-12-21 22:00", "2026-12-22 22:00"),
        ("last month", "2026-10-31 22:00", "2026-11-30 22:00"),
        ("this month - 2 months", "2026-09-30 21:00", "2026-10-31 22:00"),
        ("this month + 2 weeks", "2026-12-14 22:00", "2026-12-15 22:00"),
        ("next quarter", "2026-12-31 22:00", "2027-03-31 21:00"),
        ("this year - 1 year", "2024-12-31 22:00", "2025-12-31 22:00"),
        ("2026-12-24", "2026-12-23 22:00", "2026-12-24 22:00"),
        ("2024-02-29 + 1 year", "2025-02-27 22:00", "2025-02-28 22:00"),
        ("2026-01-31 + 1 month", "2026-02-27 22:00", "2026-02-28 22:00"),
        ("2026-12-24T09:00", "2026-12-24 07:00", "2026-12-24 07:00:00.000001"),
        ("2026-12-24T09:00+05:00", "2026-12-24 04:00", "2026-12-24 04:00:00.000001"),
        ("2026-03-29T03:30", "2026-03-29 01:30", "2026-03-29 01:30:00.000001"),
        ("2026-10-25T03:30", "2026-10-25 00:30", "2026-10-25 00:30:00.000001"),
        ("2026-03-28T03:30 + 1 day", "2026-03-29 01:30", "2026-03-29 01:30:00.000001"),
        ("2026-03-28T03:30 + 24 hours", "2026-03-29 01:30", "2026-03-29 01:30:00.000001"),
        ("2026-10-24T12:00 + 1 day", "2026-10-25 10:00", "2026-10-25 10:00:00.000001"),
        ("2026-10-24T12:00 + 24 hours", "2026-10-25 09:00", "2026-10-25 09:00:00.000001"),
        ({"at": "today", "zone": "America/New_York"}, "2026-12-24 05:00", "2026-12-25 05:00"),
        ({"at": "this quarter", "fiscal_start": 2}, "2026-10-31 22:00", "2027-01-31 22:00"),
        ({"at": "this year", "fiscal_start": 4}, "2026-03-31 21:00", "2027-03-31 21:00"),
    ],
    ids=str,
)
def test_a_point_is_a_span_of_its_zone(words: JsonValue, start: str, end: str) -> None:
    """A day begins where the zone's does, whatever its length; the wall clock is moved first, what elapses last."""
    assert span(words) == (start, end)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("today", "2026-12-24", "2026-12-25"),
        ("yesterday", "2026-12-23", "2026-12-24"),
        ("this week", "2026-12-21", "2026-12-28"),
        ("this_week so far", "2026-12-21", "2026-12-24 10:00:00.000001"),
        ("last 2 months", "2026-10-01", "2026-12-01"),
        ("last week", "2026-12-14", "2026-12-21"),
        ("next 3 days", "2026-12-25", "2026-12-28"),
        ("next quarter", "2027-01-01", "2027-04-01"),
        ("this year so far", "2026-01-01", "2026-12-24 10:00:00.000001"),
        ({"at": "last quarter", "fiscal_start": 12}, "2026-09-01", "2026-12-01"),
        ({"at": "this year", "fiscal_start": 12}, "2026-12-01", "2027-12-01"),
    ],
    ids=str,
)
def test_a_stretch_has_whole_units(words: JsonValue, start: str, end: str) -> None:
    """The last and the next units do not hold the present one; `so far` ends with now."""
    found = stretch(STRETCH.validate_python(words), Clock(NOON, "UTC"))
    assert (short(found.start).removesuffix(" 00:00"), short(found.end).removesuffix(" 00:00")) == (start, end)


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ({"before": "2026-12-24"}, "2026-12-23", True),
        ({"before": "2026-12-24"}, "2026-12-24", False),
        ({"after": "2026-12-24"}, "2026-12-24", False),
        ({"after": "2026-12-24"}, "2026-12-24T23:59:59", False),
        ({"after": "2026-12-24"}, "2026-12-25", True),
        ({"on_or_after": "2026-12-24"}, "2026-12-24", True),
        ({"on_or_before": "2026-12-24"}, "2026-12-24T23:59", True),
        ({"on_or_before": "now"}, "2026-12-24T10:00:00Z", True),
        ({"before": "now"}, "2026-12-24T10:00:00Z", False),
        ({"before": "now"}, "2026-12-24T12:00", False),
        ({"before": "today"}, "2026-12-23T21:59:59Z", True),
        ({"before": "today"}, "2026-12-23T22:00:00Z", False),
        ({"between": ["2026-12-01", "2026-12-24"]}, "2026-12-24T15:00", True),
        ({"between": {"after": "2026-12-01", "before": "2026-12-24"}}, "2026-12-24", False),
        ({"between": {"after": "2026-12-01", "before": "2026-12-24"}}, "2026-12-01T12:00", False),
        ({"not_between": ["2026-12-01", "2026-12-24"]}, "2026-12-25", True),
        ({"in": "this week"}, "2026-12-27", True),
        ({"in": "last 2 months"}, "2026-12-01", False),
        ({"within_last": "7 days"}, "2026-12-17T10:00:00Z", True),
        ({"within_last": "7 days"}, "2026-12-17T09:59:59Z", False),
        ({"within_last": "7 days"}, "2026-12-24T10:00:01Z", False),
        ({"more_than_ago": "7 days"}, "2026-12-17T09:59:59Z", True),
        ({"more_than_ago": "7 days"}, "2026-12-17T10:00:00Z", False),
        ({"within_next": "7 days"}, "2026-12-31T10:00:00Z", True),
        ({"within_next": "7 days"}, "2026-12-24T09:59:59Z", False),
        ({"more_than_from_now": "7 days"}, "2026-12-31T10:00:00Z", False),
        ({"more_than_from_now": "7 days"}, "2027-01-01", True),
        ({"before": "2026-12-24"}, "soon", False),
        ({"not_between": ["2026-12-01", "2026-12-24"]}, "soon", True),
        ({"before": "2030-01-01"}, 1766563200000, False),
        ({"before": "2026-12-24"}, None, False),
        ({"before": "2026-12-24", "if_empty": True}, "", True),
        ({"in": "this week", "read": "anniversary"}, "1984-12-26", True),
        ({"in": "this week", "read": "anniversary"}, "1984-12-29", False),
        ({"on_or_after": "2026-12-24", "read": "date"}, "2026-12-24T00:00:00+14:00", True),
        ({"on_or_after": "2026-12-24", "read": "value"}, "2026-12-24T00:00:00+14:00", False),
    ],
    ids=str,
)
def test_each_time_operator(test: dict[str, Any], value: JsonValue, holds: bool) -> None:
    """A date is the calendar's, and begins at midnight of the zone; what is after it comes when it is over."""
    assert met(test, value) is holds


def test_a_date_is_not_an_instant() -> None:
    """Christmas begins at midnight wherever the record is judged, eight hours earlier in Helsinki than in New York."""
    for zone, beginning in (("Europe/Helsinki", 22), ("America/New_York", 29)):
        begun = datetime(2026, 12, 23, tzinfo=UTC) + timedelta(hours=beginning)
        assert met({"on_or_before": "now"}, "2026-12-24", begun, zone)
        assert not met({"on_or_before": "now"}, "2026-12-24", begun - timedelta(microseconds=1), zone)


def test_a_condition_becomes_true_by_time_alone() -> None:
    """Nothing of the record changes, and more than a week later it has been more than a week."""
    later = [NOON + timedelta(days=days) for days in (0, 6, 8)]
    assert [met({"more_than_ago": "7 days"}, NOON.isoformat(), now) for now in later] == [False, False, True]


def test_a_leap_day_comes_again_on_the_28th() -> None:
    """The anniversary of 29 February is the last day of February in a year that has no 29th."""
    born = "2024-02-29"
    assert met({"in": "today", "read": "anniversary"}, born, datetime(2026, 2, 28, 12, tzinfo=UTC))
    assert met({"in": "today", "read": "anniversary"}, born, datetime(2028, 2, 29, 12, tzinfo=UTC))
    assert not met({"in": "today", "read": "anniversary"}, born, datetime(2028, 2, 28, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("test", "renewal", "holds"),
    [
        ({"before": {"property": "renewal"}}, "2026-12-25", True),
        ({"before": {"property": "renewal"}}, "2026-12-24", False),
        ({"on_or_before": {"property": "renewal"}}, "2026-12-24", True),
        ({"before": {"property": "renewal", "offset": "-3 days"}}, "2026-12-27", False),
        ({"before": {"property": "renewal", "offset": "-3 days"}}, "2026-12-28", True),
        ({"before": {"property": "renewal", "offset": "- 1 month - 2 hours"}}, "2027-01-24T12:00", True),
        ({"between": [{"property": "renewal"}, "2027-01-01"]}, "2026-12-24", True),
        ({"before": {"property": "renewal"}}, None, False),
        ({"before": {"property": "renewal"}, "if_empty": True}, None, True),
        ({"not_between": [{"property": "renewal"}, "2027-01-01"]}, "soon", False),
        ({"before": {"property": "renewal", "otherwise": "2027-01-01"}}, None, True),
        ({"before": {"property": "renewal", "otherwise": "2027-01-01"}}, "2026-12-01", False),
        ({"on_or_after": {"property": "renewal", "read": "anniversary"}}, "1990-12-24", True),
        ({"on_or_after": {"property": "renewal", "read": "anniversary"}}, "1990-12-25", False),
        ({"on_or_after": {"property": "renewal", "read": "date"}}, "2026-12-24T23:00-11:00", True),
    ],
    ids=str,
)
def test_a_point_may_be_another_property(test: dict[str, Any], renewal: JsonValue, holds: bool) -> None:
    """Moved by an offset, read as a date or an anniversary; where it is empty, its `otherwise` or the flag decides."""
    assert met(test, "2026-12-24", properties={"renewal": renewal}) is holds


def test_a_property_is_asked_when_it_was_changed() -> None:
    """Its own last change, that of another as a point, or nothing known of one."""
    history = {"d": (Past(value="x", at=NOON - timedelta(days=9)), Past(value="y", at=NOON - timedelta(days=3)))}
    assert met({"before": "today", "read": "updated"}, "y", history=history)
    assert met({"updated_within": "3 days"}, "y", history=history)
    assert met({"not_updated_within": "2 days"}, "y", history=history)
    assert met({"updated_within": "3 days"}, None, history=history)
    assert not met({"updated_within": "3 days"}, "y")
    assert met({"not_updated_within": "3 days"}, "y")
    assert not met({"before": "today", "read": "updated"}, "y")
    assert met({"before": "today", "read": "updated", "if_empty": True}, "y")
    assert met({"after": {"property": "d", "read": "updated"}}, "2026-12-22", history=history)
    assert not met({"before": {"property": "d", "read": "updated"}}, "2026-12-22", history=history)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ({"before": "soon"}, "'soon' is no point of time"),
        ({"before": "2026-02-30"}, "no day of the calendar"),
        ({"before": "2026-01-01T25:00"}, "no day of the calendar, or no time of a day"),
        ({"before": "0999-01-01"}, "is no point of time"),
        ({"before": "today - 3"}, "write a number and a unit"),
        ({"before": "today - 101 years"}, "more than 100 years"),
        ({"before": "today - 999999 hours"}, "more than 100 years"),
        ({"before": {}}, "or a `property`"),
        ({"before": {"at": "today", "property": "b"}}, "or a `property`"),
        ({"before": {"at": "today", "offset": "-1 day"}}, "stand beside a `property`"),
        ({"before": {"property": "b", "otherwise": {"property": "c"}}}, "not another property's"),
        ({"before": {"property": "b", "offset": "soon"}}, "write a number and a unit"),
        ({"before": {"at": "today", "zone": "Mars"}}, "no time zone"),
        ({"before": {"at": "today", "fiscal_start": 4}}, "beside a quarter or a year"),
        ({"before": {"at": "this year", "fiscal_start": 13}}, "less than or equal to 12"),
        ({"before": 5}, "valid dictionary"),
        ({"in": "2 weeks"}, "no stretch of time"),
        ({"in": "this 2 weeks"}, "no stretch of time"),
        ({"in": "last week so far"}, "no stretch of time"),
        ({"in": "last 0 days"}, "not within 100 years"),
        ({"in": "last 101 years"}, "not within 100 years"),
        ({"in": {"at": "this week", "fiscal_start": 4}}, "beside a quarter or a year"),
        ({"between": ["today"]}, "valid dictionary"),
        ({"between": {"after": "today"}}, "give two points"),
        ({"between": {"after": "today", "on_or_after": "today", "before": "today"}}, "give two points"),
        ({"within_last": "soon"}, "is not a duration"),
        ({"is": "x", "read": "updated"}, "stands beside a comparison of times"),
        ({"updated_within": "7 days", "read": "updated"}, "stands beside a comparison of times"),
        ({"updated_within": "7 days", "if_empty": True}, "without `if_empty`"),
        ({"has_ever_been": "x", "if_empty": True}, "without `if_empty`"),
    ],
    ids=str,
)
def test_a_time_that_cannot_be_read_is_refused(test: dict[str, Any], said: str) -> None:
    """What is no point, no stretch or no length of time is a mistake at once, and is told in plain words."""
    with pytest.raises(ValidationError) as caught:
        CONDITION.validate_python({"property": "d", **test})
    assert said in str(caught.value)


@given(points, st.sampled_from(NOWS), zones)
def test_a_point_cuts_time_in_two(words: Any, now: datetime, zone: str) -> None:
    """What is before a point is not on or after it, what is after it not on or before it; it never ends too early."""
    point, clock = POINT.validate_python(words), Clock(now, zone)
    read = {"value": "2026-12-24", "date": "2026-12-24", "anniversary": "2026-12-24", "updated": now.isoformat()}
    found = bounds(point, clock, lambda _name, reading: written(read[reading]))
    assert found is not None
    assert found.start <= found.end
    for one, other in (("before", "on_or_after"), ("on_or_before", "after")):
        first, second = (
            window(each, point, clock, lambda _name, reading: written(read[reading])) for each in (one, other)
        )
        assert first is not None
        assert second is not None
        assert first.end == second.start


@given(stretches, st.sampled_from(NOWS), zones)
def test_a_stretch_lies_where_it_says(words: Any, now: datetime, zone: str) -> None:
    """This one holds now, the last ends before it, the next begins after it."""
    found = stretch(STRETCH.validate_python(words), Clock(now, zone))
    away = (words if isinstance(words, str) else words["at"]).partition(" ")[0]
    assert found.start is not None
    assert found.end is not None
    assert found.start <= found.end
    match away:
        case "this" | "today":
            assert now in found
        case "last" | "yesterday":
            assert found.end <= now
        case _:
            assert found.start > now


@given(points | st.tuples(points, points).map(list))
def test_points_are_written_as_they_were_given(words: Any) -> None:
    """Plain words stay plain words, and what is read back is the same."""
    kind: TypeAdapter[Any] = TypeAdapter(TimeRange if isinstance(words, list) else TimePoint)
    point = kind.validate_python(words)
    assert kind.validate_json(kind.dump_json(point)) == point
    if isinstance(words, str):
        assert kind.dump_python(point, mode="json") == words
