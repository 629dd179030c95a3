"""Processes of this machine, found by what they run and where, so that a foreign one is never touched."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
HAS_PROC = (PROC / "self" / "cmdline").exists()


def find(program: str, argument: str, folder: Path) -> list[int]:
    """Return the processes that run `program` with `argument` and stand in `folder`, oldest first.

    A pid from a file may belong to anybody by now. The command line names the folder, and where the system
    shows it, the working directory proves that it is this folder and not one of the same name in a container.
    """
    return sorted(pid for pid in _pids() if _runs(pid, program, argument) and _stands_in(pid, folder))


def is_alive(pid: int) -> bool:
    """Tell whether the process runs. A dead one that nobody has reaped (a container without an init) does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # Not by its command line: a program that has just begun has none yet.
    return _stat(pid)[:1] not in ([], ["Z"], ["X"]) if HAS_PROC else bool(command_line(pid))


def children(pid: int) -> list[int]:
    """Return the direct children of the process."""
    if not HAS_PROC:
        return [child for child, parent, _ in _ps() if parent == pid]
    return [child for child in _pids() if _parent(child) == pid]


def send(pids: list[int], signum: signal.Signals) -> None:
    """Send the signal to each of the processes that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def command_line(pid: int) -> list[str]:
    """Return the arguments of the process; none for one that ended, reaped or not."""
    if not HAS_PROC:
        return next((words for found, _, words in _ps() if found == pid), [])
    try:
        text = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [word.decode(errors="replace") for word in text.split(b"\0")] if text else []


def _runs(pid: int, program: str, argument: str) -> bool:
    words = command_line(pid)
    if not words or Path(words[0]).name != program:
        return False
    # `ps` has lost where one argument ends and the next begins.
    return argument in words[1:] if HAS_PROC else argument in " ".join(words)


def _stands_in(pid: int, folder: Path) -> bool:
    if not HAS_PROC:
        return True
    try:
        return (PROC / str(pid) / "cwd").samefile(folder)
    except PermissionError:
        # Root in a container may not look at a server that runs as `nobody`; the command line must do.
        return True
    except OSError:
        return False


def _pids() -> list[int]:
    if not HAS_PROC:
        return [pid for pid, _, _ in _ps()]
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _parent(pid: int) -> int:
    return int((_stat(pid) or ["", "-1"])[1])


def _stat(pid: int) -> list[str]:
    """Return what the system says of a process, from its state on; nothing for one that is gone."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return []
    # The program's name stands in brackets and may hold anything, brackets included.
    return stat.rpartition(")")[2].split()


def _ps() -> list[tuple[int, int, list[str]]]:
    """Return pid, parent and arguments of every process where there is no /proc; ended ones have no arguments."""
    answer = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True
    )
    found = []
    for line in answer.stdout.splitlines():
        match line.split():
            case [pid, parent, state, *words]:
                found.append((int(pid), int(parent), [] if state.startswith("Z") else words))
    return found
