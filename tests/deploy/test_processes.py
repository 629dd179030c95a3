"""Finding our own servers among all processes of the machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import processes

Launch = Callable[[Path], "subprocess.Popen[bytes]"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Launch]:
    """Start a stand-in server, `sleep 60`, in a folder."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(folder: Path) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        started.append(subprocess.Popen([shutil.which("sleep") or "sleep", "60"], cwd=folder))
        return started[-1]

    yield launch
    for process in started:
        process.kill()
        process.wait()


def test_program_argument_and_folder_make_it_ours(server: Launch, tmp_path: Path) -> None:
    """A process is found by what it runs, with what, and where; one that differs in any of them is not."""
    here = tmp_path / "here"
    process = server(here)
    server(tmp_path / "there")
    assert processes.find("sleep", "60", here) == [process.pid]
    assert processes.find("sleep", "61", here) == []
    assert processes.find("postgres", "60", here) == []


@pytest.mark.skipif(not processes.HAS_PROC, reason="the system shows no working directories")
def test_a_folder_of_the_same_name_elsewhere_is_not_ours(server: Launch, tmp_path: Path) -> None:
    """A folder that was replaced by another of the same name, as in a container, does not count as the same."""
    here = tmp_path / "here"
    server(here)
    here.rename(tmp_path / "moved")
    here.mkdir()
    assert processes.find("sleep", "60", here) == []


def test_a_zombie_is_dead(server: Launch, tmp_path: Path) -> None:
    """A process that ended and was not reaped yet counts as ended."""
    process = server(tmp_path)
    assert processes.is_alive(process.pid)
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.is_alive(process.pid)


def test_children_are_listed(server: Launch, tmp_path: Path) -> None:
    """The direct children of a process are known."""
    process = server(tmp_path)
    assert process.pid in processes.children(os.getpid())
    assert processes.children(process.pid) == []


def test_a_signal_to_a_gone_process_is_no_error(server: Launch, tmp_path: Path) -> None:
    """A process may end between the look and the signal."""
    process = server(tmp_path)
    process.kill()
    process.wait()
    processes.send([process.pid], signal.SIGTERM)
    assert process.returncode == -signal.SIGKILL


def test_without_proc_ps_tells_the_same(server: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc, as on macOS, `ps` finds the same processes."""
    if not Path("/bin/ps").exists():
        pytest.skip("there is no ps")
    process = server(tmp_path)
    monkeypatch.setattr(processes, "HAS_PROC", False)
    assert process.pid in processes.find("sleep", "60", tmp_path)
    assert process.pid in processes.children(os.getpid())
    assert processes.is_alive(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.is_alive(process.pid)
