"""`done` is looked up before the gate: an effect after which the record leaves is not done twice, and not forgotten.

Each test loses the answer of a visit after it was written, so the visit runs again, on a record that is to leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from activities.gateways.postgres_ledger import PostgresLedger, PostgresTurn
from tests.flows import flow, send_email, set_property
from tests.world import World, running
from workflows.contract import Step
from workflows.model.facts import NOTHING, Needs
from workflows.model.nodes import AnyNode
from workflows.model.policy import Retry
from workflows.model.records import RecordRef

SOON = Retry(first=timedelta(milliseconds=50))
GOAL = {"property": "stage", "is": "customer"}
BECOMES_CUSTOMER = """update record set properties = properties || '{"stage": "customer"}'"""
IS_ARCHIVED = "update record set archived_at = now()"

LEAVES = pytest.mark.parametrize(
    ("change", "ending", "line"),
    [(BECOMES_CUSTOMER, "goal", "goal met"), (IS_ARCHIVED, "record_gone", "the record is gone")],
)


class Lost(Exception):
    """The answer of an activity that never reached Temporal."""


def losing(point: str) -> Callable[[str], None]:
    """Lose the answer at a crash point, once."""
    left = [point]

    def strike(here: str) -> None:
        if here in left:
            left.remove(here)
            raise Lost

    return strike


def changed_before_the_second_try(change: str, tries: Counter[int]) -> type[PostgresLedger]:
    """Make a ledger whose first visit finds the record changed when it is tried again; count tries by visit."""

    class Changed(PostgresLedger):
        @asynccontextmanager
        async def turn(self, step: Step, needs: Needs = NOTHING) -> AsyncIterator[PostgresTurn]:
            tries[step.visit] += 1
            if (step.visit, tries[step.visit]) == (1, 2):
                await self.pool.execute(change)
            async with super().turn(step, needs) as turn:
                yield turn

    return Changed


async def walk(world: World, point: str, change: str, *nodes: AnyNode) -> tuple[RecordRef, str, Counter[int]]:
    """Walk a flow with a goal; the first answer is lost at a point, and the record changes before the next try."""
    revision = flow(world.key("leave"), *nodes, goal=GOAL)
    anna = await world.record("contact:1", stage="new", firstname="Anna", email="anna@example.com")
    tries: Counter[int] = Counter()
    world.ledger = changed_before_the_second_try(change, tries)
    await world.publish(revision)
    async with world.worker(losing(point)), running(world.relay.run):  # no router: the gate alone sees the goal met
        enrollment = await world.enroll(revision, anna)
        await world.ended(enrollment)
    return anna, enrollment, tries


async def edits(world: World) -> int:
    """Count the edits that the log knows."""
    return int(await world.pool.fetchval("select count(*) from event where type = 'property_changed'"))


async def test_an_edit_that_meets_the_goal_itself(world: World) -> None:
    """The edit stands as done, once; the record leaves at the next step."""
    _, enrollment, tries = await walk(
        world, "after_commit", "select 1", set_property("win", "stage", "customer"), set_property("on", "stage", "lost")
    )
    assert tries[1] == 2
    assert await world.path(enrollment) == [("win", "set stage"), ("on", "goal met")]
    assert (await edits(world), await world.ending(enrollment)) == (1, "goal")


async def test_an_edit_of_a_record_archived_since(world: World) -> None:
    """The edit stands as done, once; the record leaves at the next step."""
    anna, enrollment, tries = await walk(
        world, "after_commit", IS_ARCHIVED, set_property("win", "stage", "won"), set_property("on", "stage", "lost")
    )
    assert tries[1] == 2
    assert await world.path(enrollment) == [("win", "set stage"), ("on", "the record is gone")]
    assert (await edits(world), await world.ending(enrollment)) == (1, "record_gone")
    assert (await world.properties(anna))["stage"] == "won"


@LEAVES
async def test_an_e_mail_known_to_be_sent(world: World, change: str, ending: str, line: str) -> None:
    """The e-mail stands as sent, once; the record leaves at the next step."""
    _, enrollment, tries = await walk(
        world, "after_commit", change, send_email("mail", retry=SOON), send_email("more", retry=SOON)
    )
    assert tries[1] == 2
    assert await world.path(enrollment) == [("mail", "sent"), ("more", line)]
    assert (len(world.mailer.sent), await world.ending(enrollment)) == (1, ending)


@LEAVES
async def test_an_e_mail_sent_but_not_written_down(world: World, change: str, ending: str, line: str) -> None:
    """The e-mail is not sent again, and the visit says that it may have been."""
    _, enrollment, tries = await walk(world, "after_send", change, send_email("mail", retry=SOON))
    assert tries[1] == 2
    assert await world.path(enrollment) == [("mail", f"unknown; {line}")]
    (visit,) = await world.visits(enrollment)
    assert visit["answer"]["outcome"] == "unknown"
    assert (len(world.mailer.sent), await world.ending(enrollment)) == (1, ending)
