from __future__ import annotations

from collections import Counter

import pytest
from pydantic import JsonValue

from tests.flows import branch, branch_on_value, flow, split
from workflows.model.decisions import decided, goal_met, in_zone_of, needs_of, needs_to_stay, share_of, way_of
from workflows.model.facts import NOTHING, Facts
from workflows.model.nodes import Split
from workflows.model.records import RecordRef

WAYS: dict[str, tuple[list[JsonValue], str | None]] = {
    "Finland": (["FI"], None),
    "Nordic": (["SE", "NO"], None),
    "Unknown": ([None], None),
}
NORDIC = branch_on_value("b", None, of="country", **WAYS)
HALVES = split("s", A=(50, None), B=(50, None))
FLOW = flow("f", NORDIC).flow


def record(number: int) -> RecordRef:
    return RecordRef(type="contact", id=str(number))


@pytest.mark.parametrize(
    ("value", "way"),
    [
        ("FI", "Finland"),
        ("fi", "Finland"),
        ("NO", "Nordic"),
        ("DE", "otherwise"),
        (["SE"], "Nordic"),
        (["FI", "SE"], "otherwise"),
        (None, "Unknown"),
        ([], "Unknown"),
    ],
)
def test_a_value_leads_its_way(value: JsonValue, way: str) -> None:
    """Text without case; several options at once are equal to no single one; no value is a value of its own."""
    assert way_of(NORDIC, Facts(properties={"country": value})) == way


def test_an_output_leads_its_way() -> None:
    """The output of an earlier step is told apart like a property; one that never was has no value."""
    node = branch_on_value("b", None, of="opened.happened", Yes=([True], None))
    assert way_of(node, Facts(outputs={"opened": {"happened": True}})) == "Yes"
    assert way_of(node, Facts()) == "otherwise"


def test_a_record_goes_the_same_way_whenever_it_comes() -> None:
    """A hash of flow, step and record decides, and nothing else: so it holds in its next enrollment, anywhere."""
    assert [share_of(FLOW, HALVES, record(n)) for n in range(10)] == ["A", "B", "A", "A", "A", "A", "A", "B", "B", "A"]


def test_the_shares_are_as_drawn() -> None:
    """Of 20,000 records each share gets what it should, to half a percent of all."""
    node = split("s", A=(10, None), B=(20, None), C=(70, None))
    counted = Counter(share_of(FLOW, node, record(n)) for n in range(20_000))
    assert {name: round(counted[name] / 200) for name in "ABC"} == pytest.approx({"A": 10, "B": 20, "C": 70}, abs=1)


def test_two_splits_of_a_flow_are_independent() -> None:
    """Who goes one way in the first split goes both ways in the second."""
    other = split("t", A=(50, None), B=(50, None))
    pairs = Counter((share_of(FLOW, HALVES, record(n)), share_of(FLOW, other, record(n))) for n in range(4_000))
    assert all(900 < count < 1_100 for count in pairs.values())


def test_what_rounding_leaves_over_goes_the_last_way() -> None:
    """Three times 33.333 is not a hundred, and yet every record has a way."""
    node = Split.model_construct(id="s", name="s", edges={}, do="split", shares=())
    thirds = split("s", A=(33.3334, None), B=(33.3333, None), C=(33.3333, None))
    low = node.model_copy(update={"shares": tuple(each.model_copy(update={"percent": 1e-9}) for each in thirds.shares)})
    assert share_of(FLOW, low, record(1)) == "C"


def test_a_branch_says_why_for_each_arm() -> None:
    """The first arm that is met is taken, and each has its reason."""
    node = branch("b", None, One=({"property": "x", "is": 1}, None), Two=({"property": "x", "is": 2}, None))
    edge, because = decided(FLOW, node, record(1), Facts(properties={"x": 2}))
    assert (edge, list(because) if isinstance(because, dict) else None) == ("Two", ["One", "Two"])


def test_only_what_is_asked_is_read() -> None:
    """Conditions on properties and outputs need nothing beside; one on a list names it."""
    plain = branch("b", None, One=({"property": "x", "is": 1}, None))
    listed = branch("b", None, One=({"list": "vip"}, None))
    assert needs_of(plain) == needs_of(NORDIC) == needs_to_stay(FLOW) == NOTHING
    assert needs_of(listed).lists == {"vip"}
    assert needs_to_stay(flow("f", goal={"list": "vip"}).flow).lists == {"vip"}


def test_a_goal_is_judged_in_the_zone_of_the_flow() -> None:
    """Late in the evening of Helsinki it is the same day there, and not yet in UTC."""
    goal = {"property": "renewal", "is": "2026-03-02"}
    assert goal_met(flow("f", goal=goal).flow, Facts(properties={"renewal": "2026-03-02"}))
    assert not goal_met(FLOW, Facts())


def test_the_event_that_enrolled_a_record_may_name_its_zone() -> None:
    """It is read with every step then; an event that names none leaves the flow's own."""
    zoned = flow("f", settings={"timezone": {"zone": "Europe/Helsinki", "property": "event.zone"}}).flow
    assert needs_to_stay(zoned).cause
    facts = Facts(properties={"zone": "Asia/Tokyo"}, cause={"zone": "America/Lima"})
    assert in_zone_of(zoned, facts).zone == "America/Lima"
    assert in_zone_of(zoned, facts.model_copy(update={"cause": {}})).zone == "Europe/Helsinki"
