"""Trying a condition and a text with tokens on a record or on values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from starter.language.definitions import read_definitions
from starter.language.flow_file import FlowMistakes, Mistake
from starter.selecting import condition as read_condition
from starter.selecting import selection
from starter.trials.subjects import Asked, Subject, subject
from workflows.model import tokens
from workflows.model.conditions import Condition, Verdict, judge, needs, sentence
from workflows.model.errors import FlowError
from workflows.model.facts import Facts, Needs
from workflows.model.templates import OUTPUTS, parse

_COUNT = """
select count(*) filter (where {condition}) as meet, count(*) as of
  from record as r where r.type = $1 and r.archived_at is null
"""

_ALL_RECORDS = 60.0
"""Seconds that judging every record may take."""


@dataclass(frozen=True)
class Selected:
    """A condition as SQL with its parameters, and how many records of the type meet it, where a database was asked."""

    sql: str
    parameters: Sequence[object]
    meet: int | None = None
    of: int | None = None


@dataclass(frozen=True)
class TriedCondition:
    """A condition as a sentence and what it reads; the verdict, where there was something to judge."""

    sentence: str
    reads: Sequence[str]
    record: str | None
    now: datetime
    zone: str
    verdict: Verdict | None
    selected: Selected | None = None


@dataclass(frozen=True)
class TriedText:
    """A text with its tokens filled, and what it reads."""

    text: str
    reads: Sequence[str]
    record: str | None
    zone: str


async def condition(text: str, name: str, asked: Asked, *, sql: bool) -> TriedCondition:
    """Try a condition. Raise FlowMistakes, each with its place in the text `name`, when it is none."""
    parsed = read_condition(text, name, asked.object or "", None)
    async with subject(asked, in_database=sql and asked.values is None) as on:
        if on.client:
            read_condition(text, name, on.object, await read_definitions(on.client.pool))
        facts = await on.facts(needs(parsed))
        return TriedCondition(
            sentence=sentence(parsed),
            reads=list(_named(needs(parsed))),
            record=str(on.record) if on.record else None,
            now=facts.now,
            zone=facts.zone,
            verdict=judge(parsed, facts) if on.is_named else None,
            selected=await _selected(parsed, facts, on) if sql else None,
        )


async def _selected(parsed: Condition, facts: Facts, on: Subject) -> Selected:
    chosen = await selection(parsed, facts.now, facts.zone, first=2, pool=on.pool)
    sql, parameters = _COUNT.format(condition=chosen.text).strip(), [on.object, *chosen.parameters]
    if on.pool is None:
        return Selected(sql, parameters)
    row = await on.pool.fetchrow(sql, *parameters, timeout=_ALL_RECORDS)
    return Selected(sql, parameters, *row) if row else Selected(sql, parameters)


def _named(read: Needs) -> Iterator[str]:
    """Name what is read beside the record's own properties."""
    yield from (f"the history of {name}" for name in sorted(read.history))
    yield from (f"the user in {name}" for name in sorted(read.owners))
    yield from (f"list {name}" for name in sorted(read.lists))
    yield from (f"flow {name}" for name in sorted(read.flows))
    yield from (f"events {name}" for name in sorted(read.events))
    yield from ["the event that enrolled it"] if read.cause else []
    for name, theirs in read.associated.items():
        yield f"associated {name}"
        yield from (f"{each} of associated {name}" for each in _named(theirs))


async def text(written: str, name: str, asked: Asked, *, html: bool) -> TriedText:
    """Fill a text. Raise FlowMistakes, each with its place in the text `name`, when a token is wrong."""
    async with subject(asked) as on:
        definitions = await read_definitions(on.client.pool) if on.client else None
        known: Mapping[str, Collection[str]] | None = definitions.properties if definitions else None
        wrong = tokens.check(written, on.object, _steps(written, on), known, html=html)
        if wrong:
            raise FlowMistakes(Mistake(name, each.line, each.column, "", "token_error", each.message) for each in wrong)
        wanted = tokens.needs(written, on.object)
        facts = await on.facts(wanted)
        filled = tokens.render(written, tokens.roots(on.object, facts), html=html, zone=facts.zone)
        return TriedText(filled, list(_named(wanted)), str(on.record) if on.record else None, facts.zone)


def _steps(written: str, on: Subject) -> Collection[str]:
    """Name the steps whose outputs a text may name: those of the flow; without one, all that it names."""
    if on.flow:
        return list(on.flow.nodes)
    try:
        return {token.path[1] for token in parse(written).tokens if token.path[0] == OUTPUTS}
    except FlowError:
        return ()  # what is wrong is told
