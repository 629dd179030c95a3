from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import JsonValue, TypeAdapter, ValidationError

from tests.model.clocks import places, shown, watched
from workflows.model.when import (
    MIDNIGHT,
    CalendarDate,
    ClockTime,
    Weekday,
    ZoneName,
    from_property,
    in_utc,
    local_instant,
    moment,
    next_occurrence,
    on_date,
    wall_clock,
)

CLOCK: TypeAdapter[time] = TypeAdapter(ClockTime)
DATE: TypeAdapter[date] = TypeAdapter(CalendarDate)
ZONE: TypeAdapter[str] = TypeAdapter(ZoneName)
NEW_YORK, HELSINKI, APIA, NUUK = "America/New_York", "Europe/Helsinki", "Pacific/Apia", "America/Nuuk"
DAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

clock_times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
weekdays = st.sets(st.sampled_from(DAYS)).map(lambda some: tuple(sorted(some)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str, zone: str) -> datetime:
    there = datetime.fromisoformat(text)
    return local_instant(there.date(), there.time(), zone)


@pytest.mark.parametrize(("text", "found"), [("09:00", time(9)), ("9:05", time(9, 5)), (time(23, 59), time(23, 59))])
def test_a_time_of_day_reads_as_people_write_it(text: object, found: time) -> None:
    """Hours and minutes, the hour with or without a nought before it."""
    assert CLOCK.validate_python(text) == found


@given(clock_times)
def test_a_time_of_day_survives_a_revision(at: time) -> None:
    """Stored as hours and minutes, and read back the same."""
    assert CLOCK.validate_json(CLOCK.dump_json(at)) == at


@pytest.mark.parametrize(
    "text", ["", "24:00", "09:60", "9", "9am", "09:00:30", time(9, 0, 30), "0\u0669:00", 540, None]
)
def test_what_is_no_time_of_day_is_refused(text: object) -> None:
    """Nor does anything finer than a minute get lost in silence."""
    with pytest.raises(ValidationError, match="no time of day; write hours and minutes, as '09:00'"):
        CLOCK.validate_python(text)


@given(st.dates())
def test_a_date_survives_a_revision(day: date) -> None:
    """Stored as ISO 8601 has it, and read back the same."""
    assert DATE.validate_json(DATE.dump_json(day)) == day == DATE.validate_python(day)


@pytest.mark.parametrize(
    "text", ["", "2026-02-30", "24.12.2026", "20261224", "2026-W52-4", "2026-12-24T09:00", utc("2026-12-24"), None]
)
def test_what_is_no_date_is_refused(text: object) -> None:
    """A day that is not in the calendar, another way to write one, or an instant: always the same sentence."""
    with pytest.raises(ValidationError, match="no date; write year, month and day, as '2026-12-24'"):
        DATE.validate_python(text)


@pytest.mark.parametrize("name", ["Europe/Helsinki", "UTC", "Asia/Kathmandu", "EST5EDT"])
def test_a_zone_is_a_name_of_the_database(name: str) -> None:
    """Old names of it too."""
    assert ZONE.validate_python(name) == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Helsinky", "did you mean 'Europe/Helsinki'?"),
        ("../../../etc/passwd", "write one as 'Europe/Helsinki'"),
        ("/etc/localtime", ""),
        ("localtime", ""),
        ("Factory", ""),
        ("", ""),
    ],
)
def test_what_is_no_zone_is_refused(name: str, hint: str) -> None:
    """A path is no name, and neither is a zone that each computer has its own idea of."""
    with pytest.raises(ValidationError, match="is no time zone") as refused:
        ZONE.validate_python(name)
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    ("there", "zone", "instant"),
    [
        ("2026-03-07T02:30", NEW_YORK, "2026-03-07T07:30"),
        pytest.param("2026-03-08T02:30", NEW_YORK, "2026-03-08T07:30", id="a gap: 03:30 EDT"),
        pytest.param("2026-11-01T01:30", NEW_YORK, "2026-11-01T05:30", id="an overlap: the first, EDT"),
        pytest.param("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:45", id="a gap of half an hour"),
        pytest.param("2026-04-05T01:45", "Australia/Lord_Howe", "2026-04-04T14:45", id="an overlap of half an hour"),
        ("2026-01-01T00:00", "Asia/Kathmandu", "2025-12-31T18:15"),
        pytest.param("2011-12-30T10:00", APIA, "2011-12-30T20:00", id="a day that never was: 10:00 on the next"),
        pytest.param("1971-06-01T12:00", "Africa/Monrovia", "1971-06-01T12:44:30", id="seconds behind UTC"),
        pytest.param("2026-01-15T12:00", "Europe/Dublin", "2026-01-15T12:00", id="a summer time that is negative"),
        pytest.param("2026-07-15T12:00", "Europe/Dublin", "2026-07-15T11:00", id="a standard time in summer"),
        pytest.param("2026-03-29T00:00", "Asia/Beirut", "2026-03-28T22:00", id="a day that begins at one"),
        pytest.param("2026-11-01T00:30", "America/Havana", "2026-11-01T04:30", id="a day that begins twice"),
    ],
)
def test_a_wall_clock_moment_is_one_instant(there: str, zone: str, instant: str) -> None:
    """One that is skipped moves forward, and of two that look alike it is the first."""
    assert wall(there, zone) == utc(instant)


