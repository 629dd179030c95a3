from __future__ import annotations

from datetime import UTC, datetime, timedelta
from timeit import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from tests.condition_trees import CONDITION, NOWS, ZONES, properties, scalars, trees, values
from workflows.model.condition_tree import DEEPEST, MOST_BESIDE, MOST_PARTS
from workflows.model.conditions import Test as ValueTest
from workflows.model.conditions import explained, judge, matches, needs
from workflows.model.facts import NOTHING, Facts, Needs, Past
from workflows.model.records import Event, RecordRef

NOW = datetime(2026, 12, 24, 10, 0, tzinfo=UTC)
ANNA = RecordRef.parse("contact:1")
KNOWN = st.sampled_from("abc").map(lambda name: {"property": name, "is_known": True})
JOINED = st.recursive(
    KNOWN,
    lambda parts: (
        st.builds(lambda each: {"all": each}, st.lists(parts, min_size=1, max_size=3))
        | st.builds(lambda each: {"any": each}, st.lists(parts, min_size=1, max_size=3))
        | st.builds(lambda each: {"not": each}, parts)
    ),
    max_leaves=8,
)


def met(condition: dict[str, Any], facts: Facts | None = None, **found: JsonValue) -> bool:
    return judge(CONDITION.validate_python(condition), facts or Facts(properties=found, now=NOW)).met


def past(*found: JsonValue) -> tuple[Past, ...]:
    """Values that a property had one after the other, a day each."""
    return tuple(Past(value=value, at=NOW - timedelta(days=len(found) - n)) for n, value in enumerate(found))


def happened(type_: str, days_ago: int, **found: JsonValue) -> Event:
    at = NOW - timedelta(days=days_ago)
    return Event(id=f"{type_}{days_ago}", type=type_, record=ANNA, properties=found, at=at)


@pytest.mark.parametrize(
    "condition",
    [
        {"property": "a"},
        {"property": "", "is": 1},
        {"property": "a", "list": "b", "is": 1},
        {"output": "node", "is": 1},
        {"output": "a.b.c", "is": 1},
        {"output": "a.b", "has_ever_been": 1},
        {"output": "a.b", "read": "date", "before": "today"},
        {"list": "Not A Key"},
        {"list": "vip", "member": "no"},
        {"property": "a", "is_known": "yes"},
        {"event": "form", "times": {"at_least": "2"}},
        {"flow": "f"},
        {"flow": "f", "is": "inside"},
        {"flow": "f", "is": "active", "is_not": "ever"},
        {"event": "Form"},
        {"event": "form", "times": {}},
        {"event": "form", "times": {"at_least": 3, "at_most": 2}},
        {"event": "form", "times": {"at_least": 1}, "never": True},
        {"event": "form", "within_last": "7 days", "before": "today"},
        {"event": "form", "where": {"n": {"is": 1, "is_not": 2}}},
        {"event": "form", "where": {"n": {"before": "today"}}},
        {"associated": "Company"},
        {"associated": "company", "label": ""},
        {"associated": "company", "where": {"output": "a.b", "is": 1}},
        {"associated": "company", "where": {}},
        {"all": []},
        {"any": []},
        {"all": [{"property": "a", "is": 1}], "any": []},
        {"all": {"property": "a", "is": 1}},
        {"not": {}},
        {"not": None},
        {},
        "lead",
        None,
    ],
    ids=str,
)
def test_a_condition_that_cannot_be_judged_is_refused(condition: object) -> None:
    """No operator, two questions in one leaf, an unknown key, an empty join: a mistake at publish, not at the walk."""
    with pytest.raises(ValidationError):
        CONDITION.validate_python(condition)


def nested(levels: int) -> dict[str, Any]:
    condition: dict[str, Any] = {"property": "a", "is": 1}
    for level in range(levels - 1):
        condition = {"not": condition} if level % 2 else {"associated": "contact", "where": condition}
    return condition


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (nested(DEEPEST + 1), f"nested {DEEPEST} deep at most"),
        (nested(5000), f"nested {DEEPEST} deep at most"),
        ({"all": [{"any": [{"list": "v"}] * 100}] * 5}, f"{MOST_PARTS} parts at most"),
        ({"all": [{"list": "v"}] * 100_000}, f"{MOST_PARTS} parts at most"),
        ({"all": [{"list": "v"}] * (MOST_BESIDE + 1)}, f"at most {MOST_BESIDE} items"),
    ],
    ids=["deeper", "deepest", "many", "more", "beside"],
)
def test_a_condition_that_is_too_large_is_refused(condition: dict[str, Any], said: str) -> None:
    """Depth, parts and what stands beside each other are bounded, and no depth exhausts the stack."""
    with pytest.raises(ValidationError, match=said):
        CONDITION.validate_python(condition)


