"""A condition as SQL: the records of one object type that meet it, chosen by one statement.

What is known when the statement is written, as the instant of `today - 3 days`, is computed by the model itself and
bound. What depends on the record goes through the functions of `003_conditions.sql`. Every value is bound, names of
properties too: a condition can say what it likes and never writes SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from workflows.model.comparisons import Other, Test, as_scalars
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
)
from workflows.model.errors import FlowError
from workflows.model.moments import Clock, bounds, rolling, stretch
from workflows.model.operators import EVER, NEGATIONS, exact, text, wanted_keys
from workflows.model.time_points import Reading, Stretch, TimePoint, TimeRange


class Selection(NamedTuple):
    """The text of a condition in SQL, with the parameters that it names by their numbers."""

    text: str
    parameters: list[object]


def where(
    condition: Condition, now: datetime, zone: str, *, first: int = 1, active: Mapping[str, Condition] | None = None
) -> Selection:
    """Write a condition on the row `r` of the table `record`; its parameters are numbered from `first`.

    Days begin in `zone`; `active` are the conditions of the active lists that it names. Raise FlowError for a condition
    that asks for an output, which only a walk has.
    """
    writer = _Writer(Clock(now, zone), "r", first, active or {})
    return Selection(writer.condition(condition), writer.parameters)


@dataclass(frozen=True)
class _Writer:
    """Writes the parts of a condition that are about one row."""

    clock: Clock
    row: str
    first: int
    active: Mapping[str, Condition] = field(default_factory=dict)
    parameters: list[object] = field(default_factory=list)

    def bind_zone(self) -> str:
        return self.bind(_PLACES.get(self.clock.zone, self.clock.zone), "text")

    def bind(self, value: object, type_: str) -> str:
        self.parameters.append(value)
        return f"${self.first + len(self.parameters) - 1}::{type_}"

    def condition(self, part: Condition) -> str:
        match part:
            case OnProperty():
                return self.on_property(part)
            case OnOutput():
                raise FlowError(f"output {part.output}: only a record that walks the flow has outputs; none is stored")
            case OnList():
                return self.on_list(part)
            case OnFlow():
                return self.on_flow(part)
            case OnEvent():
                return self.on_event(part)
            case OnAssociated():
                return self.on_associated(part)
            case All():
                return f"({' and '.join(self.condition(each) for each in part.all)})"
            case Any():
                return f"({' or '.join(self.condition(each) for each in part.any)})"
            case Not():
                return f"not {self.condition(part.not_)}"

    def on_property(self, leaf: OnProperty) -> str:
        if leaf.is_of_time:
            return self.on_moment(leaf)
        value = self.property(leaf.property)
        if leaf.base in EVER:
            return _turned(leaf, self.ever(leaf, value))
        if not isinstance(leaf.wanted, Other):
            return self.plain(leaf, value)
        test, unknown = self.beside(leaf.base, value, leaf.wanted)
        return _unless(f"{_empty(value)} or {unknown}", leaf, test)

    def on_moment(self, leaf: OnProperty) -> str:
        if leaf.base == "updated_within":
            return _turned(leaf, _sure(self.in_window(self.updated(leaf.property), leaf.base, leaf.wanted)[0]))
        moment = self.moment(leaf.property, leaf.read)
        test, unknown = self.in_window(moment, leaf.base, leaf.wanted)
        empty = f"({moment}) is null" if leaf.read == "updated" else _empty(self.property(leaf.property))
        return _unless(empty if unknown is None else f"{empty} or {unknown}", leaf, test)

    def plain(self, test: Test, value: str) -> str:
        """Write a test that needs nothing beside its value."""
        if test.base == "is_known":
            return f"{'not ' if test.is_known else ''}{_empty(value)}"
        return _unless(_empty(value), test, self.test(test.base, test.wanted, value))

    def property(self, name: str) -> str:
        return f"({self.row}.properties -> {self.bind(name, 'text')})"

    def test(self, base: str, wanted: object, value: str) -> str:
        """Write the check of a value by what is written in the condition; see `operators.py`."""
        match base:
            case "is_":
                single = f"(jsonb_typeof({value}) <> 'array' or jsonb_array_length({value}) = 1)"
                return f"({single} and value_keys({value}) && {self.keys(as_scalars(wanted))})"
            case "is_any_of":
                return f"value_keys({value}) && {self.keys(as_scalars(wanted))}"
            case "contains_all":
                each = [f"value_keys({value}) && {self.keys([one])}" for one in as_scalars(wanted)]
                return f"({' and '.join(each)})"
            case "is_exactly":
                only = f"holds_only({value}, {self.keys(as_scalars(wanted))})"
                return f"({only} and {self.test('contains_all', wanted, value)})"
            case "contains" | "starts_with" | "ends_with":
                sought = self.bind([text(one) for one in as_scalars(wanted)], "text[]")
                pair = f"unnest(texts({value})) as there, unnest({sought}) as sought"
                return f"exists (select from {pair} where {_PASSES[base]})"
            case "between":
                lowest, highest = (self.bind(exact(each), "numeric") for each in wanted)  # type: ignore[attr-defined]
                return f"as_number({value}) between {lowest} and {highest}"
            case _:
                return f"as_number({value}) {_SIGNS[base]} {self.bind(exact(wanted), 'numeric')}"  # type: ignore[arg-type]

    def keys(self, wanted: Sequence[str | bool | float]) -> str:
        return self.bind(sorted(wanted_keys(wanted)), "text[]")

    def beside(self, base: str, value: str, other: Other) -> tuple[str, str]:
        """Write the check of a value by another property, and whether there is none."""
        theirs = self.property(other.property)
        if other.otherwise is not None:
            theirs = f"(case when {_empty(theirs)} then {self.bind(other.otherwise, 'jsonb')} else {theirs} end)"
        if base == "is_":
            single = f"(jsonb_typeof({value}) <> 'array' or jsonb_array_length({value}) = 1)"
            return f"({single} and value_keys({value}) && value_keys({theirs}, true))", _empty(theirs)
        return f"as_number({value}) {_SIGNS[base]} as_number({theirs})", _empty(theirs)

    def moment(self, name: str, reading: Reading) -> str:
        """Write the instant that is read of a property."""
        if reading == "updated":
            return self.updated(name)
        value, zone = self.property(name), self.bind_zone()
        if reading == "value":
            return f"(moment_of({value}, {zone})).at"
        now = self.bind(self.clock.now, "timestamptz")
        return f"(time_point({value}, '{reading}', 0, 0, 0, {now}, {zone}))[1]"

    def updated(self, name: str) -> str:
        """Write when a property was last changed; one without a history has been as it is since its record began."""
        last = f"select max(h.at) from property_history as h where {self.past_of(name)}"
        began = f"case when {self.row}.properties ? {self.bind(name, 'text')} then {self.row}.created_at end"
        return f"coalesce(({last}), {began})"

    def past_of(self, name: str) -> str:
        return f"h.type = {self.row}.type and h.id = {self.row}.id and h.name = {self.bind(name, 'text')}"

    def ever(self, leaf: OnProperty, value: str) -> str:
        now = _sure(self.test(EVER[leaf.base], leaf.wanted, value))
        then = self.test(EVER[leaf.base], leaf.wanted, "h.value")
        return f"({now} or exists (select from property_history as h where {self.past_of(leaf.property)} and {then}))"

    def in_window(self, moment: str, base: str, wanted: object) -> tuple[str, str | None]:
        """Write whether a moment is where a time test wants it, and whether a point that the test names is missing."""
        match wanted:
            case TimePoint():
                sign, end = _BESIDE[base]
                instant, missing = self.edge(wanted, end)
                return f"{moment} {sign} {instant}", missing
            case TimeRange():
                each = [self.in_window(moment, *end) for end in wanted.ends]
                unknown = [without for _, without in each if without is not None]
                return f"({' and '.join(test for test, _ in each)})", " or ".join(unknown) or None
            case Stretch():
                span = stretch(wanted, self.clock)
            case _:
                span = rolling(base, wanted, self.clock.now)  # type: ignore[arg-type]
        return self.within(moment, span.start, span.end), None

    def within(self, moment: str, start: datetime | None, end: datetime | None) -> str:
        tests = [] if start is None else [f"{moment} >= {self.bind(start, 'timestamptz')}"]
        tests += [] if end is None else [f"{moment} < {self.bind(end, 'timestamptz')}"]
        return f"({' and '.join(tests)})"

    def edge(self, point: TimePoint, end: int) -> tuple[str, str | None]:
        """Write the beginning of a point (0) or its end (1), and whether the point is missing."""
        here = self if point.zone is None else replace(self, clock=Clock(self.clock.now, point.zone))
        if point.property is None:
            fixed = bounds(point, here.clock, lambda _name, _reading: None)
            return self.bind(fixed and fixed[end], "timestamptz"), None
        value = self.property(point.property) if point.read != "updated" else self.updated(point.property)
        by = ", ".join(self.bind(each, "int") for each in point.moved)
        now, zone = self.bind(here.clock.now, "timestamptz"), here.bind_zone()
        named = f"(time_point(to_jsonb({value}), '{point.read}', {by}, {now}, {zone}))[{end + 1}]"
        if point.otherwise is None:
            return named, f"{named} is null"
        return f"coalesce({named}, {here.edge(point.otherwise, end)[0]})", None

    def on_list(self, leaf: OnList) -> str:
        if leaf.list in self.active:
            met = f"coalesce({self.condition(self.active[leaf.list])}, false)"
            return met if leaf.member else f"not {met}"
        key = self.bind(leaf.list, "text")
        on = f"m.list = {key} and m.id = {self.row}.id and l.object = {self.row}.type"
        there = f"exists (select from list_member as m join list as l on l.key = m.list where {on})"
        return there if leaf.member else f"not {there}"

    def on_flow(self, leaf: OnFlow) -> str:
        of_record = f"e.flow = {self.bind(leaf.flow, 'text')} and e.type = {self.row}.type and e.record = {self.row}.id"
        stands = f"exists (select from enrollment as e where {of_record} and {_STANDINGS[leaf.standing]})"
        return stands if leaf.is_ is not None else f"not {stands}"

    def on_event(self, leaf: OnEvent) -> str:
        of_record = f"ev.record_type = {self.row}.type and ev.record_id = {self.row}.id"
        tests = [f"{of_record} and ev.type = {self.bind(leaf.event, 'text')}"]
        tests += [
            self.plain(test, f"(ev.properties -> {self.bind(name, 'text')})") for name, test in leaf.where.items()
        ]
        if leaf.operator is not None:
            base = NEGATIONS.get(leaf.operator, leaf.operator)
            within, _ = self.in_window("coalesce(ev.occurred_at, ev.at)", base, leaf.wanted)
            tests.append(within if base == leaf.operator else f"not {within}")
        happened = f"from event as ev where {' and '.join(tests)}"
        least, most = leaf.counts.at_least, leaf.counts.at_most
        if most is None and least <= 1:
            return f"exists (select {happened})" if least else "true"
        if most == 0:
            return f"not exists (select {happened})"
        upper = "" if most is None else f" and {self.bind(most, 'int')}"
        count = f"(select count(*) {happened})"
        lower = self.bind(least, "int")
        return f"({count} {'>=' if most is None else 'between'} {lower}{upper})"

    def on_associated(self, leaf: OnAssociated) -> str:
        """Write that there is a live record at the other end; an association is stored once, from either end."""
        type_, theirs = self.bind(leaf.associated, "text"), f"{self.row}_"
        label = "" if leaf.label is None else f" and label = {self.bind(leaf.label, 'text')}"
        ends = " union all ".join(
            f"select {there}_id as id from association "
            f"where {here}_type = {self.row}.type and {here}_id = {self.row}.id and {there}_type = {type_}{label}"
            for here, there in (("from", "to"), ("to", "from"))
        )
        live = f"{theirs}.type = {type_} and {theirs}.id = a.id and {theirs}.archived_at is null"
        met = "" if leaf.where is None else f" where {replace(self, row=theirs).condition(leaf.where)}"
        some = f"exists (select from ({ends}) as a join record as {theirs} on {live}{met})"
        return f"not {some}" if leaf.none else some


_SIGNS = {"greater_than": ">", "at_least": ">=", "less_than": "<", "at_most": "<="}
_PASSES = {
    "contains": "strpos(there, sought) > 0",
    "starts_with": "starts_with(there, sought)",
    "ends_with": "right(there, length(sought)) = sought",
}
_BESIDE = {"before": ("<", 0), "on_or_before": ("<", 1), "after": (">=", 1), "on_or_after": (">=", 0)}
"""How a moment lies to which end of a point."""

_PLACES = {"CET": "Europe/Brussels", "EET": "Europe/Athens", "MET": "Europe/Brussels", "WET": "Europe/Lisbon"}
"""Zones that PostgreSQL takes for abbreviations, which know no summer, and the places that they are kept by."""

_STANDINGS = {
    "active": "e.ending is null",
    "ever": "true",
    "completed": "e.ending = 'completed'",
    "goal": "e.ending = 'goal'",
}


def _empty(value: str) -> str:
    return f"""coalesce({value} in ('null', '""', '[]'), true)"""


def _sure(test: str) -> str:
    """Take a test that cannot be answered for one that is not met."""
    return f"coalesce({test}, false)"


def _turned(test: Test, met: str) -> str:
    return met if test.base == test.operator else f"not {met}"


def _unless(empty: str, test: Test, met: str) -> str:
    """Let the answer be `if_empty` where there is nothing to compare."""
    met = _turned(test, _sure(met))
    return f"({empty} or {met})" if test.if_empty else f"(not ({empty}) and {met})"
