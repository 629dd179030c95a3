"""deploy/setup.sh on machines made of stubs: its whole PATH is a folder, no network, no real Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = "cat chmod cmp cp dirname grep ln make mkdir readlink rm sh sleep tail uname".split()  # noqa: SIM905

PYTHON = """#!/bin/sh
case "$*" in
  *version_info*) echo {version} ;;
  *ensurepip*) {has_venv} ;;
  "-m venv "*)
    mkdir -p .venv/bin .venv/lib/python{version}
    cp "$0" .venv/bin/python
    cp "$0" .venv/bin/pip ;;
  "-m pip install "*)
    echo "$*" >>calls
    {pip} ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >>calls
case "$*" in
  "venv "*) mkdir -p .venv/bin .venv/lib/python3.12; cp bin/python3.12 .venv/bin/python ;;
  "pip install "*) {install} ;;
esac
"""


class Machine:
    """A checkout beside a folder that is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in NEEDED:
            found = shutil.which(tool)
            assert found, tool
            (self.bin / tool).symlink_to(found)
        (folder / "deploy").mkdir()
        for name in ("Makefile", "pyproject.toml", "requirements.lock", "deploy/setup.sh"):
            shutil.copy(ROOT / name, folder / name)

    def add(self, tool: str, script: str) -> None:
        file = self.bin / tool
        file.unlink(missing_ok=True)
        file.write_text(script)
        file.chmod(0o755)

    def add_python(self, name: str, version: str, *, has_venv: bool = True, pip: str = "true") -> None:
        self.add(name, PYTHON.format(version=version, has_venv=str(has_venv).lower(), pip=pip))

    def environment(self, **extra: str) -> dict[str, str]:
        return {"PATH": str(self.bin), **extra}

    def run(self, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command or ("sh", "deploy/setup.sh"),
            cwd=self.folder,
            env=self.environment(**extra),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        """What pip and uv were asked since the last time."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def refusal(self, **extra: str) -> str:
        """The one line with which the set-up gives up."""
        ran = self.run(**extra)
        lines = ran.stderr.splitlines()
        assert ran.returncode == 1
        assert len(lines) == 1, ran.stderr
        assert lines[0].startswith("setup: ")
        return lines[0]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_no_python(machine: Machine) -> None:
    """Without any Python, the line says which ones would do and how to name one."""
    assert "no Python 3.11, 3.12 or 3.13 found: install one" in machine.refusal()


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14"])
def test_only_an_unsupported_python(machine: Machine, version: str) -> None:
    """A Python that is too old or too new is named with its version."""
    machine.add_python("python3", version)
    assert f"found (python3 is {version})" in machine.refusal()


def test_a_shim_that_fails_is_passed_over(machine: Machine) -> None:
    """A python3.13 that is only a failing pyenv shim does not hide the python3 that works."""
    machine.add("python3.13", "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    machine.add_python("python3", "3.11")
    assert machine.run().stdout.startswith("setup: making .venv with Python 3.11 ")


def test_no_venv_module(machine: Machine) -> None:
    """Debian's Python without its venv package is told which package to install."""
    machine.add_python("python3", "3.12", has_venv=False)
    assert "sudo apt install python3.12-venv" in machine.refusal()


def test_a_python_without_venv_is_passed_over(machine: Machine) -> None:
    """An older Python that can make an environment is better than a newer one that cannot."""
    machine.add_python("python3.13", "3.13", has_venv=False)
    machine.add_python("python3.11", "3.11")
    assert "with Python 3.11" in machine.run().stdout


def test_the_named_python_is_too_old(machine: Machine) -> None:
    """A PYTHON that will not do is refused, though another one would."""
    machine.add_python("python3.12", "3.12")
    machine.add_python("mine", "3.9")
    assert "PYTHON=mine is not Python 3.11, 3.12 or 3.13 (mine is 3.9)" in machine.refusal(PYTHON="mine")


def test_the_named_python_wins(machine: Machine) -> None:
    """PYTHON is used before the newest one found, also over an environment made with another."""
    machine.add_python("python3.13", "3.13")
    machine.add_python("mine", "3.11")
    machine.run()
    assert "with Python 3.11" in machine.run(PYTHON="mine").stdout


def test_windows_by_its_variable(machine: Machine) -> None:
    """On Windows the line points to WSL."""
    machine.add_python("python3", "3.12")
    assert "WSL" in machine.refusal(OS="Windows_NT")


@pytest.mark.parametrize("kernel", ["MINGW64_NT-10.0", "MSYS_NT-10.0", "CYGWIN_NT-10.0"])
def test_windows_by_its_kernel_name(machine: Machine, kernel: str) -> None:
    """In Git Bash, MSYS and Cygwin the line points to WSL."""
    machine.add("uname", f"#!/bin/sh\necho {kernel}\n")
    assert "WSL" in machine.refusal()


def test_musl(machine: Machine) -> None:
    """On Alpine the line says that glibc is missing."""
    machine.add_python("python3", "3.12")
    machine.add("ldd", "#!/bin/sh\necho 'musl libc (x86_64)' >&2\nexit 1\n")
    assert "musl" in machine.refusal()


def test_pip_fails(machine: Machine) -> None:
    """When pip fails, its own last error is in the line, and the log is named."""
    machine.add_python("python3", "3.12", pip="echo 'ERROR: no route to index'; exit 1")
    line = machine.refusal()
    assert "ERROR: no route to index" in line
    assert (machine.folder / line.rsplit(maxsplit=1)[-1]).read_text() == "ERROR: no route to index\n"


def test_a_failed_set_up_is_started_again(machine: Machine) -> None:
    """An environment whose packages failed to install is not taken for a good one."""
    machine.add_python("python3", "3.12", pip="exit 1")
    machine.refusal()
    machine.add_python("python3", "3.12")
    assert "making .venv" in machine.run().stdout
    assert machine.run().stdout == ""


@pytest.mark.parametrize("signal", ["INT", "TERM", "KILL"])
def test_an_interrupted_set_up_is_started_again(machine: Machine, signal: str) -> None:
    """A set-up that was stopped in the middle leaves nothing taken for good, nor a lock that holds."""
    machine.add_python("python3", "3.12", pip=f"kill -{signal} $PPID")
    assert machine.run().returncode != 0
    half = machine.folder / ".venv/half"
    half.touch()
    machine.add_python("python3", "3.12")
    assert "making .venv" in machine.run().stdout
    assert not half.exists()
    assert not (machine.folder / ".venv.lock").is_symlink()


def test_all_is_installed_by_hash_and_the_project_last(machine: Machine) -> None:
    """The lock is installed by hash and from wheels only, then the project with no look at an index."""
    machine.add_python("python3", "3.12")
    machine.run()
    lock, project = machine.calls()
    assert lock.endswith("--require-hashes --only-binary :all: -r requirements.lock")
    assert project.endswith("--no-deps --no-build-isolation -e .")


def test_the_second_time_nothing_is_done(machine: Machine) -> None:
    """With the environment in place the script is silent and installs nothing."""
    machine.add_python("python3", "3.12")
    machine.run()
    machine.calls()
    again = machine.run()
    assert (again.returncode, again.stdout, again.stderr, machine.calls()) == (0, "", "", [])


def test_a_new_pyproject_installs_the_project_alone(machine: Machine) -> None:
    """A changed pyproject.toml costs no new environment."""
    machine.add_python("python3", "3.12")
    machine.run()
    (machine.folder / "pyproject.toml").write_text("# edited\n")
    assert machine.run().stdout == "setup: installing Perdure itself\n"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param("echo '# edited' >>requirements.lock", id="another lock"),
        pytest.param("rm .venv/bin/python", id="its Python is gone"),
        pytest.param("rm -r .venv/lib/python3.12", id="its Python was upgraded"),
        pytest.param("echo elsewhere >.venv/installed.at", id="its folder was moved"),
        pytest.param("rm .venv/bin/pip", id="it was made by a uv that is gone"),
    ],
)
def test_an_environment_that_no_longer_fits_is_made_again(machine: Machine, spoil: str) -> None:
    """An environment for another lock or for a Python that is gone is replaced."""
    machine.add_python("python3", "3.12")
    machine.run()
    machine.run("sh", "-c", f"{spoil}; echo >>pyproject.toml")
    assert "making .venv" in machine.run().stdout
    assert machine.run().stdout == ""


