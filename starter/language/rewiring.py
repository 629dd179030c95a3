"""What an edit did to the drawing: steps that are new, gone or moved, and edges that lead elsewhere.

An edge that leads elsewhere only because a step was put in, taken out or moved is not told of: that was said already.
So each edge is followed through such steps, in both drawings, to the first that stayed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from workflows.model.flow import Flow
from workflows.model.nodes import FAILED, NEXT, GoTo

START = ""
"""The owner of the edge that leads to a flow's first step."""

Edge = tuple[str, str]
"""The step that an edge leaves, and its name."""


@dataclass(frozen=True)
class Rewired:
    """An edge that both drawings have and that leads elsewhere."""

    edge: Edge
    before: str | None
    after: str | None


class Rewiring:
    """The steps and edges of two drawings of a flow, compared."""

    def __init__(self, old: Flow, new: Flow) -> None:
        """Compare `old` with `new`."""
        self.old, self.new = old, new
        self.added = [key for key in new.nodes if key not in old.nodes]
        self.removed = [key for key in old.nodes if key not in new.nodes]

    @cached_property
    def moved(self) -> list[str]:
        """The steps that stand elsewhere, in the order of the new drawing; not those that went with one before them.

        Among all that could be called moved, those are that let most others stay where they are.
        """
        return [key for key in self.new.nodes if key in self._carried and self._has_moved(key)]

    @cached_property
    def edges(self) -> list[Rewired]:
        """The edges that lead elsewhere for a reason of their own."""
        before = _Landings(self.old, {*self.removed, *self._carried})
        after = _Landings(self.new, {*self.added, *self._carried})
        return [
            Rewired(edge, was, now)
            for edge, was, now in self._shared_edges()
            if was != now and self._is_own(edge) and before.of(was) != after.of(now)
        ]

    def come_from(self, key: str) -> list[Edge]:
        """The edges that lead to a step in the new drawing."""
        return self._new_incoming.get(key, [])

    def came_from(self, key: str) -> list[Edge]:
        """The edges that led to a step in the old drawing."""
        return self._old_incoming.get(key, [])

    @cached_property
    def _new_incoming(self) -> dict[str, list[Edge]]:
        return _incoming(self.new)

    @cached_property
    def _old_incoming(self) -> dict[str, list[Edge]]:
        return _incoming(self.old)

    @cached_property
    def _carried(self) -> set[str]:
        """The steps that moved, and those that went with them."""
        stayed = {*_longest_in_order([key for key in self.new.nodes if key in self.old.nodes], list(self.old.nodes))}
        maybe = [key for key in self.new.nodes if key in self.old.nodes and key not in stayed]
        carried, ahead = set[str](), [key for key in maybe if self._has_moved(key)]
        followers = defaultdict(list)
        for key in maybe:
            for owner, _ in self.come_from(key):
                followers[owner].append(key)
        while ahead:
            if (key := ahead.pop()) not in carried:
                carried.add(key)
                ahead += followers[key]
        return carried

    def _has_moved(self, key: str) -> bool:
        return self._sources[0].get(key) != self._sources[1].get(key)

    @cached_property
    def _sources(self) -> tuple[dict[str | None, set[Edge]], dict[str | None, set[Edge]]]:
        """Whence each step that stayed is reached, in the old and the new drawing."""
        before, after = _Landings(self.old, {*self.removed}), _Landings(self.new, {*self.added})
        found: tuple[dict[str | None, set[Edge]], dict[str | None, set[Edge]]] = (defaultdict(set), defaultdict(set))
        for sources, landings, flow in ((found[0], before, self.old), (found[1], after, self.new)):
            for edge, to in _edges(flow):
                for landed in landings.of(to) if edge[0] not in landings.passed else ():
                    sources[landed].add(edge)
        return found

    def _shared_edges(self) -> Iterator[tuple[Edge, str | None, str | None]]:
        drawn = dict(_edges(self.new))
        yield from ((edge, to, drawn[edge]) for edge, to in _edges(self.old) if edge in drawn)

    def _is_own(self, edge: Edge) -> bool:
        """Tell whether an edge is drawn by hand, or its step stayed: what follows a moved step follows from that."""
        owner, name = edge
        return owner not in self._carried or name == FAILED or isinstance(self.new.nodes[owner], GoTo)


class _Landings:
    """Where edges of a drawing lead when some of its steps are passed through."""

    def __init__(self, flow: Flow, passed: Collection[str]) -> None:
        self.flow, self.passed = flow, passed
        self._known: dict[str | None, frozenset[str | None]] = {}

    def of(self, target: str | None) -> frozenset[str | None]:
        """Give the first steps that are not passed through, from `target` on; None is the end."""
        if target not in self._known:
            self._known[target] = frozenset(self._found(target))
        return self._known[target]

    def _found(self, target: str | None) -> Iterator[str | None]:
        seen, ahead = set[str | None](), [target]
        while ahead:
            here = ahead.pop()
            if here in seen:
                continue
            seen.add(here)
            if here is None or here not in self.passed:
                yield here
            else:
                ahead += self.flow.nodes[here].edges.values() or [None]


def _edges(flow: Flow) -> Iterator[tuple[Edge, str | None]]:
    yield (START, NEXT), flow.start
    for key, node in flow.nodes.items():
        yield from (((key, name), to) for name, to in node.edges.items())


def _incoming(flow: Flow) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = defaultdict(list)
    for edge, to in _edges(flow):
        if to is not None:
            found[to].append(edge)
    return found


def _longest_in_order(keys: Sequence[str], order: Sequence[str]) -> Iterator[str]:
    """Give the most of `keys` that stand in `order` one after the other, from the last to the first."""
    place = {key: number for number, key in enumerate(order)}
    ends: list[int] = []
    holders: list[str] = []
    before: dict[str, str] = {}
    for key in keys:
        at = bisect_left(ends, place[key])
        if at:
            before[key] = holders[at - 1]
        ends[at : at + 1], holders[at : at + 1] = [place[key]], [key]
    here = holders[-1] if holders else None
    while here is not None:
        yield here
        here = before.get(here)
