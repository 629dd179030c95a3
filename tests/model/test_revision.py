from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from tests.flows import branch, delay, end, flow, go_to, send_email, set_property, wait
from workflows.model.errors import UnknownRevision
from workflows.model.flow import Flow
from workflows.model.nodes import AnyNode, Branch, onward_edges
from workflows.model.revision import HASH_LENGTH, NAMED, Known, Revision, canonical, onward

IDS = [f"n{number}" for number in range(6)]
TARGETS = st.none() | st.sampled_from(IDS)
KINDS = st.sampled_from(["delay", "wait", "branch", "set", "end"])
DRAWINGS = st.dictionaries(st.sampled_from(IDS), st.tuples(KINDS, TARGETS, TARGETS), min_size=1)
BOTH = {"all": [{"property": "é", "is_known": False}, {"not": {"output": "w.n", "less_than": 2}}]}
RICH = flow(
    "rich",
    wait("w", {"event": "replied", "where": {"mood": {"is_known": True}, "n": 1.5, "x": None}}, at_most="90 seconds"),
    branch("b", "p", Lead=(BOTH, "p")),
    set_property("p", "tags", ["ä", "b"], edges={"next": "mail"}),
    send_email("mail", on_failure="go_to", edges={"next": None, "failed": "d"}, timeout="30 seconds"),
    delay("d", "0.123 seconds", next=None),
    goal={"property": "stage", "is": "customer"},
    enroll={"on": [{"event": "created"}], "again": "always"},
)


RESTING = (
    '{"semantics":1,"key":"rest","name":"Rest","object":"contact","enroll":{"on":[],"again":"never"},"goal":null,'
    '"settings":{"revisions":"follow","timezone":{"zone":"UTC","property":null}},"start":"d","nodes":{"d":{"id":"d",'
    '"name":"D","edges":{"next":null},"do":"delay","for":86400.0}}}'
)
"""As the first release wrote it."""


class Holder(BaseModel):
    revision: Revision


def drawing(plan: dict[str, tuple[str, str | None, str | None]]) -> Revision:
    """A flow of some kind for any plan; what leads out of the plan ends. Not checked: `onward` must stand it."""
    nodes: dict[str, AnyNode] = {}
    for name, (kind, one, other) in plan.items():
        to, beside = (each if each in plan else None for each in (one, other))
        made: dict[str, AnyNode] = {
            "delay": delay(name, "1 day", next=to),
            "wait": wait(name, "replied", next=to),
            "branch": branch(name, beside, Arm=({"property": "a", "is": 1}, to)),
            "set": set_property(name, "p", 1, edges={"next": to}),
            "end": end(name),
        }
        nodes[name] = made[kind]
    values: dict[str, Any] = {"key": "f", "name": "F", "object": "contact", "start": next(iter(nodes)), "nodes": nodes}
    return Revision.of(Flow.model_construct(**values))


def test_what_was_written_before_is_written_the_same_now() -> None:
    """A field that came later is left out where it says nothing, so that no hash moves; else it is there."""
    assert canonical(flow("rest", delay("d", "1 day")).flow) == RESTING
    leaving = flow("rest", delay("d", "1 day"), leave={"on": [{"event": "paid"}]}).flow
    assert canonical(leaving) == RESTING.replace('"goal"', '"leave":{"on":[{"event":"paid","where":{}}]},"goal"')
    assert Revision.read(canonical(leaving)).flow == leaving


def test_a_revision_reads_back_what_was_published() -> None:
    """The canonical text gives the same flow and the same hash, so that a worker started today replays yesterday's."""
    again = Revision.read(canonical(RICH.flow))
    assert (again.flow, again.hash) == (RICH.flow, RICH.hash)
    assert canonical(again.flow) == canonical(RICH.flow)


def test_the_hash_does_not_move() -> None:
    """The hash of a plain flow is the one it had when this test was written: histories name it."""
    assert flow("f", delay("a", "1 day")).hash == "587e70aaea838a8a"
    assert len(RICH.hash) == HASH_LENGTH


