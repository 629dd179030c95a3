"""Which way leads on from a node that decides, and what must be read to tell."""

from __future__ import annotations

from hashlib import sha256

from pydantic import JsonValue

from workflows.model.conditions import judge, needs, same
from workflows.model.delays import zone_of
from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.flow import Flow
from workflows.model.nodes import OTHERWISE, AnyNode, Branch, BranchOnValue, Deciding, Split
from workflows.model.records import RecordRef


def needs_to_stay(flow: Flow) -> Needs:
    """Give what must be read to tell whether a record leaves the flow, and where its days begin."""
    asked = NOTHING if flow.goal is None else needs(flow.goal)
    return asked | Needs(cause=True) if _zone_property(flow)[0] else asked


def goal_met(flow: Flow, facts: Facts) -> bool:
    """Tell whether a record has reached the flow's goal, which a flow may have none of."""
    return flow.goal is not None and judge(flow.goal, in_zone_of(flow, facts)).met


def in_zone_of(flow: Flow, facts: Facts) -> Facts:
    """Give the facts with days that begin where the flow says."""
    is_of_event, name = _zone_property(flow)
    return facts.with_zone(
        zone_of(flow.settings.timezone, (facts.cause if is_of_event else facts.properties).get(name))
    )


def _zone_property(flow: Flow) -> tuple[bool, str]:
    """Give the property that names the zone, and whether it is one of the event that enrolled the record."""
    root, _, name = (flow.settings.timezone.property or "").rpartition(".")
    return bool(root), name


def needs_of(node: AnyNode) -> Needs:
    """Give what must be read, beside the record and the outputs, to decide at a node."""
    return Needs.of_all(needs(arm.when) for arm in node.arms) if isinstance(node, Branch) else NOTHING


def decided(flow: Flow, node: Deciding, ref: RecordRef, facts: Facts) -> tuple[str, JsonValue]:
    """Give the edge that a record takes, and why."""
    if isinstance(node, Branch):
        verdicts = {arm.name: judge(arm.when, facts) for arm in node.arms}
        taken = next((name for name, verdict in verdicts.items() if verdict.met), OTHERWISE)
        return taken, {name: verdict.because for name, verdict in verdicts.items()}
    if isinstance(node, BranchOnValue):
        return way_of(node, facts), None
    return share_of(flow, node, ref), None


def way_of(node: BranchOnValue, facts: Facts) -> str:
    """Give the edge of the first way that names the value, null standing for none.

    Several options at once are equal to no single one.
    """
    step, _, key = (node.output or "").partition(".")
    value = facts.properties.get(node.property) if node.property else facts.outputs.get(step, {}).get(key)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return next((way.name for way in node.ways if any(_is(value, each) for each in way.values)), OTHERWISE)


def _is(value: JsonValue, wanted: JsonValue) -> bool:
    if value in (None, "", []) or wanted is None:
        return value in (None, "", []) and wanted is None
    return not isinstance(value, list) and same(value, wanted)


def share_of(flow: Flow, node: Split, ref: RecordRef) -> str:
    """Give the share of a split that a record belongs to, by a hash of flow, node and record."""
    drawn = int.from_bytes(sha256(f"{flow.key}/{node.id}/{ref}".encode()).digest()[:8]) / 2**64 * 100
    for share in node.shares:
        drawn -= share.percent
        if drawn < 0:
            return share.name
    return node.shares[-1].name  # what rounding leaves over, as with three times 33.333
