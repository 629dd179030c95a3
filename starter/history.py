"""What happened, the newest first: who entered, what came of each visit, who left, what was published.

Entries come from the tables that hold them anyway. They are looked for in stretches of time, each longer than the one
before and older: what is recent is found at once, and what is rare in one pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import JsonValue

from starter.inspection import LINE, NOT_OVER
from starter.patience import PATIENCE
from workflows.model.records import RecordRef

PAGE = 500
"""Entries read at once."""

FIRST_STRETCH, GROWTH, LONGEST_STRETCH = timedelta(hours=1), 6, timedelta(days=400)

TROUBLE = ("skipped", "failed", "unknown")
OPEN = "open"
OUTCOMES = ("done", *TROUBLE, OPEN)
"""What may come of a visit; it is `open` while it is not over."""

ENTERED, ENDED, PUBLISHED, EVENT, EDITED = "enrolled", "ended", "published", "event", "edited"
KINDS = (ENTERED, ENDED, PUBLISHED, EVENT, EDITED)
"""Kinds of entries beside the kinds of steps. `edited`: a record went on in a newer revision."""


@dataclass(frozen=True)
class Asked:
    """What of the history is asked for; nothing named means all of it."""

    flow: str | None = None
    record: RecordRef | None = None
    enrollment: UUID | None = None
    node: str | None = None
    kinds: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_narrow(self) -> bool:
        """Tell whether it is about one record or enrollment, whose whole history is short."""
        return self.record is not None or self.enrollment is not None


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `outcome` is that of a visit, or how an enrollment ended.

    A visit has one entry: when it was over, or while it is `open`, when it began; its line is then its state, and
    `until` when it is over at the latest, if it sleeps. `note` may quote a provider. Events have their `properties`.
    """

    at: datetime
    kind: str
    flow: str | None
    record: RecordRef | None
    enrollment: UUID | None
    visit: int | None
    node: str | None
    outcome: str | None
    line: str
    note: str
    until: datetime | None = None
    properties: dict[str, JsonValue] | None = field(default=None, compare=False)


async def entries(pool: asyncpg.Pool[Any], asked: Asked, limit: int) -> AsyncIterator[list[Entry]]:
    """Give what happened, the newest first, by pages, and at most so many."""
    left, at_last = limit, _AtLast()
    now: datetime = await pool.fetchval("select clock_timestamp()")
    for since, until in _stretches(asked, now):
        while left > 0:
            statement = _Statement(asked, since, at_last.moment or until, min(PAGE, left) + len(at_last.given))
            rows = await pool.fetch(statement.text, *statement.values, timeout=PATIENCE)
            page = at_last.new(map(_entry, rows))[:left]
            if not page:
                break
            left -= len(page)
            yield page


def _stretches(asked: Asked, now: datetime) -> Iterator[tuple[datetime | None, datetime]]:
    """Give stretches of time, each up to where the one before began; the last has no beginning, if none is asked."""
    until = min(now, asked.until) if asked.until else now
    length = LONGEST_STRETCH if asked.is_narrow else FIRST_STRETCH
    while length < LONGEST_STRETCH and (asked.since is None or until - length > asked.since):
        yield until - length, until
        until, length = until - length, length * GROWTH
    yield asked.since, until


class _AtLast:
    """The moment that the last page ended in, and its entries: the next page begins there and gives none twice."""

    def __init__(self) -> None:
        self.moment: datetime | None = None
        self.given: set[Entry] = set()

    def new(self, found: Iterable[Entry]) -> list[Entry]:
        """Give those of a page that were not given before."""
        page = [each for each in found if each not in self.given]
        if page:
            self.moment = page[-1].at
            self.given = {each for each in (*self.given, *page) if each.at == self.moment}
        return page


def _entry(row: asyncpg.Record) -> Entry:
    record = row["record"] and RecordRef.model_construct(type=row["type"], id=row["record"])
    return Entry(**{name: value for name, value in row.items() if name not in {"type", "record"}}, record=record)


