"""The lock of a data folder."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.errors import LocalServerError
from deploy.local.lock import FileLock, held, is_locked


def test_one_holder(tmp_path: Path) -> None:
    """A held lock is refused to a second holder and free again after release."""
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    assert is_locked(tmp_path / "lock")
    first.release()
    assert second.acquire()
    second.release()
    assert not is_locked(tmp_path / "lock")


def test_children_do_not_hold_it(tmp_path: Path) -> None:
    """A server started by the holder does not keep the lock when the holder is gone."""
    lock = FileLock(tmp_path / "lock")
    lock.acquire()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        lock.release()
        assert not is_locked(tmp_path / "lock")
        child.communicate(b"\n")


async def test_waiting_has_an_end(tmp_path: Path) -> None:
    """Who waits for a lock is told which file is held when the time is over."""
    lock = FileLock(tmp_path / "lock")
    lock.acquire()
    with pytest.raises(LocalServerError, match="lock is held by another process"):
        async with held(tmp_path / "lock", within=0.05):
            pytest.fail("the lock was given to two holders")
    lock.release()


async def test_waiting_ends_with_the_release(tmp_path: Path) -> None:
    """Who waits for a lock gets it as soon as it is given back."""
    lock = FileLock(tmp_path / "lock")
    lock.acquire()
    asyncio.get_running_loop().call_later(0.05, lock.release)
    async with held(tmp_path / "lock", within=10):
        assert is_locked(tmp_path / "lock")