def test_the_largest_condition_is_judged() -> None:
    """What the bounds let through is read, judged, written and read again."""
    for tree in (nested(DEEPEST), {"any": [{"property": f"p{n}", "is": n} for n in range(MOST_BESIDE)]}):
        condition = CONDITION.validate_python(tree)
        assert judge(condition, Facts()).met is False
        assert CONDITION.validate_json(CONDITION.dump_json(condition)) == condition


def test_a_negation_does_not_match_what_is_empty() -> None:
    """A contact without a country is not `none of` some, and is no answer to `is_not`, unless the flag says so."""
    for test in ({"is_not": "FI"}, {"is_none_of": ["FI", "SE"]}, {"does_not_contain": "F"}, {"not_between": [1, 2]}):
        assert not met({"property": "country", **test})
        assert not met({"property": "country", **test}, country="")
        assert met({"property": "country", **test, "if_empty": True})
        assert met({"property": "country", **test}, country="NO")
    assert met({"not": {"property": "country", "is": "FI"}})


@pytest.mark.parametrize(
    ("test", "found", "holds"),
    [
        ({"is": {"property": "b"}}, {"a": "FI", "b": "fi"}, True),
        ({"is": {"property": "b"}}, {"a": ["x"], "b": "X"}, True),
        ({"is_not": {"property": "b"}}, {"a": "FI", "b": "SE"}, True),
        ({"is_not": {"property": "b"}}, {"a": "FI"}, False),
        ({"is_not": {"property": "b"}, "if_empty": True}, {"a": "FI"}, True),
        ({"is_not": {"property": "b"}, "if_empty": True}, {"b": "FI"}, True),
        ({"is": {"property": "b", "otherwise": "FI"}}, {"a": "FI"}, True),
        ({"is": {"property": "b", "otherwise": "FI"}}, {"a": "FI", "b": "SE"}, False),
        ({"greater_than": {"property": "b"}}, {"a": 5, "b": "4.5"}, True),
        ({"greater_than": {"property": "b"}}, {"a": 5, "b": "many"}, False),
        ({"at_most": {"property": "b", "otherwise": 10}}, {"a": 10}, True),
    ],
    ids=str,
)
def test_a_property_is_compared_with_another(test: dict[str, Any], found: dict[str, Any], holds: bool) -> None:
    """As with a value written down; where one of the two is empty, the flag decides, or the other's `otherwise`."""
    assert met({"property": "a", **test}, **found) is holds


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ({"has_ever_been": "lead"}, True),
        ({"has_ever_been": ["x", "Customer"]}, True),
        ({"has_ever_been": "partner"}, False),
        ({"has_never_been": "partner"}, True),
        ({"has_never_been": "lead"}, False),
        ({"has_ever_contained": "CUST"}, True),
        ({"has_never_contained": "cust"}, False),
        ({"has_ever_been_any_of": ["red"]}, True),
        ({"has_never_been_any_of": ["green"]}, True),
        ({"has_ever_been_exactly": ["blue", "red"]}, True),
        ({"has_ever_been_exactly": ["red"]}, False),
        ({"has_never_been_exactly": ["red"]}, True),
        ({"has_ever_contained_all": ["red", "blue"]}, True),
        ({"has_never_contained_all": ["red", "blue"]}, False),
    ],
    ids=str,
)
def test_the_past_is_asked(test: dict[str, Any], holds: bool) -> None:
    """Any value that ever was will do, the present one too; a cleared property has been what it was."""
    facts = Facts(properties={"a": None}, history={"a": past("lead", "customer", ["red", "blue"], None)}, now=NOW)
    assert met({"property": "a", **test}, facts) is holds
    assert met({"property": "b", **test}) is ("never" in next(iter(test)))


def test_the_present_value_has_been() -> None:
    """A record without a history has ever been what it is."""
    assert met({"property": "a", "has_ever_been": "lead"}, a="Lead")


