from __future__ import annotations

import io
import signal
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from rich.console import Console

from activities.catalogue import Catalogue
from deploy.local import processes
from deploy.local.home import Home
from deploy.local.stack import Stack
from starter.demo import CONTACTS, FLOW, demo, in_walking_order
from starter.language.compile import compile_flow
from starter.loading.rows import BadRow, open_rows
from starter.settings import Settings
from tests.starter.command_line import command


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder whose demo stack is gone after the test."""
    home = tmp_path / "home"
    yield home
    stack = Stack(Home(home / "demo"))
    await stack.end_leftovers()
    await stack.destroy()


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """The demo's flow with shorter pauses."""
    text = FLOW.read_text().replace("for: 5 seconds", "for: 0.2 seconds").replace("10 seconds", "4 seconds")
    file = tmp_path / "quick.yaml"
    file.write_text(text)
    return file


async def run(home: Path, quick: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the demo in this process and return what it said."""
    monkeypatch.setenv("PERDURE_HOME", str(home))
    said = io.StringIO()
    await demo(Settings.load(), Console(file=said, width=300), flow=quick)
    return said.getvalue()


async def test_everybody_comes_to_the_end(home: Path, quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve enter, twelve are mailed, half of them open it; and a second run on the same folder does the same."""
    for _ in range(2):
        said = await run(home, quick, monkeypatch)
        assert "12 people entered 'Follow up demo requests', 12 walked it to its end." in said
        assert "12 were sent an e-mail" in said
        assert "6 opened it in time and are marked interested, 6 did not: quiet." in said
    mails = [
        message_from_bytes(file.read_bytes(), policy=policy.default) for file in (home / "demo" / "mail").iterdir()
    ]
    assert len({mail["to"] for mail in mails}) == len(mails) == 12


async def test_ctrl_c_leaves_nothing_running(home: Path) -> None:
    """Stopped in the middle, the demo ends with its servers and its worker, and says so."""
    async with command(home, "demo") as running:
        await running.says("let-them-read")
        family = processes.children(running.process.pid)
        assert len(family) == 3
        assert await running.ends(signal.SIGINT) == 130
    assert "Stopped before the end." in running.said
    assert not [pid for pid in family if processes.is_alive(pid)]


def test_the_contacts_are_twelve_good_rows() -> None:
    """The example file can be loaded without a bad row."""
    rows = list(open_rows(CONTACTS).rows())
    assert (len(rows), [row for row in rows if isinstance(row, BadRow)]) == (12, [])


def test_steps_are_shown_as_they_are_walked() -> None:
    """The screen lists the steps from the first to the last, not by their names."""
    flow = compile_flow(FLOW.read_text(), Catalogue.load())
    assert in_walking_order(flow) == [
        "thanks",
        "let-them-read",
        "opened",
        "was-it-opened",
        "mark-interested",
        "mark-quiet",
    ]