def test_uv_is_used_where_it_is(machine: Machine) -> None:
    """With uv on PATH, it makes the environment, also with a Python that has no venv module."""
    machine.add_python("python3.12", "3.12", has_venv=False)
    machine.add("uv", UV.format(install="true"))
    assert machine.run().returncode == 0
    assert [call.split()[:2] for call in machine.calls() if "version" not in call] == [
        ["uv", "venv"],
        ["uv", "pip"],
        ["uv", "pip"],
    ]


def test_pip_steps_in_for_uv(machine: Machine) -> None:
    """Where uv cannot reach an index, pip, which may be set up for one, is tried."""
    machine.add_python("python3.12", "3.12")
    machine.add("uv", UV.format(install="exit 1"))
    assert machine.run().returncode == 0
    assert any(call.startswith("-m pip install") for call in machine.calls())


def test_two_set_ups_do_not_meet(machine: Machine) -> None:
    """While another process sets up, the script says so and waits for it."""
    machine.add_python("python3", "3.12")
    lock = machine.folder / ".venv.lock"
    lock.symlink_to(str(os.getpid()))
    command = ["sh", "deploy/setup.sh"]
    env = machine.environment()
    with subprocess.Popen(command, cwd=machine.folder, env=env, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout
        assert second.stdout.readline() == f"setup: waiting for another set-up (process {os.getpid()})\n"
        lock.unlink()
        assert "making .venv" in second.stdout.read()
    assert second.returncode == 0


def test_make_alone_prints_every_target(machine: Machine) -> None:
    """`make` without a target explains each target there is."""
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
    explained = re.findall(r"^make (\w+) ", machine.run("make").stdout, re.MULTILINE)
    assert sorted(explained) == sorted(set(targets) - {"help"})


@pytest.mark.parametrize("target", ["up", "demo"])
def test_make_sets_up_first_and_hands_on_arguments(machine: Machine, target: str) -> None:
    """`make up` and `make demo` build the environment, then run that command with ARGS."""
    machine.add_python(
        "python3", "3.12", pip="echo 'echo perdure \"$@\"' >.venv/bin/perdure; chmod +x .venv/bin/perdure"
    )
    ran = machine.run("make", target, "ARGS=--fresh --port 1")
    assert "making .venv" in ran.stdout
    assert ran.stdout.endswith(f"perdure {target} --fresh --port 1\n"), ran.stderr


def test_make_lock_without_uv(machine: Machine) -> None:
    """`make lock` says that it needs uv."""
    ran = machine.run("make", "lock")
    assert ran.stderr.splitlines()[0] == "lock: uv is not on PATH: install it, then make lock again."
