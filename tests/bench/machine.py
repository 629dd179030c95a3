"""What processes have cost this machine, read from /proc: computing time, memory, and how busy all of it is."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def can_be_read() -> bool:
    """Tell whether this system has what is read here."""
    return Path("/proc/self/stat").exists()


def cpu(pid: int) -> float:
    """Give the seconds of computing that a process has taken, all its threads together."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICK


def cpu_of_family(pid: int) -> float:
    """Give the seconds of a process and its children, and of those children that have ended.

    PostgreSQL has a process for each connection, and connections come and go.
    """
    ended = _stat(pid)[13:15]
    return cpu(pid) + sum(map(int, ended)) / TICK + sum(_cpu_or_none(child) for child in children(pid))


def children(pid: int) -> Iterator[int]:
    """Give the processes that a process has started."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def memory(pid: int) -> float:
    """Give the megabytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def load() -> float:
    """Give how many processes wanted to compute, over the last minute."""
    return os.getloadavg()[0]


def described() -> str:
    """Say what this machine is."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    total = os.sysconf("SC_PHYS_PAGES") * PAGE / 2**30
    return (
        f"{os.cpu_count()} cores ({names[0] if names else platform.machine()}), {total:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}"
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _cpu_or_none(pid: int) -> float:
    try:
        return cpu(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it has just ended, and its parent counts it from now on


def _stat(pid: int) -> list[str]:
    """Give the fields after the name, which may hold spaces; see proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
