"""What formulas say and come to; the expected answers are written by hand, after HubSpot's table of functions."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from activities.formulas import FUNCTIONS, BadFormula, Setting, Wrong, check, check_locale, evaluated, parse
from tests.computing import computes_within

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
HELSINKI = Setting(NOW, "Europe/Helsinki", "fi")
INPUTS: dict[str, JsonValue] = {
    "n": 10,
    "half": 2.5,
    "shown": "12",
    "name": "  anna VIRTANEN ",
    "none": None,
    "tags": ["red", "blue"],
    "day": "2026-03-28",
    "at": "2026-03-28T22:30:00Z",
    "yes": True,
}


def came_to(formula: str, setting: Setting = HELSINKI, **inputs: JsonValue) -> JsonValue:
    return evaluated(parse(formula), INPUTS | inputs, setting)


EXAMPLES: list[tuple[str, JsonValue]] = [
    ("1 + 2 * 3 - 4 / 2", 5),
    ("(1 + 2) * 3", 9),
    ("7 % 4 + -7 % 4", 4),
    ("--2", 2),
    ("n / 4", 2.5),
    ("n / 5", 2),
    ("0.1 + 0.2", 0.3),
    ("shown * 2", 24),
    ("abs(-3)", 3),
    ("add(n, half)", 12.5),
    ("n | divide(2) | round", 5),
    ("pow(2, 10)", 1024),
    ("pow(2, -1)", 0.5),
    ("root(27, 3)", 3),
    ("root(16)", 4),
    ("log(1000, 10)", 3),
    ("log(1)", 0),
    ("round(2.5)", 3),
    ("round(-2.5)", -3),
    ("round(2.345, 2)", 2.35),
    ("round(2.341, 2, 'ceil')", 2.35),
    ("round(2.349, 2, 'floor')", 2.34),
    ("round(1250, -2)", 1300),
    ("divisible(n, 5)", True),
    ("divisible(n, 3)", False),
    ("concat('a', ' ', n, none, yes)", "a 10true"),
    ("capitalize('hELLO wORLD')", "Hello world"),
    ("title(trim(name))", "Anna Virtanen"),
    ("name | strip | upper", "ANNA VIRTANEN"),
    ("cut('a-b-c', '-')", "abc"),
    ("cut('abc', '')", "abc"),
    ("replace('aaa', 'a', 'b', 2)", "bba"),
    ("replace('aaa', 'a', 'bb')", "bbbbbb"),
    (r"regex_replace('a1b22', '\d+', '-')", "a-b-"),
    (r"regex_replace('Bo Berg', '(\w+) (\w+)', '\2, \1')", "Berg, Bo"),
    ("reverse('abc')", "cba"),
    ("reverse(tags) | join('/')", "blue/red"),
    ("truncate('abcdefgh', 5, '...')", "ab..."),
    ("truncate('abc', 5)", "abc"),
    ("length('ääkkönen')", 8),
    ("length(tags)", 2),
    ("split('a, b', ', ')", ["a", "b"]),
    ("split('', ',')", []),
    ("join(tags, ' + ')", "red + blue"),
    ("first(tags)", "red"),
    ("last(none)", None),
    ("striptags('<b>A</b> &amp; B')", "A & B"),
    ("escape_html('<b>')", "&lt;b&gt;"),
    ("default(none, 'there')", "there"),
    ("default('', 0)", 0),
    ("default(n, 0)", 10),
    (r"'it\'s'", "it's"),
    ('"say \\"a\\\\b\\""', 'say "a\\b"'),
    ("true", True),
    ("format_number(1234567.891, 2)", "1\xa0234\xa0567,89"),
    ("format_number(1234.5)", "1\xa0234,5"),
    ("format_currency(12.5, 'eur')", "12,50\xa0€"),
    ("datetimeformat(at, '%d.%m.%Y %H:%M')", "29.03.2026 00:30"),
    ("format_datetime(day, 'long')", "28. maaliskuuta 2026"),
    ("format_datetime(at, 'd MMMM yyyy HH:mm')", "29 maaliskuuta 2026 00:30"),
    ("plus_time(day, 1, 'month')", "2026-04-28"),
    ("plus_time('2026-01-31', 1, 'months')", "2026-02-28"),
    ("minus_time(day, 4, 'weeks')", "2026-02-28"),
    ("plus_time(day, 90, 'minutes')", "2026-03-27T23:30:00Z"),
    ("plus_time(at, 1, 'day')", "2026-03-29T21:30:00Z"),  # clocks went forward at 03:00 on the 29th
    ("unixtimestamp(day)", 1774648800000),
    ("plus_time(1774648800000, 1, 'hour')", "2026-03-27T23:00:00Z"),
    ("now()", "2026-03-04T10:30:00Z"),
    ("'ÄB' | lower", "äb"),
]


@pytest.mark.parametrize(("formula", "result"), EXAMPLES)
def test_a_formula_comes_to(formula: str, result: JsonValue) -> None:
    """Each function as HubSpot's table has it."""
    found = came_to(formula)
    assert found == result
    assert isinstance(found, bool) == isinstance(result, bool)


