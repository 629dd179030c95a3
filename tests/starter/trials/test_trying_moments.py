from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starter.trials import moments
from tests.starter.conftest import Alone


@pytest.mark.parametrize(
    ("words", "instant", "wall", "note"),
    [
        ("2_days --from 2026-11-25T09:00Z", "2026-11-27T09:00:00Z", "2026-11-27 09:00:00", ""),
        (
            "2_days --from 2026-03-28T09:00 --zone Europe/Helsinki",
            "2026-03-30T07:00:00Z",
            "2026-03-30 10:00:00",
            "the clocks change in between: time elapses, so they show 10:00 and not 09:00",
        ),
        (
            "--on tue,thu --at-time 11:00 --zone Europe/Helsinki --from 2026-11-24T11:00",
            "2026-11-26T09:00:00Z",
            "2026-11-26 11:00:00",
            "",
        ),
        ("--on fri --from 2026-11-25", "2026-11-27T00:00:00Z", "2026-11-27 00:00:00", ""),
        ("--at-time 09:30 --from 2026-11-25T09:30Z", "2026-11-26T09:30:00Z", "2026-11-26 09:30:00", ""),
        (
            "--date 2026-12-24 --days -3 --at-time 09:00 --from 2026-11-25",
            "2026-12-21T09:00:00Z",
            "2026-12-21 09:00:00",
            "",
        ),
        (
            "--date 2026-12-24T09:00:00+02:00 --from 2026-11-25 --zone Asia/Tokyo",
            "2026-12-24T07:00:00Z",
            "2026-12-24 16:00:00",
            "",
        ),
        (
            "--date 2026-03-29 --at-time 03:30 --zone Europe/Helsinki --from 2026-01-01",
            "2026-03-29T01:30:00Z",
            "2026-03-29 04:30:00",
            "the clocks skip 03:30 that day, so it is 04:30",
        ),
        (
            "--date 2026-10-25 --at-time 03:30 --zone Europe/Helsinki --from 2026-01-01",
            "2026-10-25T00:30:00Z",
            "2026-10-25 03:30:00",
            "the clocks show 03:30 twice that day; this is the first time",
        ),
        (
            "--date 2011-12-30 --zone Pacific/Apia --from 2011-01-01",
            "2011-12-30T10:00:00Z",
            "2011-12-31 00:00:00",
            "the zone has no 2011-12-30 00:00: the clocks skip it, so it is 2011-12-31 00:00",
        ),
    ],
)
def test_a_delay_ends_at_an_instant(alone: Alone, words: str, instant: str, wall: str, note: str) -> None:
    """The end is told in UTC and on the wall clock, with a word where the clocks are moved."""
    until = json.loads(alone("try", "when", *(word.replace("_", " ") for word in words.split()), "--json").out)["until"]
    assert (until["instant"], until["wall_clock"], until["note"]) == (instant, wall, note)


def test_a_delay_is_told_in_words(alone: Alone) -> None:
    """Beginning and end on a line each."""
    ran = alone("try", "when", "1 day", "--from", "2026-03-29T03:30", "--zone", "Europe/Helsinki")
    assert ran.out == (
        "from   2026-03-29 01:30:00 UTC = Sunday 2026-03-29 04:30:00 in Europe/Helsinki\n"
        "       the clocks skip 03:30 that day, so it is 04:30\n"
        "until  2026-03-30 01:30:00 UTC = Monday 2026-03-30 04:30:00 in Europe/Helsinki\n"
    )


def test_a_date_that_is_past_is_told(alone: Alone) -> None:
    """Nothing is waited for then, and the reason is said."""
    ran = alone("try", "when", "--date", "2020-10-25", "--from", "2026-01-01")
    assert (ran.status, "at once: 2020-10-25 00:00 UTC is past" in ran.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "until when?"),
        (["2 fortnights"], "is not a duration"),
        (["2 days", "--on", "tue"], "leave out --on"),
        (["--on", "tuesday"], "--on: 'tuesday' is not known here; did you mean 'tue'?"),
        (["--on", "tue", "--date", "2026-12-24"], "until when?"),
        (["--at-time", "25:00"], "--at-time: '25:00' is no time of day"),
        (["--date", "x"], "--date: 'x' is no date"),
        (["--date", "2026-02-30"], "--date: '2026-02-30' is no date"),
        (["--date", "2026-12-24", "--days", "99999"], "--days: "),
        (["1 day", "--from", "soon"], "--from: 'soon' is no date"),
        (["1 day", "--from", ""], "--from: write a moment"),
        (["1 day", "--from", "9999-12-31T12:00Z"], "9999"),
        (["1 day", "--zone", "../../etc/passwd"], "is no time zone"),
    ],
)
def test_what_is_no_delay_is_told(alone: Alone, words: list[str], said: str) -> None:
    """A mistake is a sentence that names the option, and the status is 2."""
    ran = alone("try", "when", *words)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert "should not have happened" not in ran.err


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001 - a wall clock's
    st.sampled_from(["Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]),
)
def test_a_note_stands_exactly_where_the_clocks_are_moved(wall: datetime, zone: str) -> None:
    """A moment that the clocks show once and as written has no note, and any other has one."""
    wall = wall.replace(second=0, microsecond=0)
    shown = moments.show(moments.moment_of(wall.isoformat(), zone, "--at"), zone, wall)
    neighbours = {moments.show(shown.instant + timedelta(minutes=m), zone).wall_clock for m in (-60, -30, 30, 60)}
    plain = shown.wall_clock == wall.isoformat(sep=" ") and shown.wall_clock not in neighbours
    assert plain == (not shown.note)
