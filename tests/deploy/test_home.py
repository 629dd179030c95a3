"""The data folder: what it lets others see."""

from __future__ import annotations

import stat
from pathlib import Path

from deploy.local.home import Home


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