def test_another_flow_has_another_hash() -> None:
    """A changed name is a changed flow."""
    assert flow("f", delay("a", "1 day")).hash != flow("f", delay("a", "2 days")).hash


def test_a_payload_holds_the_hash_alone() -> None:
    """Written, a revision is its hash, and the hashes met are gathered; read, it is the one shared object."""
    named: set[str] = set()
    data = Holder(revision=RICH).model_dump_json(context={NAMED: named})
    assert (data, named) == (f'{{"revision":"{RICH.hash}"}}', {RICH.hash})
    known = Known({RICH.hash: RICH})
    assert Holder.model_validate_json(data, context=known).revision is RICH


def test_an_unknown_hash_is_named() -> None:
    """A hash that was not loaded is an UnknownRevision that says which."""
    with pytest.raises(UnknownRevision, match="feed"):
        Holder.model_validate({"revision": "feed"}, context=Known())


def test_a_hash_without_the_known_revisions_is_no_revision() -> None:
    """Without the context a hash means nothing, and is refused as any wrong value."""
    with pytest.raises(ValidationError):
        Holder.model_validate({"revision": RICH.hash})


@given(DRAWINGS, DRAWINGS, st.data())
def test_onward_lands_where_a_walk_can_stand(
    before: dict[str, Any], after: dict[str, Any], data: st.DataObject
) -> None:
    """From any edge of any graph into any other, circles or not: a node of the new, a branch of the old, or the end."""
    old, new = drawing(before), drawing(after)
    edges = [(node.id, edge, to) for node in old.flow.nodes.values() for edge, to in node.edges.items()]
    came, target = None, old.flow.start
    if edges:
        node, edge, target = data.draw(st.sampled_from(edges))
        came = (node, edge)
    landing = onward(old, new, came, target)
    assert landing.revision in (old, new)
    if landing.revision is new:
        assert landing.node is None or landing.node in new.flow.nodes
    else:
        assert isinstance(old.flow.node(landing.node or ""), Branch)
    assert not (landing.all_deleted and landing.node)


@given(DRAWINGS, st.data())
def test_onward_in_the_same_drawing_is_the_edge_itself(plan: dict[str, Any], data: st.DataObject) -> None:
    """Where nothing was edited, the edge leads where it led."""
    revision = drawing(plan)
    edges = [(node.id, edge, to) for node in revision.flow.nodes.values() for edge, to in node.edges.items()]
    if edges:
        node, edge, to = data.draw(st.sampled_from(edges))
        assert onward(revision, revision, (node, edge), to).node == to


@given(DRAWINGS, DRAWINGS)
def test_a_sleeper_in_a_deleted_step_comes_out_of_it(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The record never lands in the deleted step again, and what it passes over was deleted as well."""
    old, new = drawing(before), drawing(after)
    for name, node in old.flow.nodes.items():
        if name not in new.flow.nodes and not isinstance(node, Branch) and dict(onward_edges(node)):
            assert onward(old, new, (name, "next"), name).node != name


def test_a_circle_of_deleted_steps_is_left() -> None:
    """All that lay ahead was a circle, and the edit deleted it whole: the walk ends there, and says why."""
    old = flow("f", delay("first", "1 day"), delay("a", "1 day"), set_property("p", "x", 1), go_to("again", "a"))
    landing = onward(old, flow("f", send_email("other")), ("a", "next"), "a")
    assert (landing.node, landing.all_deleted) == (None, True)


def test_a_deleted_end_is_still_the_end() -> None:
    """A path that ended as it was drawn has completed; nothing was taken from it."""
    old = flow("f", delay("a", "1 day"), end("e"))
    landing = onward(old, flow("f", send_email("other")), ("a", "next"), "a")
    assert (landing.node, landing.all_deleted) == (None, False)
