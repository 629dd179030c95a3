from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from tests.condition_trees import PAST_TESTS, TIME_TESTS, VALUE_TESTS, value_tests, values
from workflows.model.comparisons import MOST_VALUES
from workflows.model.comparisons import Test as ValueTest
from workflows.model.conditions import OnProperty, same
from workflows.model.operators import NEGATIONS, folded, is_empty

CASES: list[tuple[dict[str, Any], JsonValue, bool]] = [
    ({"is": "lead"}, "LEAD", True),
    ({"is": "lead"}, "leads", False),
    ({"is": ["lead", "mql"]}, "MQL", True),
    ({"is": "lead"}, ["lead"], True),
    ({"is": ["lead", "mql"]}, ["lead", "mql"], False),
    ({"is": 5}, "5", True),
    ({"is": "5"}, 5, True),
    ({"is": 5}, 5.0, True),
    ({"is": 5}, "5.00", True),
    ({"is": 5}, "+5", True),
    ({"is": 5}, "5e0", False),
    ({"is": 5}, "\u0665", False),
    ({"is": 5}, " 5", False),
    ({"is": "0123"}, "123", False),
    ({"is": "0123"}, 123, True),
    ({"is": 0.1}, "0.1", True),
    ({"is": 10**23}, 1e23, True),
    ({"is": "nan"}, "NaN", True),
    ({"is": "Infinity"}, "inf", False),
    ({"is": True}, "true", True),
    ({"is": True}, 1, False),
    ({"is": "true"}, True, True),
    ({"is": 1}, True, False),
    ({"is": "lead"}, {"k": "lead"}, False),
    ({"is_not": "lead"}, "customer", True),
    ({"is_not": "lead"}, "Lead", False),
    ({"is_not": ["lead", "mql"]}, "mql", False),
    ({"is_not": "lead"}, ["lead", "mql"], True),
    ({"is_any_of": ["lead", "mql"]}, "MQL", True),
    ({"is_any_of": ["lead", "mql"]}, "sql", False),
    ({"is_any_of": ["red"]}, ["Red", "blue"], True),
    ({"is_any_of": ["red"]}, [["red"]], False),
    ({"is_none_of": ["red"]}, ["green", "blue"], True),
    ({"is_none_of": ["red"]}, ["red", "blue"], False),
    ({"is_exactly": ["red", "blue"]}, ["Blue", "RED", "red"], True),
    ({"is_exactly": ["red", "blue"]}, ["red"], False),
    ({"is_exactly": ["red"]}, ["red", "blue"], False),
    ({"is_exactly": ["red"]}, ["red", None], False),
    ({"is_exactly": ["red"]}, "red", True),
    ({"is_not_exactly": ["red"]}, ["red", "blue"], True),
    ({"contains_all": ["red", "blue"]}, ["blue", "red", "x"], True),
    ({"contains_all": ["red", "blue"]}, ["blue"], False),
    ({"does_not_contain_all": ["red", "blue"]}, ["blue"], True),
    ({"contains": "EXAMPLE"}, "anna@example.com", True),
    ({"contains": ["x", "ann"]}, "anna", True),
    ({"contains": "0"}, 10, True),
    ({"contains": "red"}, ["Dark red", "blue"], True),
    ({"contains": "', '"}, ["red", "blue"], False),
    ({"contains": "%"}, "abc", False),
    ({"does_not_contain": ["x", "y"]}, "abc", True),
    ({"does_not_contain": ["x", "b"]}, "abc", False),
    ({"starts_with": ["+358", "+46"]}, "+46 70", True),
    ({"starts_with": "b"}, "abc", False),
    ({"ends_with": ".FI"}, "x.fi", True),
    ({"ends_with": "x"}, "x.fi", False),
    ({"greater_than": 5}, 6, True),
    ({"greater_than": 5}, 5, False),
    ({"greater_than": 5}, "5.5", True),
    ({"greater_than": 5}, "many", False),
    ({"greater_than": 5}, True, False),
    ({"greater_than": 5}, [6], False),
    ({"greater_than": 5}, 10**400, True),
    ({"at_least": 5}, 5, True),
    ({"less_than": 5}, 4, True),
    ({"less_than": 5}, 5, False),
    ({"at_most": 5}, 5, True),
    ({"at_most": 0.3}, 0.1 + 0.2, False),
    ({"between": [1, 5]}, 1, True),
    ({"between": [1, 5]}, 5, True),
    ({"between": [1, 5]}, 5.01, False),
    ({"not_between": [1, 5]}, 6, True),
    ({"not_between": [1, 5]}, "many", True),
    ({"is_known": True}, "x", True),
    ({"is_known": True}, 0, True),
    ({"is_known": True}, False, True),
    ({"is_known": False}, 0, False),
]
EMPTY: list[JsonValue] = [None, "", []]


@pytest.mark.parametrize(("test", "value", "holds"), CASES, ids=lambda value: repr(value)[:40])
def test_each_operator_on_each_kind_of_value(test: dict[str, Any], value: JsonValue, holds: bool) -> None:
    """Text compares without regard to case and never as a number; a list is compared by what stands in it."""
    assert ValueTest.model_validate(test).holds(value) is holds