@pytest.mark.parametrize(
    ("leaf", "holds"),
    [
        ({"list": "vip"}, True),
        ({"list": "vip", "member": False}, False),
        ({"list": "competitors"}, False),
        ({"list": "competitors", "member": False}, True),
        ({"flow": "f", "is": "active"}, True),
        ({"flow": "f", "is": "completed"}, False),
        ({"flow": "f", "is_not": "goal"}, True),
        ({"flow": "g", "is": "ever"}, False),
        ({"flow": "g", "is_not": "ever"}, True),
        ({"event": "opened"}, True),
        ({"event": "clicked"}, False),
        ({"event": "clicked", "never": True}, True),
        ({"event": "clicked", "times": {"at_most": 0}}, True),
        ({"event": "opened", "never": True}, False),
        ({"event": "opened", "times": {"at_least": 3}}, True),
        ({"event": "opened", "times": {"at_least": 4}}, False),
        ({"event": "opened", "times": {"at_most": 2}}, False),
        ({"event": "opened", "times": {"at_least": 2, "at_most": 5}}, True),
        ({"event": "opened", "where": {"email": "Demo"}, "times": {"at_least": 2, "at_most": 2}}, True),
        ({"event": "opened", "where": {"email": {"is_not": "demo"}}}, True),
        ({"event": "opened", "where": {"email": "demo", "link": None}, "times": {"at_most": 2}}, True),
        ({"event": "opened", "where": {"email": "other"}}, False),
        ({"event": "opened", "within_last": "5 days", "times": {"at_least": 2}}, False),
        ({"event": "opened", "within_last": "5 days", "never": True}, False),
        ({"event": "opened", "before": "today - 30 days"}, True),
        ({"event": "opened", "before": "today - 41 days", "never": True}, True),
        ({"event": "opened", "between": ["today - 10 days", "today"], "times": {"at_least": 2}}, True),
        ({"event": "opened", "not_between": ["today - 10 days", "today"], "times": {"at_least": 2}}, False),
        ({"event": "opened", "after": {"property": "signed"}, "times": {"at_least": 2, "at_most": 2}}, True),
        ({"event": "opened", "after": {"property": "nothing"}}, False),
        ({"event": "opened", "in": "this year", "times": {"at_least": 3}}, True),
    ],
    ids=str,
)
def test_what_stands_beside_the_record_is_asked(leaf: dict[str, Any], holds: bool) -> None:
    """Lists, flows, and events: those that fail the tests or are of another time are cut out, the rest are counted."""
    facts = Facts(
        properties={"signed": "2026-12-01"},
        lists=frozenset({"vip"}),
        flows={"f": frozenset({"active", "ever"})},
        events=(
            happened("opened", 40, email="welcome"),
            happened("opened", 9, email="demo"),
            happened("opened", 2, email="demo"),
            happened("form", 1),
        ),
        now=NOW,
    )
    assert met(leaf, facts) is holds
    assert met({"not": leaf}, facts) is not holds


def test_an_event_counts_when_its_source_says_it_was() -> None:
    """What the log took today but happened last month is of last month."""
    late = happened("opened", 0).model_copy(update={"occurred_at": NOW - timedelta(days=30)})
    assert not met({"event": "opened", "within_last": "7 days"}, Facts(events=(late,), now=NOW))


def test_some_associated_record_meets_all() -> None:
    """One record must meet all of a condition; none at all and one without a value are asked for apart."""
    companies = (Facts(properties={"country": "FI"}), Facts(properties={"size": 100}))
    some, alone = Facts(associated={"company": companies, "company/owner": companies[:1]}, now=NOW), Facts(now=NOW)
    country, size = {"property": "country", "is": "FI"}, {"property": "size", "at_least": 50}
    unknown = {"property": "country", "is_known": False}
    assert met({"associated": "company", "where": country}, some)
    assert not met({"associated": "company", "where": {"all": [country, size]}}, some)
    assert met({"associated": "company", "none": True, "where": {"all": [country, size]}}, some)
    assert met({"associated": "company", "where": unknown}, some)
    assert not met({"associated": "company", "label": "owner", "where": unknown}, some)
    assert not met({"associated": "company", "where": unknown}, alone)
    assert met({"associated": "company", "none": True}, alone)
    assert not met({"associated": "company"}, alone)
    assert met({"not": {"associated": "company"}}, alone)


def test_an_associated_record_is_judged_by_the_same_clock() -> None:
    """`today` is the enrolled record's, also where the facts of the other carry no clock of their own."""
    facts = Facts(associated={"deal": (Facts(properties={"closes": "2026-12-24"}),)}, now=NOW, zone="Europe/Helsinki")
    assert met({"associated": "deal", "where": {"property": "closes", "in": "today"}}, facts)


def test_an_output_is_a_value_like_others() -> None:
    """One of a step not visited is empty; one that is a moment is compared with the clock, or with a property."""
    facts = Facts(properties={"d": "2026-12-24"}, outputs={"call": {"at": "2026-12-24T09:00:00Z"}}, now=NOW)
    assert met({"output": "mail.sent", "is_known": False}, facts)
    assert met({"output": "call.at", "within_last": "1 hour"}, facts)
    assert met({"output": "call.at", "after": {"property": "d", "offset": "+ 8 hours"}}, facts)
    assert met({"output": "mail.sent", "is_not": True, "if_empty": True}, facts)