def test_every_function_has_an_example() -> None:
    """So that none is forgotten above; those that an operator stands for have it for one."""
    named = {word for formula, _ in EXAMPLES for word in re.findall(r"[a-z_]+", formula)}
    assert {*FUNCTIONS} - named == {"subtract", "multiply", "mod"}


@pytest.mark.parametrize("name", [*FUNCTIONS])
def test_the_usage_of_a_function_can_be_read(name: str) -> None:
    """It is what a person is told to write."""
    parse(FUNCTIONS[name].usage)


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("n / 0", "divided_by_zero"),
        ("n % (5 - 5)", "divided_by_zero"),
        ("none + 1", "empty_value"),
        ("name + 1", "type_mismatch"),
        ("yes + 1", "type_mismatch"),
        ("tags * 2", "type_mismatch"),
        ("plus_time(none, 1, 'day')", "empty_value"),
        ("plus_time('soon', 1, 'day')", "type_mismatch"),
        ("plus_time(day, 1, 'moons')", "type_mismatch"),
        ("plus_time(day, 60000, 'years')", "type_mismatch"),
        ("format_datetime(day, '')", "type_mismatch"),
        ("round(n, 50)", "type_mismatch"),
        ("round(n, 0, 'up')", "type_mismatch"),
        ("root(-1)", "type_mismatch"),
        ("log(0)", "type_mismatch"),
        ("log(8, 1)", "type_mismatch"),
        ("pow(10, 1000)", "too_large"),
        ("pow(2, 100000)", "type_mismatch"),
        ("regex_replace('a', '(', '')", "bad_pattern"),
        (r"regex_replace('a', 'a', '\\7')", "bad_pattern"),
        ("split('a', '')", "type_mismatch"),
        ("format_currency(1, 'gold')", "type_mismatch"),
        ("n | truncate(-1)", "type_mismatch"),
        ("record + 1", "type_mismatch"),
    ],
)
def test_values_that_do_not_fit_are_told_with_a_code(formula: str, code: str) -> None:
    """The code holds nothing of the values; the sentence names the function."""
    with pytest.raises(Wrong) as wrong:
        came_to(formula, record={"a": 1})
    assert wrong.value.code == code


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("", "expected a value"),
        ("1 +", "expected a value"),
        ("(1", "parenthesis is not closed"),
        ("1)", "')' does not belong here"),
        ("1 2", "an operator is missing"),
        ("uper(n)", "did you mean 'upper'?"),
        ("upper(n, 2)", "write upper(s)"),
        ("n | 2", "the name of a function after |"),
        ("n | round(", "expected a value"),
        ("'open", "expected a value"),
        ("n $ 2", "an operator is missing"),
        ("(" * 60 + "1" + ")" * 60, "may stand in each other"),
        ("-" * 60 + "1", "may stand in each other"),
        ("+".join("1" * 300), "at most 200 functions"),
        ("1" * 5000, "at most 4000 characters"),
    ],
)
def test_what_is_no_formula_is_refused(formula: str, told: str) -> None:
    """Before a flow is published, with the place."""
    with pytest.raises(BadFormula, match=re.escape(told)):
        parse(formula)


def test_a_formula_names_all_its_inputs_and_no_others() -> None:
    """A slip in a name must not compute with an empty value."""
    check("a + b", {"a": 1, "b": 2})
    with pytest.raises(BadFormula, match="names 'b'"):
        check("a + b", {"a": 1})
    with pytest.raises(BadFormula, match="does not use its input 'c'"):
        check("a", {"a": 1, "c": 2})
    with pytest.raises(BadFormula, match="no locale 'xx_XX'"):
        check_locale("xx_XX")


NESTED = st.recursive(
    st.sampled_from(["n", "half", "shown", "name", "none", "tags", "day", "at", "yes", "'x'", "7", "0", "9999999999"]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("+-*/%"), inner, inner).map(lambda t: f"({t[1]} {t[0]} {t[2]})"),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, max_size=4)).map(
            lambda t: f"{t[0]}({', '.join(t[1])})"
        ),
    ),
    max_leaves=12,
)


@given(NESTED)
def test_whatever_is_computed_ends_well(formula: str) -> None:
    """In a value that JSON holds, or in a mistake that is told."""
    try:
        found = came_to(formula)
    except (BadFormula, Wrong):
        return
    assert isinstance(found, str | int | float | bool | list | None)


@pytest.mark.parametrize(
    "formula",
    [
        "regex_replace(s, '(a+)+$', '')",
        "concat(s, s, s, s) | concat(s) | upper",
        "s | replace('a', 'aaaaaaaaaa') | replace('a', 'aaaaaaaaaa')",
        "split(s, 'a') | join('abc')",
        "pow(1.000000001, 999) | log | root(7)",
    ],
)
def test_the_worst_is_bounded(formula: str) -> None:
    """A formula runs in a transaction of ours: it must not hold that up."""
    with computes_within(0.5), suppress(Wrong):
        evaluated(parse(formula), {"s": "a" * 60_000}, HELSINKI)


def test_what_a_formula_may_not_need_is_not_loaded() -> None:
    """Locales and patterns cost a tenth of a second to load, and most steps need neither."""
    program = "import sys, activities.formulas; print([m for m in ('babel', 're2') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
