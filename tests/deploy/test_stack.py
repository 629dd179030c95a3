"""Both servers together: one owner at a time, an ordered end, and no trace of a killed owner."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable

import pytest
from temporalio.client import Client

from deploy.local import processes
from deploy.local.errors import StartFailedError
from deploy.local.home import Home
from deploy.local.stack import Stack
from tests.until import until

from .conftest import KeepUp, Query, Sandbox

MakeStack = Callable[[Home], Stack]


@pytest.fixture
async def stack(sandbox: Sandbox) -> AsyncIterator[MakeStack]:
    """Make stacks over data folders, destroyed in the end."""
    made: list[Stack] = []

    def make(home: Home) -> Stack:
        made.append(Stack(home, sandbox.said.append, preferred_ports={}, durable=False, headless=True))
        return made[-1]

    yield make
    for one in made:
        await one.destroy()


def _servers(home: Home) -> list[int]:
    return processes.find("temporal", "start-dev", home.temporal) + _postgres(home)


def _postgres(home: Home) -> list[int]:
    data = Stack(home).postgres.data
    return processes.find("postgres", str(data), data) if data.exists() else []


async def test_both_are_up_inside_the_block(sandbox: Sandbox, stack: MakeStack, query: Query) -> None:
    """Inside the block both servers answer at the given addresses; after it neither runs."""
    home = sandbox.home()
    async with stack(home) as addresses:
        assert await query(addresses.dsn, "SELECT 1") == 1
        assert (await (await Client.connect(addresses.temporal)).count_workflows()).count == 0
        assert len(_servers(home)) == 2
    assert _servers(home) == []


async def test_another_process_finds_it(sandbox: Sandbox, keep_up: KeepUp) -> None:
    """`running` tells the addresses while the stack is up, and nothing before and after."""
    home = sandbox.home()
    assert Stack.running(home) is None
    keeper = await keep_up(home)
    assert Stack.running(home) == keeper.addresses
    assert keeper.addresses.pid == keeper.process.pid
    assert await keeper.stop() == "stopped"
    assert Stack.running(home) is None
    assert _servers(home) == []


async def test_a_second_start_joins(sandbox: Sandbox, keep_up: KeepUp, stack: MakeStack, query: Query) -> None:
    """A second start uses the running stack, and its end leaves it running."""
    home = sandbox.home()
    keeper = await keep_up(home)
    second = stack(home)
    async with second as addresses:
        assert addresses == keeper.addresses
        assert not second.owned
    assert await query(keeper.addresses.dsn, "SELECT 1") == 1
    await keeper.stop()


async def test_two_first_starts(sandbox: Sandbox, keep_up: KeepUp) -> None:
    """Of two processes that start at the same moment one owns the stack and the other joins it."""
    home = sandbox.home()
    one, two = await asyncio.gather(keep_up(home), keep_up(home))
    assert one.addresses == two.addresses
    owner, guest = (one, two) if one.addresses.pid == one.process.pid else (two, one)
    await guest.stop()
    assert Stack.running(home) == owner.addresses
    await owner.stop()


async def test_the_next_start_takes_over(sandbox: Sandbox, keep_up: KeepUp, stack: MakeStack, query: Query) -> None:
    """After `kill -9` of the owner the next start has the same addresses and data, and leaves nothing behind."""
    home = sandbox.home()
    keeper = await keep_up(home)
    await query(keeper.addresses.dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    await keeper.kill9()
    assert Stack.running(home) is None
    async with stack(home) as addresses:
        assert (addresses.dsn, addresses.temporal) == (keeper.addresses.dsn, keeper.addresses.temporal)
        assert await query(addresses.dsn, "SELECT one FROM kept") == 1
        assert len(_servers(home)) == 2
    assert _servers(home) == []
    assert sandbox.said == [line for line in sandbox.said if "cannot enter" in line]


async def test_leftovers_can_be_ended(sandbox: Sandbox, keep_up: KeepUp, stack: MakeStack) -> None:
    """What a killed owner left is ended on demand, and a stack that is up is not touched."""
    home = sandbox.home()
    keeper = await keep_up(home)
    assert not await stack(home).end_leftovers()
    await keeper.kill9()
    assert len(_servers(home)) == 2
    assert await stack(home).end_leftovers()
    assert _servers(home) == []


async def test_the_addresses_are_private(sandbox: Sandbox, stack: MakeStack) -> None:
    """The file with the addresses, which holds the password, can be read by its owner only."""
    home = sandbox.home()
    async with stack(home):
        assert stat.S_IMODE(home.addresses.stat().st_mode) == 0o600


async def test_the_password_is_not_printed(sandbox: Sandbox, stack: MakeStack) -> None:
    """Printing the addresses does not show the password."""
    home = sandbox.home()
    async with stack(home) as addresses:
        assert (home.postgres / "password").read_text() not in repr(addresses)


async def test_a_terminals_interrupt_does_not_reach_the_servers(sandbox: Sandbox, stack: MakeStack) -> None:
    """The servers are in sessions of their own, so Ctrl-C reaches only the process that stops them in order."""
    home = sandbox.home()
    async with stack(home):
        servers = _servers(home)
        assert [os.getsid(pid) for pid in servers] == servers


async def test_one_failing_stops_the_other(sandbox: Sandbox, stack: MakeStack) -> None:
    """When one server cannot start the other does not stay behind, and the folder is free again."""
    home = sandbox.home()
    home.prepare()
    broken = home.temporal / "temporal.db"
    broken.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StartFailedError):
        await stack(home).start()
    assert _servers(home) == []
    broken.unlink()
    async with stack(home):
        assert len(_servers(home)) == 2


async def test_a_cancelled_start_leaves_nothing(sandbox: Sandbox, stack: MakeStack) -> None:
    """A start that is interrupted ends what it had started."""
    home = sandbox.home()
    starting = asyncio.create_task(stack(home).start())

    async def launched() -> list[int]:
        return _servers(home)

    await until(launched, what="the first server process")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert _servers(home) == []
    assert Stack.running(home) is None


async def test_two_stacks_that_want_the_same_ports(sandbox: Sandbox) -> None:
    """Two folders that start at the same moment with the same first choices both come up, on different ports."""
    free = sandbox.ports(sandbox.home("spare"))
    sandbox.homes[0].prepare()
    wanted = {name: free.take(name) for name in ("postgres", "temporal", "temporal_ui")}
    homes = [sandbox.home(name) for name in ("one", "two")]
    stacks = [Stack(home, sandbox.said.append, preferred_ports=wanted, durable=False) for home in homes]
    try:
        one, two = await asyncio.gather(*[each.start() for each in stacks])
        assert len({one.dsn, two.dsn}) == len({one.temporal, two.temporal}) == len({one.ui, two.ui}) == 2
        assert wanted["temporal"] in [int(each.temporal.rpartition(":")[2]) for each in (one, two)]
    finally:
        for each in stacks:
            await each.destroy()
