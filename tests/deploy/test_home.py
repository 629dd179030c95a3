"""The data folder: where it is and what it lets others see."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploy.local.home import Home


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`PERDURE_HOME` decides where the data folder is."""
    monkeypatch.setenv("PERDURE_HOME", str(tmp_path / "elsewhere"))
    assert Home.locate().path == tmp_path / "elsewhere"


def test_the_folder_is_in_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `PERDURE_HOME` the data folder is `.perdure` where the command is run."""
    monkeypatch.delenv("PERDURE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Home.locate().path == tmp_path / ".perdure"


def test_others_cannot_list_the_folder(tmp_path: Path) -> None:
    """A new data folder can be listed by its owner only."""
    home = Home(tmp_path / "home")
    home.prepare()
    assert not stat.S_IMODE(home.path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH)


def test_git_does_not_see_the_folder(tmp_path: Path) -> None:
    """A new data folder tells Git to ignore all of it."""
    home = Home(tmp_path / "home")
    home.prepare()
    assert (home.path / ".gitignore").read_text() == "*\n"


def test_an_existing_folder_keeps_its_permissions(tmp_path: Path) -> None:
    """A folder that the user made is used as it is."""
    tmp_path.chmod(0o750)
    Home(tmp_path).prepare()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750
    assert not (tmp_path / ".gitignore").exists()