def test_the_second_of_two_moments_is_never_meant() -> None:
    """A time that says it is the second, as one read from a clock does, is that of the first."""
    assert local_instant(date(2026, 11, 1), time(1, 30, fold=1), NEW_YORK) == utc("2026-11-01T05:30")


@given(places(), clock_times)
@example(("Africa/Monrovia", utc("1972-01-07T00:00")), time(0, 20))
@example((APIA, utc("2011-12-30T12:00")), time(12))
@example(("Pacific/Kwajalein", utc("1993-08-21T12:00")), time(12))
def test_an_instant_is_the_one_at_which_the_clocks_are_seen_to_show_it(place: tuple[str, datetime], at: time) -> None:
    """Whoever watches the clocks of any zone at any time finds the same instant."""
    zone, near = place
    day = shown(near, zone).date()
    assert local_instant(day, at, zone) == watched(day, at, zone)


@given(places())
def test_the_clocks_show_what_they_are_asked_for(place: tuple[str, datetime]) -> None:
    """Reading the clocks and asking when they show that leads back, or to the first of two."""
    zone, instant = place
    there = wall_clock(instant, zone)
    back = local_instant(there.date(), there.time(), zone)
    assert back <= instant
    assert wall_clock(back, zone) == there


TUESDAY_11 = "2026-11-24T09:00"  # 11:00 in Helsinki


@pytest.mark.parametrize(
    ("now", "zone", "on", "at", "then"),
    [
        pytest.param("2026-11-23T12:00", HELSINKI, ("tue",), time(11), TUESDAY_11, id="on Monday"),
        pytest.param("2026-11-24T08:59:59", HELSINKI, ("tue",), time(11), TUESDAY_11, id="a second before"),
        pytest.param(TUESDAY_11, HELSINKI, ("tue",), time(11), "2026-12-01T09:00", id="exactly then: next week"),
        pytest.param("2026-11-24T09:01", HELSINKI, ("tue", "thu"), time(11), "2026-11-26T09:00", id="the next of two"),
        pytest.param("2026-11-24T08:00", HELSINKI, (), time(11), TUESDAY_11, id="a time alone: today"),
        pytest.param(TUESDAY_11, HELSINKI, (), time(11), "2026-11-25T09:00", id="a time alone: tomorrow"),
        pytest.param("2026-11-23T12:00", HELSINKI, ("tue",), None, "2026-11-23T22:00", id="a day alone: as it begins"),
        pytest.param("2026-11-24T12:34:56", HELSINKI, ("tue",), None, "2026-11-24T12:34:56", id="on the day: at once"),
        pytest.param("2026-11-24T21:30", HELSINKI, ("tue",), None, "2026-11-24T21:30", id="its last half hour"),
        pytest.param("2026-11-24T22:00", HELSINKI, ("tue",), None, "2026-11-30T22:00", id="as it ends: next week"),
        pytest.param("2026-11-22T22:00", HELSINKI, ("mon",), MIDNIGHT, "2026-11-29T22:00", id="midnight, at midnight"),
        pytest.param("2026-03-08T06:00", NEW_YORK, (), time(2, 30), "2026-03-08T07:30", id="skipped: an hour later"),
        pytest.param("2026-03-08T07:30", NEW_YORK, (), time(2, 30), "2026-03-09T06:30", id="after it: tomorrow"),
        pytest.param("2026-11-01T06:00", NEW_YORK, (), time(1, 30), "2026-11-02T06:30", id="the second does not count"),
        pytest.param(
            "2026-03-29T01:10", NUUK, ("sat",), time(23, 30), "2026-03-29T01:30", id="skipped into the next day"
        ),
        pytest.param("2011-12-30T15:00", APIA, ("fri",), time(11), "2011-12-30T21:00", id="a Friday that never was"),
    ],
)
def test_the_next_moment_is_strictly_after_now(
    now: str, zone: str, on: tuple[Weekday, ...], at: time | None, then: str
) -> None:
    """By the clocks of the zone; a weekday alone is its beginning, or at once on such a day."""
    assert next_occurrence(utc(now), zone, on, at) == utc(then)


