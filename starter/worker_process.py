"""The worker as a child process: it ends with its parent, even when the parent is killed."""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path

from workflows.model.errors import EngineError

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "worker.py"
STOP_WITHIN = 20.0
"""Seconds that a worker has to finish what it is doing; what it does not finish, another worker does."""


def run(*, with_parent: bool = False) -> None:
    """Be the worker: run `worker.py`, which nobody imports, in this process.

    `with_parent`: end, as if by SIGTERM, when standard input is closed. The kernel does so when the parent dies.
    """
    if not PROGRAM.exists():
        message = f"{PROGRAM} is not there; install Perdure again."
        raise EngineError(message)
    if with_parent:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    sys.argv = [str(PROGRAM)]
    runpy.run_path(str(PROGRAM), run_name="__main__")


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


class WorkerProcess:
    """One worker, started by us, writing into a log file."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        """Run under `environment` alone; append to `log`."""
        paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        self.environment = {**environment, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
        self.log = log
        self.process: Process | None = None

    async def start(self) -> int:
        """Start it, in a session of its own so that Ctrl-C reaches only us; return its process id."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-m", "starter", "worker", "--with-parent"],
                stdin=PIPE,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        return self.process.pid

    async def ended(self) -> int:
        """Wait for its end; return its exit status."""
        return await self.process.wait() if self.process else 0

    async def stop(self) -> None:
        """Let it finish what it is doing, for a while, and end it."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_WITHIN)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def last_words(self, lines: int = 5) -> str:
        """Give the end of the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
