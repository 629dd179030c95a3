from __future__ import annotations

from typing import Any

import pytest

from starter.loading.cells import Column, Guess


def guessed(*cells: Any, reads_texts: bool = True) -> str:
    guess = Guess(reads_texts=reads_texts)
    for cell in cells:
        guess.see(cell)
    return guess.type


@pytest.mark.parametrize(
    ("cells", "type_"),
    [
        (("1", "-2.5", "0"), "number"),
        (("0123",), "text"),
        (("20100", "00100"), "text"),
        (("+358401234567",), "text"),
        (("358401234567",), "text"),
        (("1e5",), "text"),
        (("1,5",), "text"),
        (("true", "FALSE"), "boolean"),
        (("yes", "no"), "text"),
        (("0", "1"), "number"),
        (("2026-01-31",), "date"),
        (("2026-02-30",), "text"),
        (("31.1.2026",), "text"),
        (("2026-01-31T09:00:00Z", "2026-01-31 09:00"), "datetime"),
        (("2026-01-31", "2026-01-31T09:00"), "text"),
        (("1", "one"), "text"),
        ((7, "8"), "number"),
        ((True, False), "boolean"),
        ((True, 1), "text"),
        ((["a"],), "text"),
        ((), ""),
    ],
)
def test_a_type_is_found_where_all_cells_agree(cells: tuple[Any, ...], type_: str) -> None:
    """Whatever may be a postcode, a telephone number or anything else stays text."""
    assert guessed(*cells) == type_


def test_unless_it_is_asked_for_a_text_is_a_text() -> None:
    """Only JSON's own numbers and booleans are what they are."""
    assert (guessed("1", reads_texts=False), guessed(1, reads_texts=False)) == ("text", "number")


@pytest.mark.parametrize(
    ("type_", "cell", "value"),
    [
        ("text", "a", "a"),
        ("text", 20100, "20100"),
        ("number", "0123", 123),
        ("number", "1.50", 1.5),
        ("number", 7, 7),
        ("boolean", "Yes", True),
        ("boolean", False, False),
        ("date", "2026-01-31", "2026-01-31"),
        ("datetime", "2026-01-31 09:00Z", "2026-01-31T09:00:00+00:00"),
        ("option", "a", "a"),
        ("options", "a; b;", ["a", "b"]),
        ("options", ["b"], ["b"]),
    ],
)
def test_a_cell_is_read_as_its_property(type_: str, cell: Any, value: Any) -> None:
    """Texts of a CSV file and values of JSON become what the property takes."""
    read = Column("x", type_, ("a", "b") if type_.startswith("option") else ()).read(cell)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("type_", "cell", "told"),
    [
        ("text", ["a"], r'x takes a text, not \["a"\]'),
        ("number", True, "x takes a number, not true"),
        ("number", "9" * 400, "x takes a number"),
        ("date", 20260131, "x takes a date, not 20260131"),
        ("datetime", "soon", "x takes a datetime, not 'soon'"),
        ("boolean", "2", "x takes a boolean, not '2'"),
        ("option", "c", "x takes one of a, b, not 'c'"),
        ("options", "a;c", "x takes one of a, b, not 'a;c'"),
        ("options", 1, "x takes one of a, b, not 1"),
    ],
)
def test_what_a_property_does_not_take_is_said(type_: str, cell: Any, told: str) -> None:
    """The property, what it takes, and what was there instead."""
    with pytest.raises(ValueError, match=told):
        Column("x", type_, ("a", "b") if type_.startswith("option") else ()).read(cell)


def test_a_unique_value_fits_into_an_index() -> None:
    """A long text tells nobody apart."""
    with pytest.raises(ValueError, match="x is unique, and takes at most 500 characters"):
        Column("x", is_unique=True).read("a" * 501)
