"""A graph as a whole: what a walk would fall over, and what comes before what. Linear, and nothing in it recurses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from workflows.model.nodes import AnyNode, Delay, DelayUntil, WaitForEvent, edges_needed, onward_edges

MOST_NODES = 10_000
"""Nodes of a flow; HubSpot's largest have about 500."""

_SHOWN = 6

Nodes = Mapping[str, AnyNode]
Onward = Mapping[str, Sequence[str]]


class Misdrawn(NamedTuple):
    """One thing that is wrong with a graph, and the node it is told at; no node for the start."""

    node: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.node or 'flow'}: {self.message}"


def misdrawn(start: str | None, nodes: Nodes) -> list[Misdrawn]:
    """Find all that is wrong with a graph."""
    return [*_unfit(nodes), *_dangling(start, nodes), *_unreachable(start, nodes), *_restless(nodes)]


def rests(node: AnyNode) -> bool:
    """Tell whether a record never passes a node twice without a pause between: what a circle of steps needs.

    A delay until weekdays alone lets records pass all day long, and one until a moment that may be past or empty lets
    them pass at once, unless it ends the walk then.
    """
    match node:
        case Delay() | WaitForEvent():
            return True
        case DelayUntil(date=None, property=None):
            return node.at is not None
        case DelayUntil():
            return node.if_past == "end" and (node.date is not None or node.if_empty == "end")
        case _:
            return False


def _unfit(nodes: Nodes) -> Iterator[Misdrawn]:
    for key, node in nodes.items():
        needed = edges_needed(node)
        if node.id != key:
            yield Misdrawn(key, "wrong_id", f"the step under this id calls itself {node.id!r}")
        for edge in needed:
            if edge not in node.edges:
                yield Misdrawn(key, "missing_edge", f"it has no edge {edge!r}")
        if len({*needed}) < len(needed):
            for edge in sorted({each for each in needed if needed.count(each) > 1}):
                yield Misdrawn(key, "duplicate_name", f"two arms are called {edge!r}")


def _dangling(start: str | None, nodes: Nodes) -> Iterator[Misdrawn]:
    edges = [("", "start", start)] if start else []
    edges += [(node.id, name, target) for node in nodes.values() for name, target in onward_edges(node)]
    for owner, name, to in edges:
        if to not in nodes:
            yield Misdrawn(owner, "unknown_step", f"its edge '{name}' leads to {to!r}, which is no step")


def _unreachable(start: str | None, nodes: Nodes) -> Iterator[Misdrawn]:
    """Find steps that no path leads to; those that only such a step leads to follow from it."""
    reached = set[str]()
    _reach(start, nodes, reached)
    for key in nodes:
        if key not in reached:
            yield Misdrawn(key, "unreachable_step", "no path from the start leads here")
            _reach(key, nodes, reached)


def _reach(begin: str | None, nodes: Nodes, reached: set[str]) -> None:
    ahead = [begin]
    while ahead:
        here = ahead.pop()
        if here is not None and here not in reached and here in nodes:
            reached.add(here)
            ahead += nodes[here].edges.values()


def _restless(nodes: Nodes) -> Iterator[Misdrawn]:
    """Find circles on which nothing rests: a record would go round such a one without end, all at once."""
    awake = {key: node for key, node in nodes.items() if not rests(node)}
    onward = {key: [to for _, to in onward_edges(node) if to in awake] for key, node in awake.items()}
    order = {key: number for number, key in enumerate(awake)}
    for group in components(onward):
        if not is_circle(group, onward):
            continue
        first = min(group, key=order.__getitem__)
        way = _way_round(first, {*group}, onward)
        shown = [*way[:_SHOWN], "..."] if len(way) > _SHOWN else [*way, first]
        message = f"these steps go round in a circle without a delay or a wait: {' -> '.join(shown)}"
        yield Misdrawn(first, "cycle_without_wait", message)


def _way_round(first: str, group: set[str], onward: Onward) -> list[str]:
    """Give a shortest way from a step back to itself."""
    came_from: dict[str, str] = {}
    ahead = [first]
    for here in ahead:
        for to in onward[here]:
            if to == first:
                way = [here]
                while way[-1] != first:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if to in group and to not in came_from:
                came_from[to] = here
                ahead.append(to)
    return [first]


def is_circle(group: Sequence[str], onward: Onward) -> bool:
    """Tell whether a walk can come back to where it was within a component."""
    return len(group) > 1 or group[0] in onward[group[0]]


def components(onward: Onward) -> list[list[str]]:
    """Divide nodes into groups that lead to each other; each group stands after all those it leads to (Tarjan)."""
    entered: dict[str, int] = {}
    lowest: dict[str, int] = {}
    pending: list[str] = []
    groups: list[list[str]] = []
    for root in onward:
        way: list[tuple[str, Iterator[str]]] = [] if root in entered else [(root, iter(onward[root]))]
        while way:
            here, targets = way[-1]
            if here not in entered:
                entered[here] = lowest[here] = len(entered)
                pending.append(here)
            for to in targets:
                if to not in entered:
                    way.append((to, iter(onward[to])))
                    break
                lowest[here] = min(lowest[here], lowest[to])
            else:
                way.pop()
                if way:
                    lowest[way[-1][0]] = min(lowest[way[-1][0]], lowest[here])
                if lowest[here] == entered[here]:
                    groups.append(_closed(here, pending, lowest, len(onward)))
    return groups


def _closed(root: str, pending: list[str], lowest: dict[str, int], done: int) -> list[str]:
    """Take a finished group off the pending nodes; `done` is past all numbers, so that nothing goes back to it."""
    group: list[str] = []
    while not group or group[-1] != root:
        group.append(pending.pop())
        lowest[group[-1]] = done
    return group


class Before:
    """What can have come before what on a walk, answered at once for any two nodes."""

    def __init__(self, nodes: Nodes) -> None:
        """Look at all ways through a graph; a set of groups is kept as the bits of a number."""
        onward = {key: [to for _, to in onward_edges(node) if to in nodes] for key, node in nodes.items()}
        groups = components(onward)
        self._group = {key: number for number, group in enumerate(groups) for key in group}
        self._before = [0] * len(groups)
        for number in reversed(range(len(groups))):
            group, bit = groups[number], 1 << number
            self._before[number] |= bit if is_circle(group, onward) else 0
            for to in {self._group[target] for key in group for target in onward[key]} - {number}:
                self._before[to] |= self._before[number] | bit

    def may_precede(self, step: str, other: str) -> bool:
        """Tell whether a walk can pass `step` and come to `other` later."""
        return bool(self._before[self._group[other]] >> self._group[step] & 1)
