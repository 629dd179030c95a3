"""The servers that tests share, one fresh world a test, and failures told at once."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from hypothesis import HealthCheck, settings

from deploy.local import processes
from deploy.local.addresses import Addresses
from deploy.local.home import Home
from deploy.local.stack import Stack
from tests.world import World

# A fresh clone builds Hypothesis' table of characters within its first draw, and a busy machine is slow: neither is a
# defect of the code under test.
settings.register_profile("perdure", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("perdure")

LINES_OF_A_FAILURE = 12
SERVERS_END_WITHIN = 60.0


class Run:
    """Tells each failure when it comes, not only after the last test, and ends its servers when it is told to stop."""

    def __init__(self, plugins: pytest.PytestPluginManager) -> None:
        self.plugins = plugins
        # Tests press Ctrl-C on programs, which would ignore it if we had been started in the background and did so.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.heed_sigterm()

    def heed_sigterm(self) -> None:
        """End as on Ctrl-C, and the workers with us."""
        signal.signal(signal.SIGTERM, self._told_to_stop)

    def _told_to_stop(self, _signal: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once: what is being cleared away must not be interrupted
        if self.plugins.has_plugin("dsession"):  # pytest-xdist's: our children are its workers, not servers
            workers = processes.children(os.getpid())
            processes.send(workers, signal.SIGTERM)
            # It kills them after some seconds, and then nobody would end their servers.
            deadline = monotonic() + SERVERS_END_WITHIN
            while any(map(processes.children, workers)) and monotonic() < deadline:
                Event().wait(0.1)
        raise KeyboardInterrupt

    def pytest_runtest_setup(self) -> None:
        """Heed it again: a test may have run what has ideas of its own."""
        self.heed_sigterm()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the last lines of a failure; all of it stands at the end."""
        if report.failed and (terminal := self.plugins.get_plugin("terminalreporter")):
            said = report.longreprtext.splitlines()[-LINES_OF_A_FAILURE:]
            terminal.write_line(f"\n{report.nodeid} ({report.when}, {report.duration:.0f} s):", red=True)
            terminal.write_line("\n".join(said))


def pytest_configure(config: pytest.Config) -> None:
    """Watch over this run."""
    config.pluginmanager.register(Run(config.pluginmanager))


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Addresses]:
    """A real PostgreSQL and a real Temporal server, one of each for all tests of this process."""
    stack = Stack(
        Home(tmp_path_factory.mktemp("perdure")), durable=False, headless=True, in_memory=True, preferred_ports={}
    )
    try:
        yield await stack.start()
    finally:
        await stack.destroy()


@pytest.fixture
async def world(stack: Addresses, tmp_path: Path) -> AsyncIterator[World]:
    """A migrated database, a task queue and a mailbox of the test's own."""
    async with World.open(stack, tmp_path) as world:
        yield world


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder whose stack is gone after the test."""
    home = tmp_path / "home"
    yield home
    stack = Stack(Home(home))
    await stack.end_leftovers()
    await stack.destroy()
