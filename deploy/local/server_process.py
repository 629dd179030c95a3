"""One server as a process: started here, or found running after the one who started it died."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local import processes
from deploy.local.account import Account
from deploy.local.log_file import LogFile

POLL = 0.02


class ServerProcess:
    """A running server and the signals it understands. Its children are part of it."""

    def __init__(self, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self._child = child

    @classmethod
    def launch(cls, command: Sequence[str], folder: Path, log: LogFile, account: Account) -> ServerProcess:
        """Start the server in `folder`, with a clean environment and in a session of its own.

        Its own session keeps Ctrl-C in the terminal from ending the servers before the stack stops them in
        order. A clean environment keeps the user's PG*, TEMPORAL_* and locale settings out.
        """
        with log.open() as stream:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=folder,
                env={"PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C"},
                start_new_session=True,
                user=account.uid,
                group=account.gid,
                extra_groups=account.extra_groups,
            )
        return cls(child.pid, child)

    def is_alive(self) -> bool:
        """Tell whether the server's main process runs; reaps it if it was ours and ended."""
        return self._child.poll() is None if self._child else processes.is_alive(self.pid)

    async def ended(self, within: float) -> bool:
        """Wait up to `within` seconds for the server to end; return whether it did."""
        try:
            async with asyncio.timeout(within):
                while self.is_alive():
                    await asyncio.sleep(POLL)
        except TimeoutError:
            return False
        return True

    async def end(self, signum: signal.Signals, within: float) -> None:
        """Ask the server to end, and end it by force after `within` seconds."""
        if not self.is_alive():
            return
        self.resume()
        processes.send([self.pid], signum)
        if not await self.ended(within):
            self.kill9()

    def kill9(self) -> None:
        """End the server and its children at once, as a crash does."""
        if not self.is_alive():
            return
        family = self._stop_family()
        processes.send(family, signal.SIGKILL)
        if self._child:
            self._child.wait()

    def pause(self) -> None:
        """Freeze the server and its children: connections stay open, nothing answers."""
        if self.is_alive():
            self._stop_family()

    def resume(self) -> None:
        """Let a frozen server go on."""
        if self.is_alive():
            processes.send([*processes.children(self.pid), self.pid], signal.SIGCONT)

    def _stop_family(self) -> list[int]:
        # The parent first: a frozen one cannot start another child while the list is made.
        processes.send([self.pid], signal.SIGSTOP)
        family = [self.pid, *processes.children(self.pid)]
        processes.send(family, signal.SIGSTOP)
        return family
