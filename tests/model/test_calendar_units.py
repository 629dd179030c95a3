from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.when import Unit, shift, start_of

DAY = timedelta(days=1)
days = st.dates(date(1900, 1, 1), date(2200, 1, 1))
units = st.sampled_from(["day", "week", "month", "quarter", "year"])


def begins(day: date, unit: Unit, fiscal_start: int) -> bool:
    """Tell whether a day is the first of a unit, by what a wall calendar shows."""
    months = {"month": range(1, 13), "quarter": [(fiscal_start + each) % 12 or 12 for each in (0, 3, 6, 9)]}
    if unit in ("day", "week"):
        return unit == "day" or f"{day:%a}" == "Mon"
    return day.day == 1 and day.month in months.get(unit, [fiscal_start])


@pytest.mark.parametrize(
    ("unit", "fiscal_start", "first"),
    [
        ("day", 1, "2026-08-20"),
        ("week", 1, "2026-08-17"),
        ("month", 1, "2026-08-01"),
        ("quarter", 1, "2026-07-01"),
        ("year", 1, "2026-01-01"),
        ("quarter", 2, "2026-08-01"),
        ("year", 4, "2026-04-01"),
        ("year", 10, "2025-10-01"),
    ],
)
def test_a_unit_begins_on_its_first_day(unit: Unit, fiscal_start: int, first: str) -> None:
    """Weeks on Monday; quarters and years as the fiscal year has them."""
    assert start_of(unit, date(2026, 8, 20), fiscal_start=fiscal_start) == date.fromisoformat(first)


@given(units, days, st.integers(1, 12))
def test_a_unit_begins_where_a_walk_back_first_meets_a_beginning(unit: Unit, day: date, fiscal_start: int) -> None:
    """Leafing back day by day, one comes to the same day."""
    first = day
    while not begins(first, unit, fiscal_start):
        first -= DAY
    assert start_of(unit, day, fiscal_start=fiscal_start) == first


@pytest.mark.parametrize(
    ("day", "count", "unit", "then"),
    [
        ("2026-01-31", 1, "month", "2026-02-28"),
        ("2028-01-31", 1, "month", "2028-02-29"),
        ("2028-02-29", 1, "year", "2029-02-28"),
        ("2026-03-31", -1, "quarter", "2025-12-31"),
        ("2026-01-15", -13, "month", "2024-12-15"),
        ("2026-12-31", 2, "week", "2027-01-14"),
        ("2026-03-01", -1, "day", "2026-02-28"),
    ],
)
def test_units_count_from_a_day(day: str, count: int, unit: Unit, then: str) -> None:
    """Where a month is too short for the day, it is the month's last."""
    assert shift(date.fromisoformat(day), count, unit) == date.fromisoformat(then)


@given(days, st.integers(-40, 40), st.sampled_from(["month", "quarter", "year"]))
def test_as_many_months_begin_on_the_way(day: date, count: int, unit: Unit) -> None:
    """Whoever leafs from one day to the other turns as many leaves as the unit has months."""
    there = shift(day, count, unit)
    way = [date.fromordinal(each) for each in range(min(day, there).toordinal(), max(day, there).toordinal() + 1)]
    leaves = sum(one.month != other.month for one, other in pairwise(way))
    assert leaves == abs(count) * {"month": 1, "quarter": 3, "year": 12}[unit]
    assert there.day == day.day or (there.day < day.day and (there + DAY).day == 1)


@pytest.mark.parametrize("unit", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("count", [-(10**30), -200_000_000, 200_000_000, 10**30])
def test_beyond_the_calendar_is_a_sentence(unit: Unit, count: int) -> None:
    """Not an OverflowError, which no caller expects."""
    with pytest.raises(ValueError, match="lies outside the calendar"):
        shift(date(2026, 1, 1), count, unit)