@given(places(), weekdays, clock_times | st.none())
@example((APIA, utc("2011-12-30T15:00")), ("fri",), time(11))
@example((NUUK, utc("2026-03-29T01:10")), ("sat",), time(23, 30))
def test_the_next_moment_is_the_first_that_is_seen(
    place: tuple[str, datetime], on: tuple[Weekday, ...], at: time | None
) -> None:
    """Whoever watches the clocks for two weeks sees no earlier such moment after now, and this one."""
    zone, now = place
    today = shown(now, zone).date()
    days = [today + timedelta(days=number) for number in range(-3, 12)]
    seen = [watched(day, at or MIDNIGHT, zone) for day in days if not on or f"{day:%a}".lower() in on]
    at_once = at is None and f"{today:%a}".lower() in on
    assert next_occurrence(now, zone, on, at) == (now if at_once else min(each for each in seen if each > now))


@pytest.mark.parametrize(
    ("days", "at", "then"),
    [(0, None, "2026-12-23T22:00"), (-1, time(9), "2026-12-23T07:00"), (7, time(17, 30), "2026-12-31T15:30")],
)
def test_days_count_from_a_date(days: int, at: time | None, then: str) -> None:
    """Before or after it, at a time or as the day begins in the zone."""
    assert on_date(date(2026, 12, 24), days, at, HELSINKI) == utc(then)


@given(places(), st.integers(-400, 400), clock_times)
def test_a_day_is_as_far_from_a_date_as_the_calendar_says(place: tuple[str, datetime], days: int, at: time) -> None:
    """However often the clocks are changed between the two."""
    zone, near = place
    day = date.fromordinal(near.date().toordinal() + days)
    assert on_date(near.date(), days, at, zone) == watched(day, at, zone)


@pytest.mark.parametrize(
    ("value", "days", "at", "zone", "then"),
    [
        pytest.param("2026-12-24", 0, None, "Asia/Tokyo", "2026-12-23T15:00", id="a date: as it begins, anywhere"),
        pytest.param("2026-12-24", 0, None, "America/Los_Angeles", "2026-12-24T08:00", id="never the day before"),
        pytest.param("2026-12-24", -3, time(10), HELSINKI, "2026-12-21T08:00", id="three days before, at ten"),
        pytest.param("2026-06-01", 5, time(10), NEW_YORK, "2026-06-06T14:00", id="five days after, at ten"),
        pytest.param("2026-12-24T09:30:15Z", 0, None, HELSINKI, "2026-12-24T09:30:15", id="an instant: itself"),
        pytest.param("2026-12-24 09:30:15+02:00", 0, None, NEW_YORK, "2026-12-24T07:30:15", id="in whatever zone"),
        pytest.param("2026-12-24T23:30:00Z", 0, time(10), HELSINKI, "2026-12-25T08:00", id="at ten of the day there"),
        pytest.param("2026-03-07T17:00:00Z", 1, None, NEW_YORK, "2026-03-08T16:00", id="a day later by the clocks"),
        pytest.param("2026-12-24T09:30", 0, None, HELSINKI, "2026-12-24T07:30", id="no offset: as the clocks show"),
        pytest.param("2026-12-24T09:30", 1, time(8), HELSINKI, "2026-12-25T06:00", id="no offset, the day after"),
        pytest.param("2026-03-08T02:30", 0, None, NEW_YORK, "2026-03-08T07:30", id="no offset, in a gap"),
    ],
)
def test_a_property_leads_to_an_instant(value: str, days: int, at: time | None, zone: str, then: str) -> None:
    """A date is a day of the calendar, never an instant shifted by the zone; a datetime is an instant."""
    assert from_property(value, days, at, zone) == utc(then)


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_property_leads_nowhere(value: JsonValue) -> None:
    """It is no mistake either."""
    assert from_property(value, 1, time(9), HELSINKI) is None


