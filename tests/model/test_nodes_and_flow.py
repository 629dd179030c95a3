from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.computing import computes_within
from tests.flows import branch, delay, end, flow, go_to, send_email, set_property, wait
from workflows.model.flow import Flow, kind_of
from workflows.model.graph import MOST_NODES, Before
from workflows.model.nodes import AnyNode, Delay, DelayUntil, GoTo, onward_edges
from workflows.model.revision import Revision

IDS = [f"n{number}" for number in range(7)]
GRAPHS = st.fixed_dictionaries(
    {
        name: st.tuples(
            st.sampled_from(["delay", "branch", "go_to"]), st.lists(st.sampled_from(IDS), min_size=2, max_size=2)
        )
        for name in IDS
    }
)


def mistakes(nodes: dict[str, AnyNode], start: str | None) -> list[str]:
    try:
        Flow(key="f", name="F", object="contact", start=start, nodes=nodes)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ").split("; ")
    return []


def drawn(graph: dict[str, tuple[str, list[str]]]) -> dict[str, AnyNode]:
    def node(name: str, kind: str, to: list[str]) -> AnyNode:
        if kind == "delay":
            return delay(name, "1 day", next=to[0])
        if kind == "go_to":
            return go_to(name, to[0])
        return branch(name, to[1], Arm=({"property": "a", "is": 1}, to[0]))

    return {name: node(name, *how) for name, how in graph.items()}


def reaches(nodes: dict[str, AnyNode], begin: str, *, awake: bool) -> set[str]:
    """What lies ahead of a node, found by relaxing until nothing changes; the second method."""
    if awake and isinstance(nodes[begin], Delay):
        return set()
    found: set[str] = {to for _, to in onward_edges(nodes[begin])}
    while True:
        through = {each for each in found if not (awake and isinstance(nodes[each], Delay))}
        more = {to for each in through for _, to in onward_edges(nodes[each])} - found
        if not more:
            return found
        found |= more


@given(GRAPHS)
def test_steps_that_no_path_leads_to_are_found(graph: dict[str, tuple[str, list[str]]]) -> None:
    """On random graphs, the nodes told and those ahead of them are exactly what relaxing does not reach."""
    nodes = drawn(graph)
    reached = {IDS[0]} | reaches(nodes, IDS[0], awake=False)
    told = {each.partition(":")[0] for each in mistakes(nodes, IDS[0]) if "no path" in each}
    ahead = {each for one in told for each in reaches(nodes, one, awake=False)}
    assert told | (ahead - reached) == set(nodes) - reached
    assert not told & reached


@given(GRAPHS)
def test_circles_without_a_sleep_are_found(graph: dict[str, tuple[str, list[str]]]) -> None:
    """On random graphs, a node reaches itself without sleeping exactly when a circle is told that it has part in."""
    nodes = drawn(graph)
    ahead = {each: reaches(nodes, each, awake=True) for each in nodes}
    on_circles = {each for each in nodes if each in ahead[each]}
    told = {each.partition(":")[0] for each in mistakes(nodes, IDS[0]) if "circle" in each}
    assert told <= on_circles
    assert all(any(each in ahead[one] and one in ahead[each] for one in told) for each in on_circles)
    assert not any(one in ahead[other] and other in ahead[one] for one in told for other in told - {one})


@given(GRAPHS)
def test_what_can_come_before_what_is_known(graph: dict[str, tuple[str, list[str]]]) -> None:
    """On random graphs, a node may come before another exactly when relaxing from it reaches the other."""
    nodes = drawn(graph)
    before = Before(nodes)
    for one in nodes:
        ahead = reaches(nodes, one, awake=False)
        assert {other for other in nodes if before.may_precede(one, other)} == ahead


@pytest.mark.parametrize(
    ("nodes", "start", "mistake"),
    [
        ([delay("a", "1 day", next="b")], "a", "a: its edge 'next' leads to 'b', which is no step"),
        ([delay("a", "1 day", next=None)], "b", "flow: its edge 'start' leads to 'b', which is no step"),
        ([delay("a", "1 day", next=None)], None, "a: no path from the start leads here"),
        ([delay("a", "1 day")], "a", "a: it has no edge 'next'"),
        ([go_to("a", "b").model_copy(update={"edges": {}})], "a", "a: it has no edge 'next'"),
        (
            [branch("a", None, Arm=({"property": "p", "is": 1}, None)).model_copy(update={"edges": {"Arm": None}})],
            "a",
            "a: it has no edge 'otherwise'",
        ),
        ([send_email("a", on_failure="go_to", edges={"next": None})], "a", "a: it has no edge 'failed'"),
    ],
    ids=["dangling", "no such start", "unreachable", "no way on", "go to nowhere", "no otherwise", "no way on failure"],
)
def test_a_graph_that_cannot_be_walked_is_refused(nodes: list[AnyNode], start: str | None, mistake: str) -> None:
    """A walk never comes to an edge that is not there; the sentence begins with the step."""
    assert mistake in mistakes({node.id: node for node in nodes}, start)


def test_a_node_stands_under_its_own_id() -> None:
    """A graph whose key and node disagree is refused: the ledger goes by the one, the walk by the other."""
    assert "a: the step under this id calls itself 'b'" in mistakes({"a": delay("b", "1 day", next=None)}, "a")


