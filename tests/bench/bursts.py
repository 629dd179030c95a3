"""One burst: so many records enter at once, walk one graph one way, and all of it is accounted for."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from uuid import uuid4

from temporalio.client import WorkflowExecution

from starter.admission import Admitted
from tests.bench import graphs, machine, plain
from tests.bench.stage import PLAIN, Stage, Way, key
from tests.until import until
from workflows.model.records import RecordRef

AT_ONCE = 16
"""Records whose entering is under way at a time."""

QUIET = 0.5
"""Seconds after the last end in which the rest is done: the last tasks, marks in the outbox, events to route."""

LOOK_EVERY = 0.25
"""Seconds between two looks whether all have come to their end, which cost the database something, too."""

WITHIN = 300.0

_numbers = itertools.count(1)
_INSERT = "insert into record (type, id, properties) values ('contact', $1, $2)"


@dataclass
class Burst:
    """What a burst came to; milliseconds of computing are per enrollment."""

    way: str
    graph: str
    n: int
    per_s: float
    start_per_s: float
    p50_ms: float
    p99_ms: float
    events: float
    bytes: float
    worker: float
    server: float
    postgres: float
    client: float
    load: float

    @property
    def cpu(self) -> float:
        """All that runs the enrollments: worker, server and PostgreSQL."""
        return self.worker + self.server + self.postgres

    @property
    def whole(self) -> float:
        """The same and the client that lets records in: by hand it starts executions itself."""
        return self.cpu + self.client

    def as_json(self) -> dict[str, object]:
        """Give all figures."""
        return {**asdict(self), "cpu": self.cpu, "whole": self.whole}


async def people(way: Way, n: int) -> list[str]:
    """Put contacts into a way's CRM; give their ids."""
    numbers = [next(_numbers) for _ in range(n)]
    await way.pool.executemany(_INSERT, [(str(number), graphs.person(number)) for number in numbers])
    return [str(number) for number in numbers]


async def burst(stage: Stage, way: Way, graph: str, n: int) -> Burst:
    """Let n new contacts in at once, and wait until all have come to their end."""
    contacts = await people(way, n)
    enter = _entering(stage, way, graph)
    before, asked, began = stage.cost(way), dict[str, float](), time.time()

    async def ask(contact: str) -> None:
        asked[contact] = time.time()
        await enter(contact)

    await at_once(contacts, ask)
    accepted, entered = time.time(), stage.cost(way)["client"]
    await until(lambda: _none_inside(way), within=WITHIN, what=f"the end of {n} in {graph} ({way.name})")
    over = time.time()
    await until(lambda: _passed(over + QUIET), within=10)
    after = stage.cost(way) | {"client": entered}
    ended = await until(lambda: _executions(stage, way, graph, contacts), within=60, what="the executions' ends")
    took = [1e3 * (_closed(each) - asked[_contact(each)]) for each in ended]
    spent = {side: 1e3 * (after[side] - before[side]) / n for side in before}
    return Burst(
        way=way.name,
        graph=graph,
        n=n,
        per_s=n / (max(map(_closed, ended)) - began),
        start_per_s=n / (accepted - began),
        p50_ms=percentile(took, 0.5),
        p99_ms=percentile(took, 0.99),
        events=percentile([each.raw_info.history_length for each in ended], 0.5),
        bytes=percentile([each.raw_info.history_size_bytes for each in ended], 0.5),
        load=machine.load(),
        **spent,
    )


async def at_once(items: list[str], act: Callable[[str], Awaitable[None]], hands: int = AT_ONCE) -> None:
    """Do something with each item, so many at a time."""
    left = iter(items)

    async def hand() -> None:
        for item in left:
            await act(item)

    await asyncio.gather(*(hand() for _ in range(hands)))


def percentile(values: list[float] | list[int], share: float) -> float:
    """Give the value that this share of all stays below, or equal to."""
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * share))])


def _entering(stage: Stage, way: Way, graph: str) -> Callable[[str], Awaitable[None]]:
    if way.name != PLAIN:

        async def enroll(contact: str) -> None:
            admission = await way.client.enroll(key(way.name, graph), RecordRef(type="contact", id=contact))
            assert isinstance(admission, Admitted), admission

        return enroll
    workflow = plain.PlainJourney if graph == graphs.JOURNEY else plain.PlainGraph

    async def start(contact: str) -> None:
        id_ = uuid4()
        if await way.pool.fetchval(plain.ENTER, id_, graph, contact) is None:
            return
        await stage.temporal.start_workflow(
            workflow.__name__,
            plain.Contact(str(id_), contact),
            id=f"{key(PLAIN, graph)}/contact:{contact}",
            task_queue=plain.QUEUE,
        )

    return start


async def _none_inside(way: Way) -> bool:
    table, due = "inside" if way.name == PLAIN else "enrollment", time.time() + LOOK_EVERY
    await until(lambda: _passed(due), within=10)
    return not await way.pool.fetchval(f"select exists (select from {table} where closed_at is null)")


async def _executions(stage: Stage, way: Way, graph: str, contacts: list[str]) -> list[WorkflowExecution]:
    """Give the ended executions of these contacts once all have ended."""
    query = f"WorkflowId STARTS_WITH '{key(way.name, graph)}/' AND ExecutionStatus = 'Completed'"
    since = f"{query} AND StartTime > '{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - WITHIN - 60))}'"
    wanted = set(contacts)
    found = [each async for each in stage.temporal.list_workflows(since) if _contact(each) in wanted]
    return found if len(found) == len(contacts) else []


async def _passed(moment: float) -> bool:
    return time.time() > moment


def _contact(execution: WorkflowExecution) -> str:
    return execution.id.rpartition(":")[2]


def _closed(execution: WorkflowExecution) -> float:
    assert execution.close_time is not None
    return execution.close_time.timestamp()