@dataclass
class _Statement:
    """The statement of one page: with only the conditions that are asked for, so that the planner sees them."""

    asked: Asked
    since: datetime | None
    until: datetime
    limit: int
    values: list[object] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The statement; its values come in the order of its parameters."""
        self.values.clear()
        limit = self._given(self.limit)
        parts = [f"({part} order by at desc limit {limit})" for part in self._parts()]
        if not parts:
            return f"select null where {limit}::int is null"
        found = " union all ".join(parts)
        return f"{self._narrowed()}select * from ({found}) as found order by at desc limit {limit}"  # noqa: S608 - the pieces are constants of this file

    def _parts(self) -> Iterator[str]:
        """Give the statements of the tables that may have an entry that is asked for."""
        asked, kinds = self.asked, set(self.asked.kinds)
        has_outcomes = bool(asked.outcomes)
        of_steps = not kinds or bool(kinds - set(KINDS))
        if of_steps and (not has_outcomes or {"done", *TROUBLE} & set(asked.outcomes)):
            yield self._over()
        if of_steps and (not has_outcomes or OPEN in asked.outcomes):
            yield self._open()
        if asked.node:
            return
        if self._wants(ENDED):
            yield self._ended()
        if has_outcomes:
            return
        if self._wants(ENTERED):
            yield self._entered()
        if self._wants(EDITED) and asked.is_narrow:
            yield self._edited()
        if self._wants(PUBLISHED) and not asked.is_narrow:
            yield self._published()
        if self._wants(EVENT) and asked.record and not (asked.flow or asked.enrollment):
            yield self._events(asked.record)

    def _wants(self, kind: str) -> bool:
        return not self.asked.kinds or kind in self.asked.kinds

    def _given(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def _narrowed(self) -> str:
        """Take the enrollments of one record first: the planner would rather walk through everybody's history."""
        if not self.asked.is_narrow:
            return ""
        return f"with mine as materialized (select * from enrollment e where {self._whose('e')}) "  # noqa: S608 - the pieces are constants of this file

    def _whose(self, e: str) -> str:
        asked = self.asked
        conditions = []
        if asked.enrollment:
            conditions.append(f"{e}.id = {self._given(asked.enrollment)}")
        if asked.record:
            conditions.append(
                f"{e}.type = {self._given(asked.record.type)} and {e}.record = {self._given(asked.record.id)}"
            )
        if asked.flow:
            conditions.append(f"{e}.flow = {self._given(asked.flow)}")
        return " and ".join(conditions) or "true"

    @property
    def _inside(self) -> tuple[str, str]:
        """The table of the enrollments that are asked for, and the condition on it."""
        return ("mine", "true") if self.asked.is_narrow else ("enrollment", self._whose("e"))

    def _when(self, at: str) -> str:
        since = f" and {at} >= {self._given(self.since)}" if self.since else ""
        return f"{at} <= {self._given(self.until)}{since}"

    def _visits(self, at: str, state: str, told: str, *more: str) -> str:
        table, whose = self._inside
        conditions = [state, whose, self._when(at), "v.kind <> 'moved'", *more]
        if self.asked.node:
            conditions.append(f"v.node = {self._given(self.asked.node)}")
        if self.asked.kinds:
            conditions.append(f"v.kind = any ({self._given(list(self.asked.kinds))})")
        return f"""
          select {at} as at, v.kind, e.flow, e.type, e.record, e.id as enrollment, v.visit, v.node,
                 {told}, null::jsonb as properties
            from visit v join {table} e on e.id = v.enrollment where {" and ".join(conditions)}"""  # noqa: S608 - the pieces are constants of this file

    def _over(self) -> str:
        outcome = "coalesce(v.answer->>'outcome', 'done')"
        wanted = set(self.asked.outcomes)
        more = []
        if wanted:
            more.append(f"{outcome} = any ({self._given(sorted(wanted))})")
        if wanted and wanted <= set(TROUBLE):
            more.append("v.answer ? 'outcome'")  # of these there is an index
        told = f"{outcome} as outcome, {LINE} as line, v.note, null::timestamptz as until"
        return self._visits("v.ended_at", "v.state = 'done'", told, *more)

    def _open(self) -> str:
        deadline = "select deadline from wait w where w.enrollment = v.enrollment and w.visit = v.visit"
        told = f"'{OPEN}' as outcome, v.state as line, v.note, coalesce(v.ended_at, ({deadline})) as until"
        return self._visits("v.began_at", NOT_OVER, told)

    def _enrollments(self, at: str, kind: str, outcome: str, line: str, *more: str) -> str:
        table, whose = self._inside
        return f"""
          select {at} as at, '{kind}' as kind, e.flow, e.type, e.record, e.id as enrollment, null::integer as visit,
                 null as node, {outcome} as outcome, {line} as line, '' as note,
                 null::timestamptz as until, null::jsonb as properties
            from {table} e where {" and ".join([whose, self._when(at), *more])}"""  # noqa: S608 - the pieces are constants of this file

    def _entered(self) -> str:
        return self._enrollments("e.accepted_at", ENTERED, "null", "e.cause")

    def _ended(self) -> str:
        outcomes = self.asked.outcomes
        more = [f"e.ending = any ({self._given(list(outcomes))})"] if outcomes else []
        return self._enrollments("e.closed_at", ENDED, "e.ending", "e.ending", "e.closed_at is not null", *more)

    def _edited(self) -> str:
        table, whose = self._inside
        return f"""
          select v.began_at as at, '{EDITED}' as kind, e.flow, e.type, e.record, e.id as enrollment, v.visit, v.node,
                 null as outcome, 'went on in revision ' || r.number as line, v.note, null::timestamptz as until,
                 null::jsonb as properties
            from visit v join {table} e on e.id = v.enrollment join revision r on r.hash = v.answer->>'moved_to'
           where v.kind = 'moved' and {whose} and {self._when("v.began_at")}"""  # noqa: S608 - the pieces are constants of this file

    def _published(self) -> str:
        flow = f"r.flow = {self._given(self.asked.flow)}" if self.asked.flow else "true"
        return f"""
          select r.published_at as at, '{PUBLISHED}' as kind, r.flow, null as type, null as record,
                 null::uuid as enrollment, null::integer as visit, null as node, null as outcome,
                 'revision ' || r.number as line, '' as note, null::timestamptz as until, null::jsonb as properties
            from revision r where {flow} and {self._when("r.published_at")}"""  # noqa: S608 - the pieces are constants of this file

    def _events(self, record: RecordRef) -> str:
        return f"""
          select v.at, '{EVENT}' as kind, null as flow, v.record_type as type, v.record_id as record,
                 null::uuid as enrollment, null::integer as visit, null as node, null as outcome,
                 v.type as line, 'from ' || v.source as note, null::timestamptz as until, v.properties
            from event v
           where v.record_type = {self._given(record.type)} and v.record_id = {self._given(record.id)}
             and {self._when("v.at")}"""  # noqa: S608 - the pieces are constants of this file


def outcomes_of(named: Sequence[str]) -> tuple[str, ...]:
    """Give the outcomes that are meant: `trouble` stands for all that did not go well."""
    return tuple(each for name in named for each in (TROUBLE if name == "trouble" else (name,)))
