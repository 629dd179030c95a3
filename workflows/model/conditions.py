"""Conditions over a record, as the rest of the house uses them.

A condition is a small frozen tree, read once from a flow file. A leaf compares one value, as `{property: stage, is:
lead}` or `{output: opened.happened, is: true}`, or asks for a list, an event, a flow or an associated record; `all`,
`any` and `not` join them. The same tree is judged on facts, compiled to SQL and printed as a sentence.
"""

from __future__ import annotations

from pydantic import JsonValue

from workflows.model.comparisons import Test
from workflows.model.condition_tree import (
    All,
    Any,
    Condition,
    Not,
    OnAssociated,
    OnEvent,
    OnFlow,
    OnList,
    OnOutput,
    OnProperty,
    leaves,
)
from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.judging import Plain, Verdict, explained, judge, matches
from workflows.model.operators import EVER, atoms, is_empty, keys, wanted_keys
from workflows.model.sentences import sentence
from workflows.model.time_points import TimePoint, TimeRange

__all__ = [
    "All",
    "Any",
    "Condition",
    "Facts",
    "Not",
    "OnAssociated",
    "OnEvent",
    "OnFlow",
    "OnList",
    "OnOutput",
    "OnProperty",
    "Plain",
    "Test",
    "Verdict",
    "explained",
    "judge",
    "leaves",
    "matches",
    "needs",
    "same",
    "sentence",
]


def needs(condition: Condition) -> Needs:
    """Tell what must be read beside the record to judge a condition."""
    return Needs.of_all(_needs_of(leaf) for leaf in leaves(condition))


def _needs_of(leaf: object) -> Needs:
    match leaf:
        case OnProperty():
            asks_past = leaf.base in EVER or leaf.base == "updated_within" or leaf.read == "updated"
            own = {leaf.property} if asks_past else set()
            return Needs(history=frozenset(own | _updates_named(leaf.wanted)))
        case OnOutput():
            return Needs(history=frozenset(_updates_named(leaf.wanted)))
        case OnList():
            return Needs(lists=frozenset({leaf.list}))
        case OnFlow():
            return Needs(flows=frozenset({leaf.flow}))
        case OnEvent():
            return Needs(events=frozenset({leaf.event}), history=frozenset(_updates_named(leaf.wanted)))
        case OnAssociated():
            return Needs(associated={leaf.name: needs(leaf.where) if leaf.where else NOTHING})
    raise TypeError(leaf)


def _updates_named(wanted: object) -> set[str]:
    """Give the properties whose last change a comparison is with."""
    match wanted:
        case TimeRange():
            return {name for _, point in wanted.ends for name in _updates_named(point)}
        case TimePoint(property=str() as name, read="updated"):
            return {name}
    return set()


def same(left: JsonValue, right: JsonValue) -> bool:
    """Tell whether two values are equal as `is` compares them; an empty one is equal to none."""
    lists = any(isinstance(each, list) and len(each) > 1 for each in (left, right))
    if lists or is_empty(left) or is_empty(right):
        return False
    return not wanted_keys(atoms(right)).isdisjoint(keys(left))
