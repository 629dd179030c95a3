"""Keep a stack up until a line comes in: a stand-in for `perdure up` that a test may kill.

keep_up.py HOME [nobody]      prints the addresses as JSON once up, `stopped` at the end
"""

from __future__ import annotations

import asyncio
import os
import pwd
import sys
from pathlib import Path

from deploy.local.home import Home
from deploy.local.stack import Stack


def become_nobody() -> None:
    """Give root's rights up for good, once all that the interpreter loads late is loaded: it may be root's own."""
    asyncio.run(asyncio.to_thread(int))
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)


async def keep_up(home: Home) -> None:
    """Say where the stack answers, and stop it when told to."""
    stack = Stack(home, preferred_ports={}, durable=False)
    async with stack as addresses:
        print(addresses.model_dump_json(), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    print("stopped", flush=True)


if __name__ == "__main__":
    if "nobody" in sys.argv[2:]:
        become_nobody()
    asyncio.run(keep_up(Home(Path(sys.argv[1]))))
