"""The whole demo as a process: once to its end and kept up, and once stopped in the middle."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from deploy.local import processes
from deploy.local.home import Home
from deploy.local.stack import Stack
from tests.starter.command_line import Command, command

FAST = "150000"


@asynccontextmanager
async def demo(home: Path, *words: str) -> AsyncIterator[Command]:
    """Run a demo for a block, with a clock that is faster still; its stack is gone after it."""
    try:
        async with command(home, "demo", *words, PERDURE_CLOCK_SPEED=FAST) as running:
            yield running
    finally:
        stack = Stack(Home(home / "demo"))
        await stack.end_leftovers()
        await stack.destroy()


@dataclass
class Told:
    """What a demo that was kept up has said; what a second one beside it did; how the first ended, and what it left."""

    folder: Path
    said: list[str]
    second: tuple[int, list[str]]
    status: int
    left: list[int]

    def number(self, words: str) -> int:
        """Give the number that begins the line with these words, 0 where there is none."""
        found = (re.match(r"\s*(\d+) ", line) for line in self.said if words in line)
        return next((int(each[1]) for each in found if each), 0)


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One demo, to its end and kept up, a second one beside it, and Ctrl-C."""
    home = tmp_path_factory.mktemp("demo")
    async with demo(home, "--keep") as running:
        for words in ("Web UI, while it runs", "What happened", "perdure draw"):
            await running.says(words)
        family = processes.children(running.process.pid)
        async with command(home, "demo") as second:
            refused = await second.ends(), second.said
        status = await running.ends(signal.SIGINT)
        return Told(home / "demo", running.said, refused, status, [pid for pid in family if processes.is_alive(pid)])


def test_everybody_comes_to_an_end_of_their_own(told: Told) -> None:
    """Forty ask, two are customers already, and each of the others is in exactly one line of what happened."""
    assert (told.number("people sent the form"), told.number("entered the flow.")) == (40, 38)
    fates = ("opened the e-mail", "answered the reminder", "stayed quiet", "have no e-mail address", "bought")
    numbers = {words: told.number(words) for words in fates}
    assert sum(numbers.values()) == 38
    assert min(numbers.values()) > 0, numbers


def test_each_email_arrives_once_though_the_worker_was_killed(told: Told) -> None:
    """Nobody has the same e-mail twice, and a worker was killed on the way."""
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in (told.folder / "mail").iterdir()]
    assert max(Counter((mail["to"], mail["subject"]) for mail in mails).values()) == 1
    assert any("The worker was killed on day" in line for line in told.said)


def test_the_webhooks_reach_loopback_by_the_allow_list(told: Told) -> None:
    """One file for each of the quiet, though the receiver was busy at first."""
    assert len([*(told.folder / "webhooks").iterdir()]) == told.number("stayed quiet")
    assert any("busy at first (503" in line for line in told.said)


def test_the_picture_has_the_counts(told: Told) -> None:
    """How many came by stands on the boxes."""
    picture = (told.folder / "demo-request.svg").read_text(encoding="utf-8")
    assert ">38</text>" in picture


def test_a_second_one_beside_it_is_refused(told: Told) -> None:
    """It would take away what the first one keeps up; it says where to look around."""
    status, said = told.second
    assert status == 2
    assert any("A demo is up already" in line and f"PERDURE_HOME={told.folder}" in line for line in said)


def test_ctrl_c_ends_what_was_kept_up(told: Told) -> None:
    """PostgreSQL, Temporal and the worker are gone, and all is well."""
    assert (told.status, told.left) == (0, [])


async def test_ctrl_c_in_the_middle_leaves_nothing_running(tmp_path: Path) -> None:
    """The servers and the worker end with it, and it says so."""
    async with demo(tmp_path) as running:
        await running.says("in opened")
        family = processes.children(running.process.pid)
        assert len(family) == 3
        assert await running.ends(signal.SIGINT) == 130
        assert "Stopped before the end." in running.said
        assert not [pid for pid in family if processes.is_alive(pid)]
