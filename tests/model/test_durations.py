from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from workflows.model.durations import LONGEST, Duration, duration

DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)
SPANS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=LONGEST)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2 days", 2 * 86400),
        ("1 day", 86400),
        ("1 hour 30 minutes", 5400),
        ("1hour30minutes", 5400),
        ("0.5 seconds", 0.5),
        ("  3 Weeks ", 3 * 7 * 86400),
        (90, 90),
        (0.25, 0.25),
    ],
)
def test_a_duration_reads_as_people_write_it(text: object, seconds: float) -> None:
    """Numbers with units add up, and a bare number is seconds."""
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "2",
        "2 months",
        "days",
        "2 days and a bit",
        "-1 day",
        "0 days",
        "6 years",
        "1e3 days",
        0,
        -1,
        True,
        None,
        float("nan"),
        float("inf"),
        1e300,
        "999999999 weeks",
        timedelta(0),
        timedelta(days=-1),
        LONGEST + timedelta(seconds=1),
    ],
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    """No unit, no number, nothing, too long or beyond all numbers: always the author's mistake, never a crash."""
    with pytest.raises(ValidationError):
        DURATION.validate_python(text)


@given(SPANS)
def test_a_duration_survives_a_revision(span: timedelta) -> None:
    """Stored as seconds and read back, not a microsecond is lost."""
    assert DURATION.validate_json(DURATION.dump_json(span)) == span


@given(st.text(max_size=60) | st.from_regex(r"\d{1,12} ?(seconds|weeks)", fullmatch=True))
def test_any_text_is_a_duration_or_a_mistake(text: str) -> None:
    """Nothing but ValueError leaves the reader, and what it lets through is within bounds."""
    try:
        found = duration(text)
    except ValueError:
        return
    assert timedelta(0) < found <= LONGEST


@pytest.mark.parametrize("text", [1e18, "1000000000000000000 seconds", "300 weeks"])
def test_too_long_a_duration_is_told_so(text: object) -> None:
    """It is read, and then refused for its length, however many digits it has."""
    with pytest.raises(ValueError, match="is not between 0 and 5 years"):
        duration(text)