@pytest.mark.parametrize("operator", sorted(VALUE_TESTS))
@given(data=st.data())
def test_an_empty_value_is_answered_by_the_flag(operator: str, data: st.DataObject) -> None:
    """For a missing value, an empty text and an empty list each operator answers `if_empty`, also each negation."""
    given_ = data.draw(VALUE_TESTS[operator])
    for value in EMPTY:
        if operator == "is_known":
            assert ValueTest.model_validate({operator: given_}).holds(value) is not given_
            continue
        answers = [
            ValueTest.model_validate({operator: given_, "if_empty": flag}).holds(value) for flag in (True, False)
        ]
        assert [*answers, ValueTest.model_validate({operator: given_}).holds(value)] == [True, False, False]


@given(value_tests, values)
def test_no_value_breaks_a_test_and_a_negation_is_the_opposite(test: dict[str, Any], value: JsonValue) -> None:
    """Whatever the record holds is answered; on a value that is there, `is_not` is what `is` is not."""
    holds = ValueTest.model_validate(test).holds(value)
    (operator,) = test.keys() - {"if_empty"}
    opposite = {base: name for name, base in NEGATIONS.items()}.get("is_" if operator == "is" else operator)
    if opposite in ValueTest.model_fields and not is_empty(value):
        assert ValueTest.model_validate({opposite: test[operator]}).holds(value) is not holds


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        ("STRASSE", "strasse", True),
        ("Straße", "STRAẞE", True),
        ("Straße", "Strasse", False),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", True),
        ("caf\u00e9", "CAFE\u0301", True),
        ("cafe", "café", False),
        ("İstanbul", "istanbul", False),
        ("İstanbul", "İSTANBUL", True),
        ("ЁЖ", "ёж", True),
        ("Țară", "ȚARĂ", True),
        ("ÅNGSTRÖM", "a\u030angstro\u0308m", True),
    ],
)
def test_letters_are_alike_by_one_rule(left: str, right: str, alike: bool) -> None:
    """One letter for one letter, in the scripts that have two cases and are written today; accents may be composed."""
    assert (folded(left) == folded(right)) is alike


@given(st.text(), st.text())
def test_folding_is_settled_at_once(left: str, right: str) -> None:
    """A folded text folds to itself, and no two texts are alike in one direction only."""
    assert folded(folded(left)) == folded(left)
    assert same(left, right) == same(right, left)


@given(values, values)
def test_sameness_has_no_direction(left: JsonValue, right: JsonValue) -> None:
    """What `is` another is that other's same, be it text, number, boolean or a list of one."""
    assert same(left, right) == same(right, left)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ({}, "exactly one operator, not 0"),
        ({"is": 1, "is_not": 2}, "exactly one operator, not 2: is, is_not"),
        ({"if_empty": True}, "exactly one operator, not 0"),
        ({"equals": 1}, "Extra inputs"),
        ({"is": None}, "is_known: false"),
        ({"is": ""}, "is_known: false"),
        ({"is": ["a", None]}, "is_known: false"),
        ({"is": []}, f"1 to {MOST_VALUES} values"),
        ({"is": list(range(MOST_VALUES + 1))}, f"1 to {MOST_VALUES} values"),
        ({"is": [["a"]]}, "must be a text, a number"),
        ({"is": "a\0b"}, "cannot be stored"),
        ({"is": "\ud800"}, "cannot be stored"),
        ({"is": float("nan")}, "must be a text, a number"),
        ({"contains": ""}, "is_known: false"),
        ({"contains": None}, "needs a value"),
        ({"is_any_of": "a"}, "must be a list"),
        ({"is_any_of": None}, "needs a value"),
        ({"greater_than": None}, "needs a value"),
        ({"greater_than": "5"}, "must be a number"),
        ({"greater_than": True}, "must be a number"),
        ({"greater_than": float("inf")}, "must be a number"),
        ({"between": [5, 1]}, "the lower number comes first"),
        ({"between": 5}, "valid dictionary"),
        ({"between": ["2026-01-01", "today"]}, "only a property or an output"),
        ({"is": {"property": "b"}}, "only a property or an output"),
        ({"is_known": None}, "needs a value"),
        ({"is_known": True, "if_empty": True}, "without `if_empty`"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_test_that_cannot_be_answered_is_refused(test: dict[str, Any], said: str) -> None:
    """No operator, two, an unknown one, one without its value, or with one that nothing can have: a mistake at once."""
    with pytest.raises(ValidationError) as caught:
        ValueTest.model_validate(test)
    assert said in str(caught.value)


def test_each_operator_is_drawn() -> None:
    """The random conditions of the tests know every operator that there is, and no other."""
    there = {name.rstrip("_") for name in OnProperty.model_fields.keys() - OnProperty.beside}
    assert there == {*VALUE_TESTS, *TIME_TESTS, *PAST_TESTS}
