from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.filters import FILTERS, Work, written
from workflows.model.templates import BadText, parse


def filtered(value: object, filters: str, *, html: bool = False, zone: str = "UTC") -> str:
    text = f"{{{{ contact.a | {filters} }}}}"
    return parse(text).render({"contact": {"a": value}}, html=html, zone=zone)


@pytest.mark.parametrize(
    ("value", "filters", "expected"),
    [
        (None, "default('there')", "there"),
        ("", "default('there')", "there"),
        ([], "default('none')", "none"),
        (None, "default(0)", "0"),
        (0, "default('x')", "0"),
        ("Anna", "default('there')", "Anna"),
        ("  ", "trim | default('x') | upper", "X"),
        ("Straße", "upper", "STRASSE"),
        ("ANNA", "lower", "anna"),
        ("o'neill mcdonald-SMITH", "title", "O'neill Mcdonald-Smith"),
        ("ANNA maria", "capitalize", "Anna maria"),
        (["red", "blue"], "upper", "RED; BLUE"),
        (["red", "blue"], "title | join(' & ')", "Red & Blue"),
        ("red", "join(', ')", "red"),
        (["red", 2.0, None, True], "join(', ')", "red, 2, true"),
        (["red", "blue"], "first", "red"),
        (["red", "blue"], "last", "blue"),
        ([], "first", ""),
        ("red", "first", "red"),
        ("Hello world", "truncate(11)", "Hello world"),
        ("Hello world", "truncate(7)", "Hello…"),
        ("Hello world", "truncate(9, '...')", "Hello..."),
        ("Hello world", "truncate(2, '...')", ".."),
        ("Hello world", "truncate(0)", ""),
        ("Hello world", "truncate(5, '')", "Hello"),
        (2.5, "round", "3"),
        (-2.5, "round", "-3"),
        (-0.2, "round", "0"),
        (1200, "round", "1200"),
        ("2.345", "round(2)", "2.35"),
        (2.5, "round(2)", "2.5"),
        (1e20, "round(2)", "100000000000000000000"),
        ("many", "round", "many"),
        (1e300, "round", "1e+300"),
        (1234567.891, "number", "1,234,567.891"),
        (1234567.891, "number(2)", "1,234,567.89"),
        (1234.5, "number(2, ' ', ',')", "1 234,50"),
        (1234, "number(0, '.')", "1.234"),
        (-1234.5, "number(0)", "-1,235"),
        (12, "number(2)", "12.00"),
        ("12 pieces", "number(2)", "12 pieces"),
        ("a b&c/ä~", "urlencode", "a%20b%26c%2F%C3%A4~"),
        ("\ud800", "urlencode", "%3F"),
        ("<p>Tom &amp; <b class='x'>Ann</b><br/></p>", "striptags", "Tom & Ann"),
        ("1 < 2 > 0", "striptags", "1 < 2 > 0"),
        ("<<<a", "striptags", "<<<a"),
        ("<b>", "escape", "&lt;b&gt;"),
    ],
)
def test_a_filter_changes_its_value(value: object, filters: str, expected: str) -> None:
    """Each filter does what its name says, and leaves alone what does not suit it."""
    assert filtered(value, filters) == expected


@pytest.mark.parametrize(
    ("value", "form", "zone", "expected"),
    [
        ("2026-12-24", "%-d.%-m.%Y", "Pacific/Auckland", "24.12.2026"),
        ("2026-12-24", "%H:%M", "Pacific/Auckland", "00:00"),
        ("2026-12-24T23:30:00Z", "%Y-%m-%d %H:%M", "Europe/Helsinki", "2026-12-25 01:30"),
        ("2026-12-24T23:30:00+02:00", "%d %b %y, %I:%M %p", "UTC", "24 Dec 26, 09:30 PM"),
        (
            "2026-03-01T00:05:09Z",
            "%A %-d %B, %-I.%M.%S %p (%a) %-H 100%%",
            "UTC",
            "Sunday 1 March, 12.05.09 AM (Sun) 0 100%",
        ),
        ("0800-01-02", "%Y", "UTC", "0800"),
        ("soon", "%Y", "UTC", "soon"),
        ("", "%Y", "UTC", ""),
        ("2026-02-30", "%Y", "UTC", "2026-02-30"),
        ("9999-12-31T23:59:00Z", "%Y", "Asia/Tokyo", "9999-12-31T23:59:00Z"),
        ("2026-12-24T10:00:00Z", "%Y", "No/Where", "2026-12-24T10:00:00Z"),
        (1766530800000, "%Y", "UTC", "1766530800000"),
        (["2026-12-24"], "%d", "UTC", "24"),
    ],
)
def test_a_date_is_written_in_a_form(value: object, form: str, zone: str, expected: str) -> None:
    """A date is a day of the calendar in every zone, a moment is shown by the clocks of the flow's."""
    assert filtered(value, f"date('{form}')", zone=zone) == expected


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ("date('%Q')", "a date has no '%Q'; there are %% %Y %y"),
        ("date('100%')", "a date has no '%'"),
        ("date(5)", "write date('%d.%m.%Y')"),
        (f"date('{'x' * 101}')", "at most 100 characters"),
        ("round(13)", "at most 12 digits may follow the point"),
        ("number('x')", "write number, number(2) or number(2, ' ', ',')"),
    ],
)
def test_a_filter_that_cannot_work_is_refused(filters: str, message: str) -> None:
    """Arguments are judged when the text is read, not when it is sent."""
    with pytest.raises(BadText) as caught:
        filtered("x", filters)
    assert message in str(caught.value)


def test_escaping_twice_is_escaping_once() -> None:
    """In HTML values are escaped anyway, so that `escape` there adds nothing."""
    assert filtered("<b>", "escape", html=True) == "&lt;b&gt;"


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_says_how_it_is_written(name: str) -> None:
    """The usage that a mistake shows is itself well-formed."""
    for usage in FILTERS[name].usage.replace(" or ", "|").replace(", number", "|number").split("|"):
        assert parse(f"{{{{ contact.a | {usage} }}}}").tokens


@given(st.text(max_size=200), st.integers(0, 50), st.text(st.characters(exclude_characters="'"), max_size=9))
def test_a_truncated_text_is_as_short_as_it_was_told(value: str, most: int, end: str) -> None:
    """No text is longer than its bound, and one that fits is left alone."""
    shown = filtered(value, f"truncate({most}, '{end}')")
    assert shown == value if len(value) <= most else len(shown) <= most


@given(st.lists(st.text()))
def test_work_counts_what_is_gone_over(values: list[str]) -> None:
    """A list costs more than the text that it is."""
    work = Work(left=10_000_000)
    work.spend(written(values))
    assert 10_000_000 - work.left >= sum(map(len, values))
