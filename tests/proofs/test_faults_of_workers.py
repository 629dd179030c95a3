"""A worker killed -9 at each named crash point: another finishes, with edits done once, e-mails as their node says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from tests.flows import flow, send_email, set_property
from tests.proofs.faulty_servers import Scene, servers
from workflows.model.nodes import Perform

AT_ONCE = 5
"""Cases under way at a time: each has a world and workers of its own."""

Repeat = Literal["at_least_once", "at_most_once"]
Case = tuple[str, str, Repeat]

EDITS: list[Case] = [
    ("set_property", point, "at_least_once") for point in ("before_edit", "before_commit", "after_commit")
]
KNOWN: list[Case] = [("send_email", point, "at_most_once") for point in ("before_intent", "after_commit")]
AMBIGUOUS: list[Case] = [
    ("send_email", point, repeat)
    for point in ("after_intent", "after_send")
    for repeat in ("at_least_once", "at_most_once")
]


@dataclass
class Aftermath:
    """What a case left: visits, copies of the e-mail by Message-ID, edits, and the seconds from death to end."""

    path: list[tuple[str, str]]
    visit: Any
    copies: Counter[str]
    edits: Counter[tuple[str, str, object]]
    seconds: float


@pytest.fixture(scope="module")
async def aftermaths(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[Case, Aftermath]]:
    """All cases, each struck in a world of its own."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with servers(tmp_path_factory.mktemp("rough")) as running:

        async def strike(case: Case) -> Aftermath:
            async with turns, Scene.open(running, tmp_path_factory.mktemp("world")) as scene:
                return await struck(scene, case)

        cases = [*EDITS, *KNOWN, *AMBIGUOUS]
        found = await asyncio.gather(*(strike(case) for case in cases))
        for case, each in zip(cases, found, strict=True):
            print(case, f"{each.seconds:.1f} s")
        yield dict(zip(cases, found, strict=True))


async def struck(scene: Scene, case: Case) -> Aftermath:
    """Have a worker die at a crash point of a node, and another one finish."""
    kind, point, repeat = case
    world, clock = scene.world, asyncio.get_running_loop().time
    revision = await world.publish(
        flow(world.key("struck"), node(kind, repeat), set_property("after", "stage", "after"))
    )
    anna = await world.record("contact:1", email="anna@example.com", firstname="Anna", stage="new")
    async with scene.worker(point) as worker:
        enrollment = await world.enroll(revision, anna)
        await worker.struck()
    died = clock()
    async with scene.worker():
        await scene.all_ended([enrollment], within=40)
        seconds = clock() - died
    visit = (await world.visits(enrollment))[0]
    return Aftermath(await world.path(enrollment), visit, scene.sent(), await scene.edits(), seconds)


def node(kind: str, repeat: Repeat) -> Perform:
    if kind == "send_email":
        return send_email("it", repeat=repeat, timeout="2 seconds")
    return set_property("it", "stage", "{{ contact.stage }}+")  # done twice, it says new++


@pytest.mark.parametrize("case", EDITS, ids=str)
def test_an_edit_is_done_once(aftermaths: dict[Case, Aftermath], case: Case) -> None:
    """Wherever the worker dies, the edit and its visit are there together, once."""
    found = aftermaths[case]
    assert found.path == [("it", "set stage"), ("after", "set stage")]
    assert found.edits == Counter([("1", "stage", "new+"), ("1", "stage", "after")])


@pytest.mark.parametrize("case", KNOWN, ids=str)
def test_an_e_mail_that_was_surely_sent_or_not_is_sent_once(aftermaths: dict[Case, Aftermath], case: Case) -> None:
    """Before the intent, and after the commit, the ledger knows: even at_most_once sends, and nothing is flagged."""
    found = aftermaths[case]
    assert found.path == [("it", "sent"), ("after", "set stage")]
    assert list(found.copies.values()) == [1]
    assert not found.visit["repeated"]


@pytest.mark.parametrize("case", AMBIGUOUS, ids=str)
def test_an_e_mail_that_may_have_been_sent_follows_its_node(aftermaths: dict[Case, Aftermath], case: Case) -> None:
    """Between intent and commit: at_least_once sends again under one Message-ID, at_most_once never; both say so."""
    found, (_, point, repeat) = aftermaths[case], case
    went_out = point == "after_send"
    if repeat == "at_least_once":
        assert list(found.copies.values()) == [1 + went_out]
        assert found.visit["repeated"]
        assert found.path[0] == ("it", "sent")
    else:
        assert sum(found.copies.values()) == went_out
        assert found.visit["answer"]["outcome"] == "unknown"
    assert found.path[1] == ("after", "set stage")