@pytest.mark.parametrize(
    "value",
    ["soon", "2026-02-30", "2026-12-24T25:00Z", "2026-12-24\n", "2026-W52-4", "20261224", 1766534400000, True, [], {}],
)
def test_a_property_that_is_no_date_is_refused(value: JsonValue) -> None:
    """A number too: of what unit, and in what zone, nobody knows."""
    with pytest.raises(ValueError, match="is no date; it reads as '2026-12-24' or"):
        from_property(value, 0, None, HELSINKI)


@given(places(), st.integers(-840, 840))
def test_an_instant_is_the_same_in_whatever_zone_it_is_written(place: tuple[str, datetime], offset: int) -> None:
    """Neither the offset of the text nor the zone of the flow moves it."""
    zone, instant = place
    text = instant.astimezone(timezone(timedelta(minutes=offset))).isoformat()
    assert from_property(text, 0, None, zone) == instant


@given(places(), st.integers(-30, 30).filter(bool), clock_times | st.none())
def test_days_from_an_instant_are_counted_by_the_clocks(
    place: tuple[str, datetime], days: int, at: time | None
) -> None:
    """Its day in the zone, so many days on, at the time given or that which the clocks showed."""
    zone, instant = place
    there = shown(instant.replace(second=0), zone)
    seen = watched(there.date() + timedelta(days=days), at or there.time(), zone)
    assert from_property(instant.replace(second=0).isoformat(), days, at, zone) == seen


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\d([T ][\d:.,+Z-]{1,20})?", fullmatch=True), places())
def test_any_text_is_a_moment_or_a_mistake(text: str, place: tuple[str, datetime]) -> None:
    """Nothing but ValueError leaves the reader, at the edges of the calendar too."""
    try:
        assert from_property(text, -1, None, place[0]) is None or text
    except ValueError:
        return


def test_a_value_reads_as_what_it_is() -> None:
    """A date, a datetime with its offset, or one without."""
    assert moment("2026-12-24") == date(2026, 12, 24)
    assert moment("2026-12-24T09:00Z") == utc("2026-12-24T09:00")
    assert moment("2026-12-24T09:00") == datetime.fromisoformat("2026-12-24T09:00")
    assert moment(None) is None


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda: local_instant(date.max, time(23), NEW_YORK), id="a last evening in the west"),
        pytest.param(lambda: local_instant(date.min, time(1), "Asia/Tokyo"), id="a first morning in the east"),
        pytest.param(lambda: wall_clock(LAST, "Asia/Tokyo"), id="a clock after the last day"),
        pytest.param(lambda: wall_clock(FIRST, NEW_YORK), id="a clock before the first day"),
        pytest.param(lambda: next_occurrence(LAST, "UTC", (), time(9)), id="no next moment"),
        pytest.param(lambda: next_occurrence(FIRST, "UTC", (), time(9)), id="no day before"),
        pytest.param(lambda: on_date(date.max, 1, None, "UTC"), id="a day after the last"),
        pytest.param(lambda: on_date(date.min, -1, None, "UTC"), id="a day before the first"),
        pytest.param(lambda: on_date(date.min, 10**30, None, "UTC"), id="more days than any calendar has"),
        pytest.param(lambda: in_utc(datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))), id="an instant after"),
    ],
)
def test_beyond_the_calendar_is_a_sentence(ask: object) -> None:
    """Not an OverflowError, which no caller expects."""
    assert callable(ask)
    with pytest.raises(ValueError, match="lies outside the calendar, which has the years 1 to 9999"):
        ask()
