from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.condition_trees import CONDITION, trees
from workflows.model.conditions import sentence

COMPANY = {"associated": "company", "where": {"property": "country", "is": "FI"}}
FINNISH = "there is some associated company where country is FI"


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"property": "lifecycle_stage", "is": "lead"}, "lifecycle stage is lead"),
        ({"property": "stage", "is": ["lead", "mql", "sql"]}, "stage is lead, mql or sql"),
        ({"property": "stage", "is_not": "lead", "if_empty": True}, "stage is not lead or is empty"),
        ({"property": "stage", "is_none_of": ["a", "b"]}, "stage is none of a or b"),
        ({"property": "tags", "contains_all": ["a", "b"]}, "tags contains all of a and b"),
        ({"property": "tags", "is_exactly": ["a"]}, "tags is exactly a"),
        ({"property": "size", "is": list(range(250))}, "size is 0, 1, 2, 3, 4, 5, 6, 7 or 242 more"),
        ({"property": "size", "between": [1, 5]}, "size is between 1 and 5"),
        ({"property": "size", "not_between": [1, 5]}, "size is not between 1 and 5"),
        ({"property": "email", "is_known": True}, "email is known"),
        ({"property": "email", "is_known": False}, "email is empty"),
        ({"property": "a", "is_not": {"property": "b_c"}}, "a is not the same as the b c"),
        (
            {"property": "a", "at_least": {"property": "b", "otherwise": 5}},
            "a is at least the b (or 5 where that is empty)",
        ),
        ({"property": "d", "before": "today - 3 days"}, "d is before today - 3 days"),
        ({"property": "d", "on_or_after": "this_week"}, "d is this week or after"),
        ({"property": "d", "in": "last 2 months"}, "d is in the last 2 months"),
        ({"property": "d", "in": "This_Week so far"}, "d is in this week so far"),
        ({"property": "d", "in": "today"}, "d is today"),
        ({"property": "d", "in": "next 2 days"}, "d is in the next 2 days"),
        (
            {"property": "d", "in": {"at": "this year", "fiscal_start": 4, "zone": "Europe/Helsinki"}},
            "d is in this year of a year that begins with month 4 in Europe/Helsinki",
        ),
        ({"property": "d", "between": ["2026-01-01", "today"]}, "d is from 2026-01-01 to today"),
        (
            {"property": "d", "not_between": {"after": "2026-01-01", "before": "today"}},
            "d is not after 2026-01-01 and before today",
        ),
        ({"property": "d", "within_next": "36 hours"}, "d is within the next 1 day 12 hours"),
        ({"property": "d", "more_than_ago": "7 days"}, "d is more than 7 days ago"),
        ({"property": "d", "read": "anniversary", "in": "this week"}, "anniversary of d is in this week"),
        (
            {"property": "d", "after": {"property": "renewal_date", "offset": "-3 days"}},
            "d is after the renewal date - 3 days",
        ),
        (
            {"property": "d", "after": {"property": "e", "read": "updated", "otherwise": "now"}},
            "d is after the last change of e (or now where that is empty)",
        ),
        ({"property": "stage", "has_never_been": "lead"}, "stage has never been lead"),
        ({"property": "stage", "updated_within": "7 days"}, "stage was changed within the last 7 days"),
        ({"output": "opened.happened", "is": True}, "opened.happened is true"),
        ({"list": "competitors"}, "a member of list competitors"),
        ({"flow": "demo", "is": "active"}, "in flow demo now"),
        ({"flow": "demo", "is_not": "completed"}, "has not completed flow demo"),
        ({"event": "email_opened"}, "email opened happened at least once"),
        ({"event": "form", "never": True, "within_last": "30 days"}, "form happened never, within the last 30 days"),
        (
            {"event": "form", "where": {"form": "demo", "n": {"at_least": 2}}, "times": {"at_least": 2, "at_most": 5}},
            "form happened 2 to 5 times where form is demo and n is at least 2",
        ),
        ({"associated": "company", "none": True}, "there is no associated company"),
        (
            {"associated": "contact", "label": "boss", "where": {"property": "a", "is": 1}},
            "there is some associated contact (boss) where a is 1",
        ),
        (
            {"all": [{"property": "lifecycle_stage", "is": "lead"}, {"list": "competitors", "member": False}]},
            "lifecycle stage is lead, and not a member of list competitors",
        ),
        (
            {"any": [COMPANY, {"not": {"all": [{"list": "a"}, {"any": [{"list": "b"}, {"list": "c"}]}]}}]},
            f"({FINNISH}), or not (a member of list a, and (a member of list b, or a member of list c))",
        ),
    ],
    ids=str,
)
def test_a_condition_is_said_in_english(condition: dict[str, Any], said: str) -> None:
    """As one would say it; what has commas of its own stands in brackets."""
    assert sentence(CONDITION.validate_python(condition)) == said


@given(trees)
def test_every_condition_can_be_said(tree: dict[str, Any]) -> None:
    """There are words for each, and no name of a Python thing is among them."""
    said = sentence(CONDITION.validate_python(tree))
    assert said
    assert "(property" not in said
    assert "=" not in said.replace('x" = 1', "")
