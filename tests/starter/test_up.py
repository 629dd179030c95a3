from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from deploy.local import processes
from deploy.local.addresses import Addresses
from starter.up import Status, keep_running
from starter.worker_process import WorkerProcess
from tests.starter.command_line import command, environment
from tests.until import until


async def test_up_holds_the_stack_until_it_is_told_to_stop(home: Path) -> None:
    """`up` migrates and says where all is; a second one says that it is up; SIGTERM ends it well, with all it held."""
    async with command(home, "up", "--no-worker", PERDURE_API__PORT="0") as first:
        await first.says("API         http")
        await first.says("Enrollments 0 inside, 0 ended")
        async with command(home, "up") as second:
            assert await second.ends() == 0
        assert f"is up on {home} already (process {first.process.pid})" in second.said[0]
        family = processes.children(first.process.pid)
        assert await first.ends(signal.SIGTERM) == 0
    assert first.said[-1].startswith("Stopped.")
    assert not [pid for pid in family if processes.is_alive(pid)]


async def test_a_worker_does_not_outlive_a_killed_up(home: Path) -> None:
    """When `up` is killed the worker ends by itself; the next `up` takes the servers over."""
    async with command(home, "up") as first:
        worker = int((await first.says("Worker      running (process")).partition("process ")[2].partition(",")[0])
        log = home / "logs" / "worker.log"
        await until(lambda: _holds(log, "the worker is ready"), what="the worker")
        first.process.kill()
        await first.ends()
    await until(lambda: _gone(worker), what="the end of the worker")
    async with command(home, "up", "--no-worker") as second:
        await second.says("Enrollments 0 inside")
        assert await second.ends(signal.SIGINT) == 0


async def _holds(log: Path, words: str) -> bool:
    return log.exists() and words in log.read_text()


async def _gone(pid: int) -> bool:
    return not processes.is_alive(pid)


def _child(pid: int, program: str) -> int:
    return next(each for each in processes.children(pid) if Path(processes.command_line(each)[0]).name == program)


async def test_a_server_that_ends_is_told_and_started_again(home: Path) -> None:
    """When a server of the stack is killed, `up` says so and brings it back where it was."""
    async with command(home, "up", "--no-worker") as up:
        await up.says("Enrollments 0 inside")
        before = (home / "up.json").read_text()
        for name, program in (("PostgreSQL", "postgres"), ("Temporal", "temporal")):
            os.kill(_child(up.process.pid, program), signal.SIGKILL)
            await up.says(f"{name} ended by itself")
            await up.says(f"{name} is up again.")
        assert (home / "up.json").read_text() == before
        assert await up.ends(signal.SIGTERM) == 0


async def test_a_worker_that_ends_is_told_and_started_again(tmp_path: Path) -> None:
    """The status says how the worker ended and its last words, and the next one is started after a pause."""
    addresses = Addresses(pid=os.getpid(), dsn="postgresql://x", temporal="x", namespace="x", ui=None)
    status, stop = Status(addresses), asyncio.Event()
    worker = WorkerProcess(environment(tmp_path, PERDURE_TYPO="1"), tmp_path / "worker.log")
    keeper = asyncio.create_task(keep_running(worker, status, stop))

    async def ended() -> str:
        return status.worker if "starts again in 2 s" in status.worker else ""

    told = await until(ended, what="the second end of the worker")
    stop.set()
    await keeper
    assert "ended with status 2" in told
    assert "PERDURE_TYPO: Perdure has no such setting" in told