def test_an_arm_has_an_edge_of_its_own() -> None:
    """Two arms of one name, and an arm without an edge, are refused."""
    arm = {"name": "Arm", "when": {"property": "a", "is": 1}}
    twice = branch("a", None, Arm=({"property": "a", "is": 1}, None)).model_dump(by_alias=True)
    assert "a: two arms are called 'Arm'" in mistakes_of({**twice, "arms": [arm, arm]})
    assert "a: it has no edge 'Arm'" in mistakes_of({**twice, "edges": {"otherwise": None}})


def mistakes_of(node: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Flow.model_validate({"key": "f", "name": "F", "object": "contact", "start": "a", "nodes": {"a": node}})
    return str(caught.value)


def test_a_circle_with_a_delay_is_allowed() -> None:
    """A record may go round for ever, as long as it sleeps on the way."""
    assert flow("f", delay("a", "1 day"), set_property("p", "stage", "x"), go_to("again", "a")).flow.start == "a"


def test_a_circle_with_a_wait_is_allowed() -> None:
    """A wait sleeps, too."""
    assert flow("f", wait("a", "replied"), go_to("again", "a")).flow.start == "a"


@pytest.mark.parametrize(
    ("settings", "rests"),
    [
        ({"on": ["tue"], "at": "11:00"}, True),
        ({"at": "11:00"}, True),
        ({"on": ["tue"]}, False),
        ({"date": "2026-12-24"}, False),
        ({"date": "2026-12-24", "if_past": "end"}, True),
        ({"property": "renewal", "if_past": "end"}, False),
        ({"property": "renewal", "if_past": "end", "if_empty": "end"}, True),
    ],
)
def test_a_circle_needs_a_delay_that_cannot_be_passed_at_once(settings: dict[str, Any], rests: bool) -> None:
    """A moment that may be past or empty, and a weekday that lasts all day, hold no record back, unless they end it."""
    until = DelayUntil.model_validate({"id": "a", "name": "A", "edges": {"next": "again"}, **settings})
    told = mistakes({"a": until, "again": go_to("again", "a")}, "a")
    circle = ["a: these steps go round in a circle without a delay or a wait: a -> again -> a"]
    assert told == ([] if rests else circle)


def in_a_row(count: int) -> dict[str, AnyNode]:
    row = [GoTo.model_construct(id=f"n{n}", name="N", edges={"next": f"n{n + 1}"}) for n in range(count - 1)]
    return {**{node.id: node for node in row}, f"n{count - 1}": end(f"n{count - 1}")}


def test_ten_thousand_nodes_are_checked_in_a_row() -> None:
    """The checks are linear and do not recurse: 10,000 nodes in a row, and as many in one circle."""
    with computes_within(2):
        nodes = in_a_row(MOST_NODES)
        assert mistakes(nodes, "n0") == []
        nodes[f"n{MOST_NODES - 1}"] = go_to(f"n{MOST_NODES - 1}", "n0")
        (circle,) = mistakes(nodes, "n0")
        assert circle.endswith("n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> ...")


def test_a_hundred_thousand_nodes_are_refused_before_they_are_looked_at() -> None:
    """A flow above the limit is refused at once, as nodes and as stored text."""
    nodes = in_a_row(100_000)
    stored = {key: {"do": "go_to", "id": key, "name": key, "edges": node.edges} for key, node in nodes.items()}
    with computes_within(2):
        assert mistakes(nodes, "n0") == ["the flow has 100000 steps, and at most 10000 are possible"]
        with pytest.raises(ValidationError, match="100000 steps"):
            Flow.model_validate({"key": "f", "name": "F", "object": "contact", "start": "n0", "nodes": stored})


def test_64_diamonds_are_accepted_at_once() -> None:
    """A graph of 2^64 paths takes no longer than its 192 nodes."""
    nodes: dict[str, AnyNode] = {}
    for n in range(64):
        nodes[f"a{n}"] = branch(f"a{n}", f"c{n}", Arm=({"property": "a", "is": 1}, f"b{n}"))
        nodes[f"b{n}"] = go_to(f"b{n}", f"a{n + 1}")
        nodes[f"c{n}"] = go_to(f"c{n}", f"a{n + 1}")
    nodes["a64"] = end("a64")
    with computes_within(1):
        assert mistakes(nodes, "a0") == []
        assert Before(nodes).may_precede("b0", "a64")


@pytest.mark.parametrize(
    ("node", "kind"),
    [(delay("a", "1 day"), "delay"), (wait("a", "replied"), "wait_for_event"), (send_email("a"), "send_email")],
)
def test_a_step_is_of_the_kind_that_its_file_names(node: AnyNode, kind: str) -> None:
    """A control step is of its own kind, and one that does something of that of its action."""
    assert kind_of(node) == kind


@pytest.mark.parametrize("config", [{"value": float("inf")}, {"value": [float("nan")]}])
def test_a_number_that_json_has_not_is_refused(config: dict[str, Any]) -> None:
    """Infinity would be stored as null, and the revision read back would not be the one published."""
    node = {
        "id": "a",
        "name": "A",
        "edges": {"next": None},
        "do": "perform",
        "kind": "x",
        "config": config,
        "place": "store",
    }
    assert "finite" in mistakes_of(node)


def test_edges_and_names_may_differ_for_one_step() -> None:
    """A step that was only renamed or led elsewhere is the same to a sleeper; a longer delay is not."""
    step = delay("a", "1 day", next=None)
    assert step.same_but_edges(step.model_copy(update={"name": "Other", "edges": {"next": "b"}}))
    assert not step.same_but_edges(delay("a", "2 days", next=None))


def test_a_revision_of_an_empty_flow_is_whole() -> None:
    """No steps is a flow, too: it ends at once."""
    assert isinstance(flow("f"), Revision)
