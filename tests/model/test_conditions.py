from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, TypeAdapter, ValidationError

from workflows.model.conditions import Condition, Facts, judge, matches
from workflows.model.conditions import Test as ValueTest

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
VALUES: st.SearchStrategy[JsonValue] = SCALARS | st.lists(SCALARS, max_size=3)
LEAVES = st.sampled_from("abc").flatmap(lambda name: st.just({"property": name, "is_known": True}))
TREES = st.recursive(
    LEAVES,
    lambda parts: (
        st.builds(lambda each: {"all": each}, st.lists(parts, min_size=1, max_size=3))
        | st.builds(lambda each: {"any": each}, st.lists(parts, min_size=1, max_size=3))
        | st.builds(lambda each: {"not": each}, parts)
    ),
    max_leaves=8,
)


def met(condition: dict[str, Any], **properties: JsonValue) -> bool:
    return judge(CONDITION.validate_python(condition), Facts(properties=properties)).met


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ({"is": "lead"}, "LEAD", True),
        ({"is": "lead"}, "leads", False),
        ({"is": "lead"}, None, False),
        ({"is": None}, None, True),
        ({"is": None}, "", False),
        ({"is": 5}, "5", True),
        ({"is": "5"}, 5, True),
        ({"is": 5}, 5.0, True),
        ({"is": "0123"}, "123", False),
        ({"is": "1e3"}, "1000", False),
        ({"is": "nan"}, "NaN", True),
        ({"is": "Infinity"}, "inf", False),
        ({"is": True}, "true", True),
        ({"is": True}, 1, False),
        ({"is": False}, None, False),
        ({"is": ["a"]}, ["a"], True),
        ({"is_not": "lead"}, "customer", True),
        ({"is_not": "lead"}, None, True),
        ({"is_not": "lead"}, "Lead", False),
        ({"is_any_of": ["lead", "mql"]}, "MQL", True),
        ({"is_any_of": ["lead", "mql"]}, "sql", False),
        ({"is_any_of": []}, None, False),
        ({"is_known": True}, "x", True),
        ({"is_known": True}, "", False),
        ({"is_known": True}, 0, True),
        ({"is_known": True}, False, True),
        ({"is_known": False}, None, True),
        ({"is_known": False}, 0, False),
        ({"contains": "EXAMPLE"}, "anna@example.com", True),
        ({"contains": "x"}, None, False),
        ({"contains": "0"}, 0, True),
        ({"contains": "red"}, ["Red", "blue"], True),
        ({"contains": "', '"}, ["red", "blue"], False),
        ({"greater_than": 5}, 6, True),
        ({"greater_than": 5}, 5, False),
        ({"greater_than": 5}, "5.5", True),
        ({"greater_than": 5}, None, False),
        ({"greater_than": 5}, "many", False),
        ({"greater_than": 5}, True, False),
        ({"greater_than": 5}, 10**400, True),
        ({"less_than": 5}, 4, True),
        ({"less_than": 5}, 5, False),
        ({"less_than": 5}, None, False),
        ({"less_than": 5}, [1], False),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_each_operator_on_each_kind_of_value(test: dict[str, Any], value: JsonValue, holds: bool) -> None:
    """Text compares without regard to case and never as a number; a missing value passes only negations."""
    assert ValueTest.model_validate(test).holds(value) is holds


@pytest.mark.parametrize(
    "condition",
    [
        {"property": "a"},
        {"property": "a", "is": 1, "is_not": 2},
        {"property": "a", "equals": 1},
        {"property": "a", "greater_than": None},
        {"property": "a", "less_than": None},
        {"property": "a", "greater_than": float("inf")},
        {"property": "a", "less_than": float("nan")},
        {"property": "a", "is_known": None},
        {"property": "a", "contains": None},
        {"property": "a", "is_any_of": None},
        {"property": "a", "is_any_of": "a"},
        {"output": "node", "is": 1},
        {"output": "a.b.c", "is": 1},
        {"all": []},
        {"any": []},
        {"all": [{"property": "a", "is": 1}], "any": []},
        {"not": {}},
        {},
        "lead",
        None,
    ],
)
def test_a_condition_that_cannot_be_judged_is_refused(condition: object) -> None:
    """No operator, two, an unknown one, one without its value, an empty join: a mistake at publish, not at the walk."""
    with pytest.raises(ValidationError):
        CONDITION.validate_python(condition)


def test_the_reasons_name_what_decided() -> None:
    """The verdict quotes the parts that made it what it is, and keeps all of them."""
    verdict = judge(
        CONDITION.validate_python({"any": [{"property": "a", "is": 1}, {"output": "mail.sent", "is": True}]}),
        Facts(properties={"a": 2}, outputs={"mail": {"sent": True}}),
    )
    assert (verdict.met, verdict.because) == (True, "any of: mail.sent is True: yes")
    assert [part.because for part in verdict.parts] == ["a is 1: no", "mail.sent is True: yes"]


def test_an_output_of_a_step_not_visited_is_missing() -> None:
    """A test of an output that there is none of is a test of a missing value."""
    condition = CONDITION.validate_python({"output": "mail.sent", "is_known": False})
    assert judge(condition, Facts()).met


@pytest.mark.parametrize(
    ("where", "taken"), [({"form": "demo"}, True), ({"form": {"is_not": "demo"}}, False), ({}, True)]
)
def test_event_tests_take_plain_values_for_is(where: dict[str, Any], taken: bool) -> None:
    """A plain value means `is`; no test at all takes every event."""
    tests = {name: ValueTest.model_validate(test) if isinstance(test, dict) else test for name, test in where.items()}
    assert matches(tests, {"form": "Demo"}) is taken


@given(TREES, st.dictionaries(st.sampled_from("abc"), SCALARS))
def test_joins_are_judged_as_logic_has_it(tree: dict[str, Any], properties: dict[str, JsonValue]) -> None:
    """`all`, `any` and `not` agree with Python's own."""

    def wanted(part: dict[str, Any]) -> bool:
        match part:
            case {"all": parts}:
                return all(map(wanted, parts))
            case {"any": parts}:
                return any(map(wanted, parts))
            case {"not": inner}:
                return not wanted(inner)
        return properties.get(part["property"]) not in (None, "")

    assert met(tree, **properties) is wanted(tree)


@given(
    st.sampled_from(["is", "is_not", "contains", "greater_than", "less_than", "is_known"]),
    VALUES,
    VALUES,
)
def test_no_value_breaks_a_judgement(operator: str, wanted: JsonValue, value: JsonValue) -> None:
    """Whatever the record holds, a condition that was accepted is judged; and its opposite is the opposite."""
    try:
        condition = CONDITION.validate_python({"property": "a", operator: wanted})
    except ValidationError:
        return
    verdict = judge(condition, Facts(properties={"a": value}))
    assert verdict.met != met({"not": {"property": "a", operator: wanted}}, a=value)


@given(TREES | st.builds(lambda value: {"property": "a", "is": value}, VALUES))
def test_a_condition_survives_a_revision(tree: dict[str, Any]) -> None:
    """Written into a revision and read back it is the same; what was not given is not there."""
    condition = CONDITION.validate_python(tree)
    text = CONDITION.dump_json(condition, by_alias=True)
    assert CONDITION.validate_json(text) == condition
    assert b"null" not in text or "None" in repr(tree)