def test_what_must_be_read_is_told() -> None:
    """Each leaf names what it asks beside the record's own values, and an associated record what it asks in turn."""
    tree = {
        "all": [
            {"property": "a", "has_ever_been": "x"},
            {"property": "b", "before": {"property": "c", "read": "updated"}},
            {"property": "d", "read": "updated", "in": "today"},
            {"property": "e", "between": [{"property": "f", "read": "updated"}, "today"]},
            {"not": {"list": "vip"}},
            {"any": [{"flow": "f", "is": "ever"}, {"event": "opened"}]},
            {"associated": "company", "where": {"list": "big"}},
            {"associated": "company", "label": "owner", "where": {"property": "g", "updated_within": "1 day"}},
            {"associated": "deal"},
        ]
    }
    assert needs(CONDITION.validate_python(tree)) == Needs(
        history=frozenset("acdf"),
        lists=frozenset({"vip"}),
        flows=frozenset({"f"}),
        events=frozenset({"opened"}),
        associated={
            "company": Needs(lists=frozenset({"big"})),
            "company/owner": Needs(history=frozenset("g")),
            "deal": NOTHING,
        },
    )
    assert needs(CONDITION.validate_python({"property": "a", "is": {"property": "b"}})).is_plain


def test_the_reasons_name_what_decided() -> None:
    """The verdict quotes the parts that made it what it is, and keeps all of them; it prints as a tree."""
    condition = {"any": [{"property": "a", "is": 1}, {"not": {"output": "mail.sent", "is": False}}]}
    verdict = judge(
        CONDITION.validate_python(condition), Facts(properties={"a": "x" * 200}, outputs={"mail": {"sent": True}})
    )
    assert (verdict.met, verdict.because) == (True, "any of: not (mail.sent is false: no, it is true)")
    assert explained(verdict).splitlines() == [
        "+ any of",
        f"  - a is 1: no, it is {'x' * 79}…",
        "  + not",
        "    - mail.sent is false: no, it is true",
    ]


@pytest.mark.parametrize(
    ("where", "taken"),
    [({"form": "demo"}, True), ({"form": {"is_not": "demo"}}, False), ({"x": None}, True), ({"form": ""}, False)],
    ids=str,
)
def test_event_tests_take_plain_values_for_is(where: dict[str, Any], taken: bool) -> None:
    """A plain value means `is`, null that there is none; no test at all takes every event."""
    tests = {name: ValueTest.model_validate(test) if isinstance(test, dict) else test for name, test in where.items()}
    assert matches(tests, {"form": "Demo"}) is taken
    assert matches({}, {"form": "Demo"})
    assert not matches({"form": "a\0b"}, {"form": "Demo"})


@given(JOINED, st.dictionaries(st.sampled_from("abc"), scalars | st.none()))
def test_joins_are_judged_as_logic_has_it(tree: dict[str, Any], found: dict[str, JsonValue]) -> None:
    """`all`, `any` and `not` agree with Python's own."""

    def wanted(part: dict[str, Any]) -> bool:
        match part:
            case {"all": parts}:
                return all(map(wanted, parts))
            case {"any": parts}:
                return any(map(wanted, parts))
            case {"not": inner}:
                return not wanted(inner)
        return found.get(part["property"]) not in (None, "")

    assert met(tree, Facts(properties=found)) is wanted(tree)


@given(trees, properties, values, st.sampled_from(NOWS), st.sampled_from(ZONES))
def test_no_facts_break_a_judgement(
    tree: dict[str, Any], found: dict[str, JsonValue], sent: JsonValue, now: datetime, zone: str
) -> None:
    """Whatever the record holds, a condition that was accepted is judged, and its opposite is the opposite."""
    facts = Facts(properties=found, outputs={"mail": {"sent": sent}}, now=now, zone=zone)
    verdict = judge(CONDITION.validate_python(tree), facts)
    assert verdict.met is not met({"not": tree}, facts)
    assert explained(verdict)


@given(trees)
def test_a_condition_survives_a_revision(tree: dict[str, Any]) -> None:
    """Written into a revision and read back it is the same; what was not given is not there."""
    condition = CONDITION.validate_python(tree)
    text = CONDITION.dump_json(condition, by_alias=True)
    again = CONDITION.validate_json(text)
    assert again == condition
    assert CONDITION.dump_json(again) == text
    judge(condition, Facts())  # which derives and keeps things in it
    assert (again == condition, CONDITION.dump_json(condition)) == (True, text)


def test_judging_is_quick() -> None:
    """Four leaves are judged, with their reasons, in well under a millisecond: the tree is made ready once."""
    condition = CONDITION.validate_python(
        {
            "all": [
                {"property": "stage", "is": "lead"},
                {"property": "size", "greater_than": 5},
                {"property": "email", "contains": "example"},
                {"property": "colours", "is_any_of": ["red", "blue"]},
            ]
        }
    )
    facts = Facts(properties={"stage": "Lead", "size": 7, "email": "anna@example.com", "colours": ["red"]})
    assert judge(condition, facts).met
    assert min(repeat(lambda: judge(condition, facts), number=100, repeat=5)) / 100 < 0.001
