"""Builders of flows for tests: nodes in a row, each leading to the next."""

from __future__ import annotations

from typing import Any

from workflows.model.flow import Flow
from workflows.model.nodes import (
    AnyNode,
    Branch,
    BranchOnValue,
    Delay,
    DelayUntil,
    End,
    GoTo,
    Perform,
    Split,
    WaitForEvent,
)
from workflows.model.revision import Revision


def flow(key: str, *nodes: AnyNode, **fields: Any) -> Revision:
    """Publishable revision of nodes in a row; a node that names its own edges keeps them."""
    following = [*nodes[1:], None]
    linked = {
        node.id: node
        if node.edges or isinstance(node, End)
        else node.model_copy(update={"edges": {"next": after.id if after else None}})
        for node, after in zip(nodes, following, strict=False)
    }
    start = nodes[0].id if nodes else None
    return Revision.of(Flow(key=key, name=key.title(), object="contact", start=start, nodes=linked, **fields))


def delay(node: str, length: str, **edges: str | None) -> Delay:
    """Build a delay."""
    return Delay.model_validate({"id": node, "name": node.title(), "edges": edges, "for": length})


def delay_until(node: str, **fields: Any) -> DelayUntil:
    """Build a delay until a day, a time or a date."""
    edges = fields.pop("edges", {})
    return DelayUntil.model_validate({"id": node, "name": node.title(), "edges": edges, **fields})


def branch_on_value(node: str, otherwise: str | None, of: str, **ways: tuple[list[Any], str | None]) -> BranchOnValue:
    """Build a branch on a property, or on an output (`step.key`): each way by name, its values and where it leads."""
    return BranchOnValue.model_validate(
        {
            "id": node,
            "name": node.title(),
            "edges": {**{name: to for name, (_, to) in ways.items()}, "otherwise": otherwise},
            "ways": [{"name": name, "values": values} for name, (values, _) in ways.items()],
            "output" if "." in of else "property": of,
        }
    )


def split(node: str, **shares: tuple[float, str | None]) -> Split:
    """Build a split: each share by name, its percentage and where it leads."""
    return Split.model_validate(
        {
            "id": node,
            "name": node.title(),
            "edges": {name: to for name, (_, to) in shares.items()},
            "shares": [{"name": name, "percent": percent} for name, (percent, _) in shares.items()],
        }
    )


def wait(node: str, *events: str | dict[str, Any], at_most: str | None = None, **edges: str | None) -> WaitForEvent:
    """Build a wait for any of some events."""
    any_of = [{"event": each} if isinstance(each, str) else each for each in events]
    return WaitForEvent.model_validate(
        {"id": node, "name": node.title(), "edges": edges, "any_of": any_of, "at_most": at_most}
    )


def branch(node: str, otherwise: str | None, **arms: tuple[dict[str, Any], str | None]) -> Branch:
    """Build a branch: each arm by name, its condition and where it leads."""
    return Branch.model_validate(
        {
            "id": node,
            "name": node.title(),
            "edges": {**{name: to for name, (_, to) in arms.items()}, "otherwise": otherwise},
            "arms": [{"name": name, "when": when} for name, (when, _) in arms.items()],
        }
    )


def go_to(node: str, to: str) -> GoTo:
    """Build a go-to."""
    return GoTo(id=node, name=node.title(), edges={"next": to})


def end(node: str) -> End:
    """Build an end."""
    return End(id=node, name=node.title(), edges={})


def set_property(node: str, name: str, value: Any, **fields: Any) -> Perform:
    """Build a store effect."""
    config = {"property": name, "value": value}
    edges = fields.pop("edges", {})
    return Perform(id=node, name=node.title(), edges=edges, kind="set_property", config=config, place="store", **fields)


def send_email(node: str, subject: str = "Hello {{ contact.firstname }}", **fields: Any) -> Perform:
    """Build an outside effect."""
    config = {"subject": subject, "text": "Dear {{ contact.firstname }}", "html": None}
    edges = fields.pop("edges", {})
    return Perform(
        id=node,
        name=node.title(),
        edges=edges,
        kind="send_email",
        config={**config, "email": None, "sender": None},
        place="outside",
        **fields,
    )
