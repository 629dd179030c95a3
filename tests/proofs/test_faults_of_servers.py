"""PostgreSQL stopped, PostgreSQL hung, Temporal killed, each under load: all walks end, each effect is done once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from temporalio.client import WorkflowHistory

from tests.flows import branch, delay, flow, send_email, set_property, wait
from tests.proofs.faulty_servers import Scene, Servers, Size, servers
from tests.until import patience, until
from workflows.contract import RECORD_EVENT
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

WALKERS, WAITERS = 14, 6
STOPPED = 30.0
"""Seconds without PostgreSQL: long after the three quick tries, when the ordinary activities pause between theirs."""

HUNG = 20.0
"""Seconds of a PostgreSQL that answers nothing: longer than a local activity's three tries of 5 s each."""

AFTERWARDS = 10.0
"""Seconds within which all is to end once the server is back, on a machine with nothing else to do."""

MOST_MORE_EVENTS, MOST_MORE_BYTES = 30, 3_000
"""An ordinary activity in a local one's place is 6 events; a hung local one costs 3 for each sign of life."""


@pytest.fixture(scope="module")
async def rough(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Servers of this file's own."""
    async with servers(tmp_path_factory.mktemp("rough")) as running:
        yield running


@pytest.fixture
async def scene(rough: Servers, tmp_path: Path) -> AsyncIterator[Scene]:
    """A world on these servers."""
    async with Scene.open(rough, tmp_path) as scene:
        yield scene


@dataclass
class Load:
    """Walkers on a journey of edits, branches, delays and e-mails; waiters for an event."""

    scene: Scene
    journey: Revision
    replies: Revision
    inside: dict[str, tuple[Revision, RecordRef]] = field(default_factory=dict)
    plain: dict[str, Size] = field(default_factory=dict)

    @classmethod
    async def begin(cls, scene: Scene, timeout: str = "60 seconds") -> Load:
        """Measure one walk of each kind in peace, then have everybody under way."""
        world = scene.world
        await world.define("contact", stage="text")
        load = cls(
            scene,
            await world.publish(journey(world.key("journey"), timeout)),
            await world.publish(replies(world.key("replies"), timeout)),
        )
        for revision, name in ((load.journey, "calm-1"), (load.replies, "calm-2")):
            enrollment = await load.enter(revision, name)
            if revision is load.replies:
                await world.at(enrollment, "reply", "asleep")
                await load.reply(load.inside[enrollment][1])
            await world.ended(enrollment)
            load.plain[revision.hash] = await scene.size(*load.inside[enrollment])
        waiters = [await load.enter(load.replies, f"waiter-{n}") for n in range(WAITERS)]
        for each in waiters:
            await world.at(each, "reply", "asleep")
        peace = len(scene.mail.contents)
        for n in range(WALKERS):
            await load.enter(load.journey, f"walker-{n}")

        async def mail_comes() -> bool:
            return len(scene.mail.contents) > peace + 4

        await until(mail_comes, what="the first e-mails")
        return load

    async def enter(self, revision: Revision, name: str) -> str:
        record = await self.scene.world.record(
            f"contact:{name}", email=f"{name}@example.com", firstname="Anna", stage="new"
        )
        enrollment = await self.scene.world.enroll(revision, record)
        self.inside[enrollment] = revision, record
        return enrollment

    async def reply(self, record: RecordRef) -> None:
        """Signal a waiter's execution straight, past PostgreSQL."""
        event = {"type": "replied", "id": record.id, "source": "phone"}
        await self.scene.world.handle(self.replies, record).signal("event", event)

    async def reply_to_all(self) -> None:
        for revision, record in self.inside.values():
            if revision is self.replies and record.id.startswith("waiter"):
                await self.reply(record)

    async def end(self) -> tuple[float, list[Size]]:
        """Wait for all to end; give the seconds that it took, and what each history has more than in peace."""
        took = await self.scene.all_ended(self.inside, within=60)
        more = []
        for revision, record in self.inside.values():
            plain, size = self.plain[revision.hash], await self.scene.size(revision, record)
            more.append(Size(size.events - plain.events, size.size - plain.size))
        print(f"took {took:.1f} s, more: {sorted(more)} than {list(self.plain.values())}")
        return took, more

    async def fell_back(self) -> int:
        """Count the waiters whose event was written down by an ordinary activity."""
        waiters = [inside for inside in self.inside.values() if inside[1].id.startswith("waiter")]
        histories = [await self.scene.world.history(*inside) for inside in waiters]
        return sum(RECORD_EVENT in scheduled(history) for history in histories)

    async def check_effects(self) -> None:
        """Each e-mail came once and is in the ledger; each edit is in the log once; each reply ended its wait."""
        keys = await self.scene.keys_sent()
        assert len(keys) == 2 * (WALKERS + 1) + WAITERS + 1
        assert self.scene.sent() == Counter(keys)
        walkers = ["calm-1", *(f"walker-{n}" for n in range(WALKERS))]
        waiters = ["calm-2", *(f"waiter-{n}" for n in range(WAITERS))]
        edits = [(name, "stage", value) for name in walkers for value in ("lead", "lead+", "lead++", "lead++!")]
        assert await self.scene.edits() == Counter([*edits, *((name, "stage", "replied") for name in waiters)])
        assert await self.scene.repeated() == 0


def scheduled(history: WorkflowHistory) -> list[str]:
    """Give the types of the ordinary activities in a history."""
    events = [each.activity_task_scheduled_event_attributes for each in history.events]
    return [each.activity_type.name for each in events if each.activity_type.name]


def journey(key: str, timeout: str) -> Revision:
    return flow(
        key,
        set_property("lead", "stage", "lead"),
        send_email("welcome", timeout=timeout),
        delay("a", "0.7 seconds"),
        branch("b", None, Lead=({"property": "stage", "is": "lead"}, "warm")),
        set_property("warm", "stage", "{{ contact.stage }}+"),
        set_property("hot", "stage", "{{ contact.stage }}+"),
        delay("c", "0.3 seconds"),
        send_email("offer", timeout=timeout),
        set_property("customer", "stage", "{{ contact.stage }}!"),
    )


def replies(key: str, timeout: str) -> Revision:
    return flow(
        key, wait("reply", "replied"), send_email("thanks", timeout=timeout), set_property("p", "stage", "replied")
    )


async def test_postgres_stopped_under_load(scene: Scene) -> None:
    """After 30 s without PostgreSQL all end within 10 s, each effect is done once, and histories have grown little."""
    async with scene.worker():
        load = await Load.begin(scene)
        await scene.stack.postgres.stop("immediate")
        await load.reply_to_all()
        await passes(STOPPED)
        await scene.stack.postgres.start()
        took, more = await load.end()
    await load.check_effects()
    assert await load.fell_back() == WAITERS
    assert max(each.events for each in more) <= MOST_MORE_EVENTS
    assert max(each.size for each in more) <= MOST_MORE_BYTES
    assert took < AFTERWARDS * patience()


async def test_postgres_hung_under_load(scene: Scene) -> None:
    """After 20 s of a PostgreSQL that answers nothing all end within 10 s, each effect done once, histories bounded."""
    async with scene.worker():
        load = await Load.begin(scene)
        scene.stack.postgres.pause()
        await load.reply_to_all()
        await passes(HUNG)
        scene.stack.postgres.resume()
        took, more = await load.end()
    await load.check_effects()
    assert max(more) > (0, 0), "the outage hit nobody"
    assert max(each.events for each in more) <= MOST_MORE_EVENTS
    assert max(each.size for each in more) <= MOST_MORE_BYTES
    assert took < AFTERWARDS * patience()


async def test_temporal_killed_under_load(scene: Scene) -> None:
    """A Temporal server that is killed twice and started on its file loses no walk and repeats no effect."""
    async with scene.worker():
        # An activity that the server had handed out when it died, but no worker got, is missed only by its timeout.
        load = await Load.begin(scene, timeout="5 seconds")
        scene.stack.temporal.kill9()
        await scene.stack.temporal.start()
        await load.reply_to_all()
        scene.stack.temporal.kill9()
        await scene.stack.temporal.start()
        await load.end()
    await load.check_effects()


@pytest.mark.parametrize("repeat", ["at_least_once", "at_most_once"])
async def test_postgres_stopped_while_a_mail_server_answers(
    scene: Scene, repeat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An e-mail that went out while PostgreSQL was away is written down by the attempt that sent it: one, and known."""
    take, sent = scene.mail.handle_DATA, asyncio.Event()

    async def stop_and_take(server: SMTP, session: Session, envelope: Envelope) -> str:
        if not sent.is_set():
            await scene.stack.postgres.stop("immediate")
            sent.set()
        return await take(server, session, envelope)

    monkeypatch.setattr(scene.mail, "handle_DATA", stop_and_take)
    revision = await scene.world.publish(flow(scene.world.key("mail"), send_email("mail", repeat=repeat)))
    anna = await scene.world.record("contact:1", email="anna@example.com", firstname="Anna")
    async with scene.worker():
        enrollment = await scene.world.enroll(revision, anna)
        await asyncio.wait_for(sent.wait(), 60)
        await passes(3.0)
        await scene.stack.postgres.start()
        await scene.all_ended([enrollment], within=20)
    assert await scene.world.path(enrollment) == [("mail", "sent")]
    assert scene.sent() == Counter(await scene.keys_sent())
    assert await scene.repeated() == 0


async def passes(seconds: float) -> None:
    """Let an outage last; nothing is waited for."""
    await asyncio.sleep(seconds)
