"""Many records into a flow: taken page by page, let in a thousand at a time, never all in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from starter.admission import Admission, Code, Entrant, Refusal, admit_many, look_again, refusals
from starter.client import CHUNK, Client
from starter.language.definitions import read_definitions
from starter.loading.batches import PASSING, patiently
from starter.loading.rows import BadRow, record_names
from starter.selecting import condition, selection
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

PAGE_TIMEOUT = 60.0
"""Seconds that judging a page of records may take: a condition may ask for much beside each."""

MOST_FAILURES = 3
"""Batches in a row that may fail before it is the database that has failed, and nothing more is tried."""

# The condition is asked of each record of a page: however few meet it, a page takes no longer and tells how far it is.
_PAGE = """
select r.id, {condition} as is_meant
  from (select * from record where type = $1 and archived_at is null and id > $2 order by id limit $3) as r
 order by r.id
"""

_COUNT = "select count(*) from record where type = $1 and archived_at is null"


class Page(NamedTuple):
    """At most a thousand records that are to enter; the last one looked at, and how many those were on this page."""

    records: Sequence[RecordRef]
    last: RecordRef
    looked_at: int


@dataclass
class Crowd:
    """What became of many records that were to enter a flow.

    `after` is the last record that was looked at; `remaining` are those of batches that failed, `failure` says why.
    """

    looked_at: int = 0
    asked: int = 0
    entered: int = 0
    refused: Counter[Code] = field(default_factory=Counter)
    examples: dict[Code, str] = field(default_factory=dict)
    after: RecordRef | None = None
    remaining: int = 0
    failure: str = ""
    stopped: bool = False

    def count(self, answers: Sequence[Admission | None]) -> None:
        """Count what was answered to a batch."""
        for answer in answers:
            if isinstance(answer, Refusal):
                self.refused[answer.code] += 1
                self.examples.setdefault(answer.code, answer.sentence)
            else:
                self.entered += 1


@dataclass(frozen=True)
class Gate:
    """Where a crowd enters. A dry run lets nobody in; `stop` ends it after the page under way."""

    client: Client
    flow: str
    cause: str
    dry: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def let_in(self, pages: AsyncIterator[Page], moved: Callable[[Crowd], None] = lambda _: None) -> Crowd:
        """Let in all records of the pages; `moved` is told after each.

        A batch that fails is tried again, and then set aside. Who is inside stays so: the same call may be repeated.
        """
        crowd, failures = Crowd(), 0
        try:
            async for page in pages:
                if self.stop.is_set() or failures >= MOST_FAILURES:
                    crowd.stopped = True
                    break
                failures = 0 if await self._batch(page.records, crowd) else failures + 1
                crowd.after = page.last
                crowd.looked_at += page.looked_at
                moved(crowd)
        except PASSING as error:  # the next page could not be read
            crowd.stopped, crowd.failure = True, _said(error)
        return crowd

    async def _batch(self, records: Sequence[RecordRef], crowd: Crowd) -> bool:
        if not records:
            return True
        crowd.asked += len(records)
        entrants = [Entrant(record, self.cause) for record in records]
        try:
            answers = await patiently(partial(self._ask if self.dry else self._admit, entrants))
            crowd.count(answers)
            admitted = [answer for answer in answers if answer is not None]
            await patiently(partial(look_again, self.client.pool, self.client.revisions, admitted))
        except PASSING as error:
            crowd.remaining += len(records)
            crowd.failure = _said(error)
            return False
        return True

    async def _ask(self, entrants: Sequence[Entrant]) -> Sequence[Admission | None]:
        return await refusals(self.client.pool, self.client.revisions, self.flow, entrants)

    async def _admit(self, entrants: Sequence[Entrant]) -> Sequence[Admission | None]:
        async with self.client.pool.acquire() as connection, connection.transaction():
            return await admit_many(connection, self.client.revisions, self.flow, entrants)


class Chosen:
    """The records of a type, all or those that meet a condition, in the order of their ids."""

    def __init__(self, pool: asyncpg.Pool[Any], object_: str) -> None:
        """Choose all."""
        self.pool, self.object = pool, object_
        self.query, self.parameters = _PAGE.format(condition="true"), list[object]()

    async def narrow(self, text: str, name: str, zone: str) -> None:
        """Choose those that meet a condition now. Raise FlowMistakes or FlowError for what is none of them."""
        found = condition(text, name, self.object, await read_definitions(self.pool))
        now = await self.pool.fetchval("select clock_timestamp()")
        chosen = await selection(found, now, zone, first=4, pool=self.pool)
        self.query, self.parameters = _PAGE.format(condition=chosen.text), chosen.parameters

    async def count(self) -> int:
        """Count the records that will be looked at."""
        return await self.pool.fetchval(_COUNT, self.object, timeout=PAGE_TIMEOUT) or 0

    async def pages(self, after: RecordRef | None) -> AsyncIterator[Page]:
        """Read them page by page, those after one record where it is given."""
        last = after.id if after else ""
        while rows := await patiently(partial(self._page, last)):
            last = rows[-1]["id"]
            meant = [self._ref(row["id"]) for row in rows if row["is_meant"]]
            yield Page(meant, self._ref(last), len(rows))

    async def _page(self, after: str) -> Sequence[asyncpg.Record]:
        return await self.pool.fetch(self.query, self.object, after, CHUNK, *self.parameters, timeout=PAGE_TIMEOUT)

    def _ref(self, id_: str) -> RecordRef:
        return RecordRef.model_construct(type=self.object, id=id_)  # the CRM may have written what cannot be parsed


async def listed(records: Sequence[RecordRef]) -> AsyncIterator[Page]:
    """Give a few records as pages."""
    for first in range(0, len(records), CHUNK):
        page = records[first : first + CHUNK]
        yield Page(page, page[-1], len(page))


async def named(
    file: Path, object_: str, tell: Callable[[BadRow], None], after: RecordRef | None = None
) -> AsyncIterator[Page]:
    """Read the records that a file names page by page, those after one that it names where that is given.

    Raise CallerError when it does not name that one.
    """
    names = record_names(file, object_)
    if after is not None and not any(each == after for each in names):
        raise CallerError(f"--after {after}: {file} has no such row")
    while rows := list(islice(names, CHUNK)):
        bad = [row for row in rows if isinstance(row, BadRow)]
        records = [row for row in rows if isinstance(row, RecordRef)]
        for row in bad:
            tell(row)
        if records:
            yield Page(records, records[-1], len(rows))


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
