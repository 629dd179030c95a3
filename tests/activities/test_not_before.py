"""An effect that has to wait, as for a quota, lets its record sleep until then."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

import pytest
from pydantic import JsonValue

from activities.action import Action, Do, Done, NotBefore, Preparing, Refused
from activities.catalogue import Catalogue
from starter.simulate import Simulation
from tests.flows import flow
from workflows.model.nodes import Perform

HOUR = timedelta(hours=1)
PATIENCE = 2 * HOUR


class Rationed(Action):
    """Wait for an hour, and again, for two hours at most."""

    kind: ClassVar = "rationed"
    place: ClassVar[Literal["store", "outside"]] = "store"
    examples: ClassVar = ("{do: rationed, id: a}",)
    free_at: ClassVar[timedelta] = HOUR

    async def perform(self, do: Do) -> Done:
        """Wait until it is free."""
        wait_for_turn(do, self.free_at)
        return Done(line="did it")


class RationedOutside(Rationed):
    """Wait before the effect outside."""

    kind: ClassVar = "rationed_outside"
    place: ClassVar = "outside"

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Wait until it is free."""
        wait_for_turn(preparing, self.free_at)
        return {}

    async def perform(self, do: Do) -> Done:
        """Do it."""
        return Done(line="did it")


def wait_for_turn(do: Do | Preparing, free_at: timedelta) -> None:
    waited = do.now - do.since
    if waited >= PATIENCE:
        raise Refused("waited_too_long")
    if waited < free_at:
        raise NotBefore(do.now + HOUR, "quota", "20 a minute")


CATALOGUE = Catalogue({"rationed": Rationed, "rationed_outside": RationedOutside})


async def walked(kind: str) -> tuple[list[str], timedelta]:
    """Walk through a flow of one such node; give the lines of its visits, and how long it took."""
    world = Simulation(CATALOGUE)
    node = Perform(id="a", name="Act", edges={}, kind=kind, config={}, place=CATALOGUE[kind].place)
    revision = flow("f", node)
    world.publish(revision)
    began = world.clock
    await world.walk(revision, world.record("contact:1"))
    visits = sorted(world.ledger.visits.items())
    return [row.visit.answer.line for _, row in visits if row.visit.answer], world.clock - began


@pytest.mark.parametrize("kind", ["rationed", "rationed_outside"])
async def test_the_record_sleeps_until_the_moment(kind: str) -> None:
    """Then it is tried again, as a visit of its own."""
    lines, took = await walked(kind)
    assert lines == ["deferred: quota", "did it"]
    assert took == HOUR


async def test_an_action_knows_since_when_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it can stop waiting, and the record moves on."""
    monkeypatch.setattr(Rationed, "free_at", timedelta(days=1))
    lines, took = await walked("rationed")
    assert lines == ["deferred: quota", "deferred: quota", "failed: waited_too_long"]
    assert took == PATIENCE


async def test_what_waits_for_ever_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """An action without patience must not fill a history."""
    monkeypatch.setattr(f"{__name__}.PATIENCE", timedelta(days=9))
    monkeypatch.setattr(Rationed, "free_at", timedelta(days=8))
    with pytest.raises(Exception, match="not planned"):
        await walked("rationed")
