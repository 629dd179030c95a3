"""Commands as processes of their own, whose lines a test can wait for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHIN = 60.0


def environment(home: Path, **more: str) -> Mapping[str, str]:
    """Give an environment in which nothing is set but the data folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERDURE_", "TEMPORAL_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PERDURE_HOME": str(home), **more}


@dataclass
class Command:
    """A running command and the lines that it has said."""

    process: Process
    said: list[str] = field(default_factory=list)

    async def says(self, words: str) -> str:
        """Wait for a line that holds these words."""
        assert self.process.stdout
        async with asyncio.timeout(WITHIN):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line.rstrip())
                if words in line:
                    return line
        raise AssertionError(f"it ended without saying {words!r}:\n" + "\n".join(self.said))

    async def ends(self, signum: signal.Signals | None = None) -> int:
        """Send a signal, if one is given, and wait for the end; return the exit status."""
        if signum is not None:
            self.process.send_signal(signum)
        out, _ = await asyncio.wait_for(self.process.communicate(), WITHIN)
        self.said += out.decode().splitlines()
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def command(home: Path, *words: str, **more: str) -> AsyncIterator[Command]:
    """Run `perdure` for a block, with `more` in its environment; what still runs at its end is killed."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "starter", *words], env=environment(home, **more), stdout=PIPE, stderr=STDOUT
    )
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
