"""What the relay takes from the outbox, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from asyncpg.pool import PoolConnectionProxy

from workflows.contract import workflow_id
from workflows.model.records import RecordRef

# An enrollment's rows are sent in their order, so one that is not due holds back those behind it. But for those of an
# edit: it may touch a million sleepers, and nobody's start or leave is to stand behind them.
_TAKE = """
select o.id, o.kind, o.body, o.tries, o.enrollment,
       e.flow, e.type, e.record, e.key, e.revision, e.cause, e.accepted_at, e.started_at, e.closed_at, f.current
  from outbox o
  join enrollment e on e.id = o.enrollment
  join flow f on f.key = e.flow
 where o.shard = $1 and o.sent_at is null and o.not_before <= clock_timestamp()
   and not exists (select from outbox earlier
                    where earlier.shard = $1 and earlier.sent_at is null and earlier.not_before > clock_timestamp()
                      and earlier.enrollment = o.enrollment and earlier.id < o.id and earlier.kind <> 'adopt')
 order by o.kind = 'adopt', o.id limit $2
"""

_KEEP = """
with report as (select * from jsonb_to_recordset($1) as report (id bigint, note text, wait float8)),
kept as (
  update outbox o
     set sent_at = case when report.wait is null then clock_timestamp() end,
         not_before = clock_timestamp() + coalesce(report.wait, 0) * interval '1 second',
         tries = o.tries + 1, note = coalesce(nullif(report.note, ''), o.note)
    from report where o.id = report.id),
accepted as (
  select id from enrollment where id = any ($2::text[]::uuid[]) and started_at is null order by id for no key update)
update enrollment e set started_at = clock_timestamp() from accepted where e.id = accepted.id
"""


@dataclass(frozen=True)
class Addressee:
    """The enrollment that rows of the outbox are for, as it was when they were taken."""

    enrollment: UUID
    record: RecordRef
    row: Mapping[str, Any]

    @property
    def workflow_id(self) -> str:
        """The id of its execution."""
        return workflow_id(self.row["flow"], self.record, self.row["key"])


class Letter(NamedTuple):
    """One thing to tell an execution: a row of the outbox, or several deliveries in one."""

    ids: tuple[int, ...]
    kind: str
    body: dict[str, Any]
    tries: int


class Report(NamedTuple):
    """What became of a letter: sent (or needless), or to be tried again after `wait` seconds."""

    letter: Letter
    note: str = ""
    wait: float | None = None


async def take(connection: PoolConnectionProxy[Any], shard: int, limit: int) -> list[tuple[Addressee, list[Letter]]]:
    """Take what is due in a shard, by enrollment, each enrollment's in order."""
    by_enrollment: dict[UUID, list[Mapping[str, Any]]] = {}
    for row in await connection.fetch(_TAKE, shard, limit):
        by_enrollment.setdefault(row["enrollment"], []).append(row)
    return [(_addressee(rows[0]), list(_letters(rows))) for rows in by_enrollment.values()]


async def keep(connection: PoolConnectionProxy[Any], reports: Sequence[Report], started: Sequence[UUID]) -> None:
    """Write down what became of letters, and which enrollments Temporal has accepted."""
    lines = [
        {"id": id_, "note": report.note[:1000], "wait": report.wait} for report in reports for id_ in report.letter.ids
    ]
    await connection.execute(_KEEP, lines, [str(each) for each in started])


def _addressee(row: Mapping[str, Any]) -> Addressee:
    return Addressee(row["enrollment"], RecordRef.model_construct(type=row["type"], id=row["record"]), row)


def _letters(rows: Sequence[Mapping[str, Any]]) -> Iterator[Letter]:
    """Make one letter of deliveries that follow each other: one signal is one event of history."""
    for kind, together in groupby(rows, key=lambda row: str(row["kind"])):
        for batch in [list(together)] if kind == "deliver" else [[row] for row in together]:
            body = batch[0]["body"]
            if kind == "deliver":
                body = {"visits": sorted({visit for row in batch for visit in row["body"]["visits"]})}
            yield Letter(tuple(row["id"] for row in batch), kind, body, max(row["tries"] for row in batch))
