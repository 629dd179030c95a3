from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starter.language.differences import difference
from tests.flows import branch, delay, end, flow, go_to, send_email, set_property, wait
from workflows.model.flow import Flow
from workflows.model.nodes import AnyNode, BranchOnValue, DelayUntil, Split

LEAD = {"property": "stage", "is": "lead"}


def drawn(*nodes: AnyNode, **fields: Any) -> Flow:
    return flow("a", *nodes, **fields).flow


def said(old: Flow, new: Flow) -> list[str]:
    return [each.sentence for each in difference(old, new)]


def until(**fields: Any) -> DelayUntil:
    return DelayUntil.model_validate({"id": "until", "name": "Until", "edges": {}, **fields})


def split(**shares: float) -> Split:
    given = [{"name": name, "percent": percent} for name, percent in shares.items()]
    return Split.model_validate({"id": "ab", "name": "Ab", "edges": dict.fromkeys(shares), "shares": given})


def by_country(*values: str) -> BranchOnValue:
    ways = [{"name": "Nordic", "values": values}]
    fields = {"id": "by", "name": "By", "edges": {"Nordic": None, "otherwise": None}, "ways": ways}
    return BranchOnValue.model_validate({**fields, "property": "country"})


def test_whose_clock_counts_is_told() -> None:
    """The record's, or that of the event which enrolled it."""
    zones = [drawn(settings={"timezone": {"property": name}}) for name in ("zone", "event.zone")]
    assert said(*zones) == [
        "the day now begins in the event's zone (`zone`), else UTC instead of the record's zone (`zone`), else UTC"
    ]


def test_what_makes_a_record_leave_is_told() -> None:
    """Where it is new, another, or gone."""
    plain, leaving = drawn(delay("a", "1 day")), drawn(delay("a", "1 day"), leave={"on": [{"event": "paid"}]})
    assert said(plain, leaving) == ["a record now leaves on paid instead of no event"]
    assert said(leaving, plain) == ["a record now leaves on no event instead of paid"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"days": 2, "at": "09:00"}, "2 days later at 09:00"),
        ({"days": 1, "on": ["sat", "sun"]}, "1 day of Sat or Sun later"),
        ({"days": 3, "on": ["mon", "tue", "wed", "thu", "fri"]}, "3 working days later"),
    ],
)
def test_counted_days_are_told(fields: dict[str, Any], words: str) -> None:
    """How many, of which, and at what time."""
    assert said(drawn(until(**fields)), drawn(until(at="10:00"))) == [
        f"step 'until' now waits until the next time it is 10:00 instead of {words}"
    ]


