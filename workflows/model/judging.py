"""Judging a condition on facts: met or not, and why, as a tree of the same shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import JsonValue

from workflows.model.comparisons import Comparison, Other, Test, check
from workflows.model.condition_tree import (
    All,
    Any,
    Condition,
    Leaf,
    Not,
    OnAssociated,
    OnEvent,
    OnFlow,
    OnList,
    OnOutput,
    OnProperty,
)
from workflows.model.facts import Facts
from workflows.model.moments import Clock, Read, anniversary, day_of, instant, rolling, window, written
from workflows.model.operators import EVER, NEGATIONS, Check, atoms, compares, is_empty, number
from workflows.model.phrases import quoted
from workflows.model.records import Event
from workflows.model.sentences import sentence
from workflows.model.time_points import Reading

Plain = str | int | float | bool | None
"""A value to be equal to, written without an operator."""

MOST_SHOWN = 10
"""Parts that a reason names, and associated records whose own verdicts are kept."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a condition, with a sentence that says why, and the same for each part that `joins` join."""

    met: bool
    because: str
    parts: tuple[Verdict, ...] = ()
    joins: str = ""


def judge(condition: Condition, facts: Facts) -> Verdict:
    """Judge a condition on the facts, and say why."""
    return _judged(condition, facts, Clock(facts.now, facts.zone))


def matches(tests: Mapping[str, Test | Plain], values: Mapping[str, JsonValue]) -> bool:
    """Tell whether each named value passes its test; a plain value means `is`, and null that there is none."""
    return all(_passes(test, values.get(name)) for name, test in tests.items())


def _passes(test: Test | Plain, value: JsonValue) -> bool:
    if isinstance(test, Test):
        return test.holds(value)
    return is_empty(value) if test is None or test == "" else not is_empty(value) and check("is_", test)(value)


def _judged(condition: Condition, facts: Facts, clock: Clock) -> Verdict:
    match condition:
        case OnProperty():
            return _on_property(condition, facts, clock)
        case OnOutput():
            node, _, key = condition.output.partition(".")
            return _on_value(condition, facts.outputs.get(node, {}).get(key), facts, clock)
        case All():
            return _joined("all of", [_judged(part, facts, clock) for part in condition.all], every=True)
        case Any():
            return _joined("any of", [_judged(part, facts, clock) for part in condition.any], every=False)
        case Not():
            part = _judged(condition.not_, facts, clock)
            return Verdict(not part.met, f"not ({part.because})", (part,), "not")
        case OnList():
            return _answer(condition, (condition.list in facts.lists) == condition.member)
        case OnFlow():
            stands = condition.standing in facts.flows.get(condition.flow, ())
            return _answer(condition, stands == (condition.is_ is not None))
        case OnEvent():
            return _on_event(condition, facts, clock)
        case OnAssociated():
            return _on_associated(condition, facts, clock)


def _on_property(leaf: OnProperty, facts: Facts, clock: Clock) -> Verdict:
    value = facts.properties.get(leaf.property)
    if leaf.base == "updated_within":
        return _on_update(leaf, facts, clock)
    if leaf.base in EVER:
        past = facts.history.get(leaf.property, ())
        ever = any(not is_empty(one) and leaf.check(one) for one in [*(each.value for each in past), value])
        return _answer(leaf, ever == (leaf.base == leaf.operator))
    return _on_value(leaf, value, facts, clock)


def _on_update(leaf: OnProperty, facts: Facts, clock: Clock) -> Verdict:
    changed = _read(facts, clock)(leaf.property, "updated")
    within = changed in rolling(leaf.base, leaf.wanted, clock.now)  # type: ignore[arg-type]
    reason = f"it was on {changed:%Y-%m-%d}" if changed else "nothing is known of a change"
    return _answer(leaf, within == (leaf.base == leaf.operator), reason)


def _on_value(leaf: OnProperty | OnOutput, value: JsonValue, facts: Facts, clock: Clock) -> Verdict:
    if leaf.base == "is_known":
        return _answer(leaf, is_empty(value) != leaf.is_known, f"it is {quoted(value)}")
    if leaf.is_of_time:
        return _on_moment(leaf, value, facts, clock)
    if is_empty(value):
        return _answer(leaf, leaf.if_empty, "it is empty")
    passes: Check | None = leaf.check if not isinstance(leaf.wanted, Other) else _beside(leaf, leaf.wanted, facts)
    if passes is None:
        return _answer(leaf, leaf.if_empty, "what it is compared with is empty")
    return _answer(leaf, passes(value) == (leaf.base == leaf.operator), f"it is {quoted(value)}")


