from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.flows import branch, delay, end, flow, go_to, send_email, set_property, wait
from workflows.model.flow import Flow, changed_kinds
from workflows.model.nodes import AnyNode, Delay, GoTo, onward_edges
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
    found: set[str] = {to for _, to in onward_edges(nodes[begin])}
    if awake and isinstance(nodes[begin], Delay):
        return set()
    while True:
        through = {each for each in found if not (awake and isinstance(nodes[each], Delay))}
        more = {to for each in through for _, to in onward_edges(nodes[each])} - found
        if not more:
            return found
        found |= more


@given(GRAPHS)
def test_steps_that_no_path_leads_to_are_found(graph: dict[str, tuple[str, list[str]]]) -> None:
    """On random graphs, exactly the nodes that relaxing does not reach from the start are told."""
    nodes = drawn(graph)
    reached = {IDS[0]} | reaches(nodes, IDS[0], awake=False)
    told = {each.partition(":")[0] for each in mistakes(nodes, IDS[0]) if "no path" in each}
    assert told == set(nodes) - reached


@given(GRAPHS)
def test_circles_without_a_sleep_are_found(graph: dict[str, tuple[str, list[str]]]) -> None:
    """On random graphs, a circle is told exactly when a node reaches itself without sleeping, and it is named."""
    nodes = drawn(graph)
    on_circles = {
        each for each in nodes if each in reaches(nodes, each, awake=True) and not isinstance(nodes[each], Delay)
    }
    told = {each.partition(":")[0] for each in mistakes(nodes, IDS[0]) if "circle" in each}
    assert on_circles <= told
    assert bool(told) == bool(on_circles)


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


def test_ten_thousand_nodes_are_checked_in_a_row() -> None:
    """The checks are linear and do not recurse: 10,000 nodes in a row, and as many in one circle."""
    begin = perf_counter()
    nodes: dict[str, AnyNode] = {
        f"n{n}": GoTo.model_construct(id=f"n{n}", name="N", edges={"next": f"n{n + 1}"}) for n in range(10_000)
    }
    nodes["n10000"] = end("n10000")
    assert mistakes(nodes, "n0") == []
    nodes["n10000"] = go_to("n10000", "n0")
    assert len(mistakes(nodes, "n0")) == 10_001
    assert perf_counter() - begin < 5


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (delay("a", "1 day"), delay("a", "2 days"), []),
        (delay("a", "1 day"), delay("b", "1 day"), []),
        (delay("a", "1 day"), wait("a", "replied"), ["a: was 'delay' and cannot become 'wait_for_event'"]),
        (send_email("a"), set_property("a", "p", 1), ["a: was 'send_email' and cannot become 'set_property'"]),
    ],
)
def test_an_id_means_one_kind_of_step(old: AnyNode, new: AnyNode, told: list[str]) -> None:
    """A step whose id stayed while its kind changed is told, for a control step and an action alike."""
    assert [each.partition(";")[0] for each in changed_kinds(flow("f", old).flow, flow("f", new).flow)] == told


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