def test_the_same_flow_has_no_difference() -> None:
    """A flow does not differ from itself."""
    assert said(drawn(delay("a", "1 day")), drawn(delay("a", "1 day"))) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (delay("a", "2 days"), delay("a", "5 days"), "step 'a' now waits 5 days instead of 2 days"),
        (
            wait("a", "opened", at_most="7 days"),
            wait("a", "opened"),
            "step 'a' now waits at most as long as it takes instead of 7 days",
        ),
        (
            wait("a", "opened"),
            wait("a", "opened", {"event": "clicked", "where": {"link": "demo"}}),
            "step 'a' now waits for opened or clicked (link: demo) instead of opened",
        ),
        (
            until(on=["tue"], at="11:00"),
            until(on=["tue", "thu"], at="11:00"),
            "step 'until' now waits until Tue or Thu at 11:00 instead of Tue at 11:00",
        ),
        (
            until(property="renewal", days=-3, at="10:00"),
            until(property="renewal"),
            "step 'until' now waits until the day in `renewal` instead of 3 days before the day in `renewal` at 10:00",
        ),
        (
            until(date="2026-12-24"),
            until(date="2026-12-24", if_past="end"),
            "step 'until' now does, where the moment is past, 'end' instead of 'go_on'",
        ),
        (
            branch("a", None, Hot=(LEAD, None)),
            branch("a", None, Hot=({"property": "x", "is": 1}, None)),
            "branch 'Hot' of step 'a' is now: x is 1; it was: stage is lead",
        ),
        (split(A=50, B=50), split(A=50, C=50), "step 'ab' has lost the branch 'B'"),
        (split(A=50, B=50), split(A=40, B=60), "branch 'A' of step 'ab' is now: 40 %; it was: 50 %"),
        (
            by_country("SE", "NO"),
            by_country("SE"),
            "branch 'Nordic' of step 'by' is now: 'SE'; it was: 'SE' or 'NO'",
        ),
        (
            send_email("a", "Hello"),
            send_email("a", "Good day"),
            "step 'a': `subject` is now 'Good day' instead of 'Hello'",
        ),
        (
            set_property("a", "stage", "lead", timeout="5 seconds"),
            set_property("a", "stage", "lead", timeout="90 seconds"),
            "step 'a': `timeout` is now 1 minute 30 seconds instead of 5 seconds",
        ),
        (
            set_property("a", "stage", "lead", retry={"first": timedelta(seconds=1)}),
            set_property("a", "stage", "lead", retry={"first": timedelta(seconds=5)}),
            "step 'a': `retry.first` is now 5 seconds instead of 1 second",
        ),
        (
            set_property("a", "stage", "lead"),
            set_property("a", "stage", "lead", on_failure="stop"),
            "step 'a': where it fails, the record leaves the flow; before, the record goes on",
        ),
        (delay("a", "1 day"), wait("a", "opened"), "step 'a' was a 'delay' and is now a 'wait_for_event'"),
        (
            delay("a", "1 day"),
            delay("a", "1 day").model_copy(update={"name": "Rest"}),
            "step 'a' is now called 'Rest' instead of 'A'",
        ),
    ],
)
def test_a_changed_step_is_told_in_a_sentence(old: AnyNode, new: AnyNode, sentence: str) -> None:
    """What a step now does stands beside what it did."""
    assert sentence in said(drawn(old), drawn(new))


def test_what_stands_beside_the_steps_is_compared() -> None:
    """Name, triggers, goal and settings are part of the difference."""
    old = drawn(enroll={"on": [{"event": "opened"}], "again": "never"})
    new = drawn(
        enroll={"on": [{"event": "clicked"}], "again": "always"},
        goal=LEAD,
        settings={"revisions": "pin", "timezone": {"zone": "Europe/Helsinki"}},
    ).model_copy(update={"name": "Other"})
    assert said(old, new) == [
        "the flow is now called 'Other' instead of 'A'",
        "new trigger clicked",
        "removed trigger opened",
        "a record now enters again at any time instead of once ever",
        "the goal is new: stage is lead",
        "the day now begins in Europe/Helsinki instead of UTC",
        "the setting `revisions` is now 'pin' instead of 'follow'",
    ]


def test_conditions_that_read_alike_are_told_as_they_are_written() -> None:
    """A change that the sentence does not show is a difference all the same."""
    old, new = (
        drawn(branch("a", None, Hot=({"property": "stage", "is": value}, None)))
        for value in ("x" * 200, "x" * 199 + "y")
    )
    (told,) = said(old, new)
    assert "{property: stage, is: xxx" in told or "{is: xxx" in told


def test_a_new_way_is_told_with_its_condition() -> None:
    """A branch more is a sentence, with what takes it."""
    old, new = (drawn(branch("a", None, Hot=(LEAD, None), **more)) for more in ({}, {"Cold": (LEAD, None)}))
    assert said(old, new) == ["step 'a' has the new branch 'Cold': stage is lead"]


def test_a_new_step_is_said_once() -> None:
    """A step put between two others is one difference, not three: what leads to it and from it goes without saying."""
    old = drawn(delay("a", "1 day"), delay("c", "1 day"))
    new = drawn(delay("a", "1 day"), send_email("b"), delay("c", "1 day"))
    assert said(old, new) == ["new step 'b' after 'a': does send_email"]


def test_a_removed_step_is_said_once() -> None:
    """So is a step taken out."""
    old = drawn(delay("a", "1 day"), delay("b", "2 days"), delay("c", "1 day"))
    new = drawn(delay("a", "1 day"), delay("c", "1 day"))
    assert said(old, new) == ["removed step 'b', which waits 2 days"]


