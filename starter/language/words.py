"""The parts of a flow in words, as the sentences of `diff` and `publish` say them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from itertools import zip_longest
from typing import Any, get_args

from pydantic import BaseModel

from workflows.model import phrases
from workflows.model.conditions import Condition, OnOutput, OnProperty, Test, sentence
from workflows.model.flow import Leave, Timezone, kind_of
from workflows.model.nodes import (
    FAILED,
    NEXT,
    OTHERWISE,
    Branch,
    BranchOnValue,
    Delay,
    DelayUntil,
    End,
    EventMatch,
    GoTo,
    Node,
    Perform,
    Split,
    WaitForEvent,
)
from workflows.model.when import Weekday

MOST_SHOWN = 60
"""Characters of a value that a sentence shows; of a longer one, those where it begins to differ."""

_WEEK = get_args(Weekday)
_WORKING_DAYS = _WEEK[:5]
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. ")


def value(of: object) -> str:
    """Write a value as it would stand in a flow file, on one line and shortened; text in quotes."""
    match of:
        case None:
            return "nothing"
        case timedelta():
            return length(of)
        case time():
            return of.strftime("%H:%M")
        case str():
            return f"'{_short(of)}'"
        case _:
            return _short(_flow_style(of))


def pair(old: object, new: object) -> str:
    """Say `NEW instead of OLD`; of long texts, the first line that differs."""
    if isinstance(old, str) and isinstance(new, str) and any(len(t) > MOST_SHOWN or "\n" in t for t in (old, new)):
        lines = zip_longest(old.splitlines(), new.splitlines())
        number, (before, after) = next(
            ((n, both) for n, both in enumerate(lines, 1) if both[0] != both[1]), (1, (old, new))
        )
        where = f"in line {number}, " if "\n" in old or "\n" in new else ""
        at = _differ_at(before or "", after or "")
        told = ["nothing" if line is None else f"'{_short(line, at)}'" for line in (after, before)]
        return f"{where}{told[0]} instead of {told[1]}"
    return f"{value(new)} instead of {value(old)}"


def _differ_at(left: str, right: str) -> int:
    alike = (n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)
    return next(alike, min(len(left), len(right)))


def _short(text: str, at: int = 0) -> str:
    """Show the part of a text around a character of it, or its beginning."""
    line = " ".join(text.split())
    if len(line) <= MOST_SHOWN:
        return line
    begin = max(0, min(at - MOST_SHOWN // 3, len(line) - MOST_SHOWN))
    shown = line[begin : begin + MOST_SHOWN]
    return ("..." if begin else "") + shown.strip() + ("..." if begin + MOST_SHOWN < len(line) else "")


def _flow_style(of: object) -> str:
    match of:
        case BaseModel():
            return _flow_style(of.model_dump(mode="json", by_alias=True, exclude_unset=True))
        case dict():
            return "{" + ", ".join(f"{key}: {_flow_style(each)}" for key, each in of.items()) + "}"
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(map(_flow_style, of)) + "]"
        case timedelta() | time():
            return value(of)
        case str():
            return of if of and set(of) <= _PLAIN else json.dumps(of, ensure_ascii=False)
        case date():
            return of.isoformat()
        case _:
            return json.dumps(of)


def length(span: timedelta) -> str:
    """Write a length of time as people do: `2 days`, `1 hour 30 minutes`."""
    return phrases.length(span)


def joined(words: Iterable[str], last: str = "and") -> str:
    """Join words to a list: `a, b and c`."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def quoted(names: Iterable[str]) -> str:
    """Join names to a list, each in quotes."""
    return joined(f"'{name}'" for name in names)


def condition(when: Condition | Test) -> str:
    """Say a condition as a sentence, or a test of one value."""
    if isinstance(when, Test) and not isinstance(when, OnProperty | OnOutput):
        return when.phrase
    return sentence(when)


def conditions(old: Condition, new: Condition) -> tuple[str, str]:
    """Say two conditions so that they can be told apart: as sentences, or where these read alike, as in a file."""
    said = condition(old), condition(new)
    return said if said[0] != said[1] or old == new else (_flow_style(old), _flow_style(new))


def event(match: EventMatch) -> str:
    """Say what event is looked for."""
    tests = [f"{name}: {_flow_style(test)}" for name, test in match.where.items()]
    return match.event + (f" ({', '.join(tests)})" if tests else "")


def events(matches: Sequence[EventMatch]) -> str:
    """Say what events are looked for."""
    return joined(map(event, matches), "or")


def leaving(leave: Leave) -> str:
    """Say on what events a record leaves."""
    return events(leave.on) if leave.on else "no event"


def moment(node: DelayUntil) -> str:
    """Say until when a step waits."""
    at = f" at {node.at:%H:%M}" if node.at else ""
    if node.days and not (node.date or node.property):
        return f"{_counted_days(node)} later{at}"
    if node.on or not (node.date or node.property):
        return (joined(map(str.capitalize, node.on), "or") if node.on else "the next time it is") + (
            at if node.on else f" {node.at:%H:%M}"
        )
    day = node.date.isoformat() if node.date else f"the day in `{node.property}`"
    if node.days:
        day = f"{length(timedelta(days=abs(node.days)))} {'after' if node.days > 0 else 'before'} {day}"
    return day + at


def _counted_days(node: DelayUntil) -> str:
    """Say how many days are counted, and which."""
    days = length(timedelta(days=node.days))
    if len(node.on) in (0, len(_WEEK)):
        return days
    if {*node.on} == {*_WORKING_DAYS}:
        return days.replace(" ", " working ", 1)
    return f"{days} of {joined(map(str.capitalize, node.on), 'or')}"


def failure(node: Perform) -> str:
    """Say what a failure of an action leads to."""
    match node.on_failure:
        case "continue":
            return "the record goes on"
        case "stop":
            return "the record leaves the flow"
        case "park":
            return "the record is held for an operator"
        case "go_to":
            return f"the record goes to {target(node.edges.get(FAILED))}"


def zone(timezone: Timezone) -> str:
    """Say in which zone days begin."""
    if timezone.property is None:
        return timezone.zone
    of_event = timezone.property.partition(".")[2]
    named = f"the event's zone (`{of_event}`)" if of_event else f"the record's zone (`{timezone.property}`)"
    return f"{named}, else {timezone.zone}"


def target(node: str | None) -> str:
    """Name where an edge leads."""
    return "the end" if node is None else f"'{node}'"


def way(node: str, edge: str) -> str:
    """Name the place to which an edge of a step leads."""
    match edge:
        case _ if edge == NEXT:
            return f"after '{node}'"
        case _ if edge == FAILED:
            return f"where '{node}' fails"
        case _ if edge == OTHERWISE:
            return f"in the otherwise of '{node}'"
        case _:
            return f"in the branch '{edge}' of '{node}'"


def does(node: Node) -> str:
    """Say what a step does."""
    said: Any = node
    match said:
        case Delay():
            return f"waits {length(said.for_)}"
        case DelayUntil():
            return f"waits until {moment(said)}"
        case WaitForEvent():
            most = f", at most {length(said.at_most)}" if said.at_most else ""
            return f"waits for {events(said.any_of)}{most}"
        case Branch():
            return f"branches into {quoted(arm.name for arm in said.arms)}, or otherwise"
        case BranchOnValue():
            return f"branches by `{said.property or said.output}`"
        case Split():
            return "splits into " + joined(f"'{share.name}' ({share.percent:g} %)" for share in said.shares)
        case GoTo():
            return f"goes to {target(said.edges.get(NEXT))}"
        case End():
            return "ends the walk"
        case _:
            return f"does {kind_of(node)}"