def _beside(leaf: Comparison, other: Other, facts: Facts) -> Check | None:
    """Make the check against another property, None where that is empty."""
    value: JsonValue = facts.properties.get(other.property)
    value = other.otherwise if is_empty(value) else value
    if is_empty(value):
        return None
    if leaf.base == "is_":
        return check(leaf.base, tuple(atoms(value)))
    amount = number(value)
    return compares(leaf.base, amount) if amount is not None else lambda _value: False


def _on_moment(leaf: OnProperty | OnOutput, value: JsonValue, facts: Facts, clock: Clock) -> Verdict:
    read = _read(facts, clock)
    if isinstance(leaf, OnProperty) and leaf.read == "updated":
        moment = read(leaf.property, "updated")
        value = moment.isoformat() if moment else None
    else:
        moment = _moment(value, leaf.read if isinstance(leaf, OnProperty) else "value", clock)
    if is_empty(value):
        return _answer(leaf, leaf.if_empty, "it is empty")
    span = window(leaf.base, leaf.wanted, clock, read)
    if span is None:
        return _answer(leaf, leaf.if_empty, "what it is compared with is empty")
    within = moment is not None and instant(moment, clock.zone) in span
    return _answer(leaf, within == (leaf.base == leaf.operator), f"it is {quoted(value)}")


def _moment(value: JsonValue, reading: Reading, clock: Clock) -> date | datetime | None:
    found = day_of(value) if reading == "date" else written(value)
    return anniversary(found, clock) if found and reading == "anniversary" else found


def _read(facts: Facts, clock: Clock) -> Read:
    def read(name: str, reading: Reading) -> date | datetime | None:
        if reading == "updated":
            past = facts.history.get(name)
            return past[-1].at if past else None
        return _moment(facts.properties.get(name), "value" if reading == "anniversary" else reading, clock)

    return read


def _on_event(leaf: OnEvent, facts: Facts, clock: Clock) -> Verdict:
    counts = _counts(leaf, facts, clock)
    happened = sum(event.type == leaf.event and counts(event) for event in facts.events)
    least, most = leaf.counts.at_least, leaf.counts.at_most
    met = happened >= least and (most is None or happened <= most)
    return _answer(leaf, met, f"it happened {happened} times" if happened != 1 else "it happened once")


def _counts(leaf: OnEvent, facts: Facts, clock: Clock) -> Callable[[Event], bool]:
    if leaf.operator is None:
        return lambda event: matches(leaf.where, event.properties)
    base = NEGATIONS.get(leaf.operator, leaf.operator)
    span = window(base, leaf.wanted, clock, _read(facts, clock))
    if span is None:  # nothing is before a date that there is not
        return lambda _event: False
    return lambda event: (
        matches(leaf.where, event.properties) and ((event.occurred_at or event.at) in span) == (base == leaf.operator)
    )


def _on_associated(leaf: OnAssociated, facts: Facts, clock: Clock) -> Verdict:
    found = facts.associated.get(leaf.name, ())
    if leaf.where is None:
        return _answer(leaf, bool(found) != leaf.none, f"there are {len(found)}")
    verdicts = sorted((_judged(leaf.where, each, clock) for each in found), key=lambda verdict: not verdict.met)
    some = sum(verdict.met for verdict in verdicts)
    verdict = _answer(leaf, bool(some) != leaf.none, f"it is so of {some} of {len(found)}")
    return Verdict(verdict.met, verdict.because, tuple(verdicts[:MOST_SHOWN]), verdict.because)


def _joined(word: str, parts: list[Verdict], *, every: bool) -> Verdict:
    met = all(part.met for part in parts) if every else any(part.met for part in parts)
    deciding = [part.because for part in parts if part.met == met]
    more = [f"and {len(deciding) - MOST_SHOWN} more"] if len(deciding) > MOST_SHOWN else []
    return Verdict(met, f"{word}: {'; '.join([*deciding[:MOST_SHOWN], *more])}", tuple(parts), word)


def _answer(leaf: Leaf, met: bool, reason: str = "") -> Verdict:  # noqa: FBT001 - the answer itself
    because = f"{sentence(leaf)}: {'yes' if met else 'no'}"
    return Verdict(met, f"{because}, {reason}" if reason else because)


def explained(verdict: Verdict, indent: str = "") -> str:
    """Print a verdict as a tree, a line for each part."""
    lines = [f"{indent}{'+' if verdict.met else '-'} {verdict.joins or verdict.because}"]
    return "\n".join([*lines, *(explained(part, indent + "  ") for part in verdict.parts)])