def test_a_moved_step_is_said_once() -> None:
    """A step that changes places is one difference, and those around it are none."""
    a, b, c, d = (delay(key, "1 day") for key in "abcd")
    assert said(drawn(a, b, c, d), drawn(a, c, d, b)) == [
        "step 'b' moved: it now stands after 'd' instead of after 'a'"
    ]


def test_steps_that_move_together_are_said_by_their_first() -> None:
    """Two steps in a row that move are one difference: the second goes with the first."""
    a, b, c, d, e, f = (delay(key, "1 day") for key in "abcdef")
    assert said(drawn(a, b, c, d, e, f), drawn(a, d, e, f, b, c)) == [
        "step 'b' moved: it now stands after 'f' instead of after 'a'"
    ]


def test_a_branch_that_leads_elsewhere_is_said() -> None:
    """An edge drawn to another step is a difference of its own."""
    x, y = delay("x", "1 day"), delay("y", "1 day")
    old, new = (drawn(branch("b", to, Hot=(LEAD, "x")), x, y) for to in ("y", "x"))
    assert said(old, new) == ["branch 'otherwise' of step 'b' now leads to 'x' instead of 'y'"]


def test_a_go_to_with_another_target_is_said() -> None:
    """A go-to says where it goes now."""
    a, b = delay("a", "1 day"), delay("b", "1 day")
    old, new = (drawn(a, b, go_to("back", to).model_copy(update={"edges": {"next": to}})) for to in "ab")
    assert said(old, new) == ["step 'back' now goes to 'b' instead of 'a'"]


def test_a_step_in_a_branch_is_said_with_its_branch() -> None:
    """Where a new step stands is told by what leads to it."""
    x = delay("x", "1 day")
    old = drawn(branch("b", "x", Hot=(LEAD, "x")), x)
    new = drawn(branch("b", "x", Hot=(LEAD, "mail")), send_email("mail", edges={"next": "x"}), x)
    assert said(old, new) == ["new step 'mail' in the branch 'Hot' of 'b': does send_email"]


def test_of_a_long_text_the_line_that_differs_is_said() -> None:
    """A letter that changed in its third line is told by that line."""
    texts = [f"Hello,\n\n{line}\n\nBye" for line in ("which day suits you?", "which hour suits you?")]
    old, new = (drawn(set_property("a", "letter", text)) for text in texts)
    assert said(old, new) == [
        "step 'a': `value` is now in line 3, 'which hour suits you?' instead of 'which day suits you?'"
    ]


def test_another_order_of_writing_is_said_as_such() -> None:
    """Content whose hash differs never has an empty difference."""
    nodes: dict[str, AnyNode] = {"a": delay("a", "1 day", next="b"), "b": end("b")}
    old = Flow(key="a", name="A", object="contact", start="a", nodes=nodes)
    new = old.model_copy(update={"nodes": dict(reversed(nodes.items()))})
    assert said(old, new) == ["the steps are written in another order, and the walk is the same"]


KEYS = "abcdef"
ANY_NODE = st.sampled_from(["delay", "longer", "mail", "branch", "end"])


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A flow over few ids, whose steps lead anywhere ahead."""
    keys = draw(st.permutations(KEYS))[: draw(st.integers(1, len(KEYS)))]
    nodes: list[AnyNode] = []
    for number, key in enumerate(keys):
        ahead = [*keys[number + 1 :], None]
        first, second = draw(st.sampled_from(ahead)), ahead[0]
        match draw(ANY_NODE):
            case "branch":
                nodes.append(branch(key, second, Hot=(LEAD, first)))
            case "mail":
                nodes.append(send_email(key, edges={"next": second}))
            case kind:
                nodes.append(delay(key, "1 day" if kind == "delay" else "2 days", next=second))
    return drawn(*nodes)


@given(flows(), flows())
def test_two_flows_differ_where_a_sentence_says_so(old: Flow, new: Flow) -> None:
    """There is a difference between any two flows that are not the same, and none between those that are."""
    is_same = old == new and list(old.nodes) == list(new.nodes)
    assert bool(difference(old, new)) is not is_same
