from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("workflows", "activities", "starter", "deploy")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel, built from a copy of the tree."""
    folder = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    for name in ("pyproject.toml", "README.md", "LICENSE", "worker.py"):
        shutil.copy(ROOT / name, folder)
    subprocess.run([sys.executable, "-c", BUILD, "out"], cwd=folder, check=True, capture_output=True)
    (built,) = (folder / "out").iterdir()
    with ZipFile(built) as archive:
        return set(archive.namelist())


def files(*patterns: str) -> set[str]:
    """The files of the tree that match, relative to its root."""
    return {
        found.relative_to(ROOT).as_posix()
        for pattern in patterns
        for found in ROOT.glob(pattern)
        if found.is_file() and "__pycache__" not in found.parts
    }


def test_the_wheel_holds_all_that_runs(wheel: set[str]) -> None:
    """The wheel has every Python file of the packages, and the worker."""
    expected = files("worker.py", *(f"{package}/**/*.py" for package in PACKAGES))
    assert expected - wheel == set()


def test_the_wheel_holds_the_data(wheel: set[str]) -> None:
    """The wheel has the schema, the queries, the examples and the mark that says the code is typed."""
    data = files("deploy/schema/*.sql", "activities/gateways/**/*.sql", "starter/examples/**/*", "*/py.typed")
    assert {f"{package}/py.typed" for package in PACKAGES} <= data
    assert data - wheel == set()


def test_the_wheel_holds_no_tests(wheel: set[str]) -> None:
    """The wheel leaves the tests out."""
    assert not [name for name in wheel if name.startswith("tests/")]


def test_ci_runs_make_test_at_the_root(tmp_path: Path) -> None:
    """.ci/run is `make test` in the root of the project, wherever it is called from."""
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "make $*"\npwd\n')
    make.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        [ROOT / ".ci/run"], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"make test\n{ROOT}\n"
