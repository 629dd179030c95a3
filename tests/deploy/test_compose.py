"""deploy/compose/: read by Compose itself, without an engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from deploy.local.addresses import Addresses
from starter.settings import Settings, variables

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
TOOLS = Path(sysconfig.get_path("scripts"))
COMPOSE = TOOLS / "docker-compose"
YAMLLINT = """
extends: default
rules: {line-length: {max: 120}, document-start: disable}
"""


def compose(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Compose on a copy of the file, with nothing from our environment."""
    if not COMPOSE.exists():
        pytest.skip("there is no wheel of Compose for this platform")
    return subprocess.run(
        [COMPOSE, "-f", folder / "compose.yaml", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The folder as somebody has it who has read its first lines: with .env."""
    folder = tmp_path / "deploy" / "compose"
    shutil.copytree(FOLDER, folder)
    shutil.copy(folder / ".env.example", folder / ".env")
    return folder


@pytest.fixture
def services(copied: Path) -> dict[str, Any]:
    """What Compose makes of the file."""
    shown = compose(copied, "config", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    found: dict[str, Any] = json.loads(shown.stdout)["services"]
    return found


def test_compose_takes_the_file(copied: Path) -> None:
    """With the example's values nothing is missing or misspelt."""
    checked = compose(copied, "config", "--quiet")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_passwords_have_no_default(copied: Path) -> None:
    """Without them nothing starts, and Compose says which is missing."""
    env = copied / ".env"
    env.write_text(re.sub(r"^\w*PASSWORD=.*$", "", env.read_text(), flags=re.MULTILINE))
    refused = compose(copied, "config", "--quiet")
    assert refused.returncode != 0
    assert "DATABASE_PASSWORD is missing a value: set it in .env" in refused.stderr
    assert "TEMPORAL_DATABASE_PASSWORD is missing a value" in refused.stderr


def test_every_port_is_of_this_machine_alone(services: dict[str, Any]) -> None:
    """Nothing is published to the network."""
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert {port["published"] for port in ports} == {"7233", "8025", "8080", "8088"}


def test_every_image_is_one_version(services: dict[str, Any]) -> None:
    """No image is whatever was newest that day; Temporal is the one that the embedded stack has."""
    images = {service["image"] for service in services.values()}
    assert all(re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", image) for image in images), images
    shown = subprocess.run([TOOLS / "temporal", "--version"], capture_output=True, text=True, check=True).stdout
    server, ui = re.findall(r"(?:Server|UI) ([\d.]+)", shown)
    assert {f"temporalio/server:{server}", f"temporalio/admin-tools:{server}", f"temporalio/ui:{ui}"} <= images


def test_what_runs_on_is_watched_and_what_it_needs_is_waited_for(services: dict[str, Any]) -> None:
    """Each service has a health check, its own or its image's; whoever depends on it waits for that, or for its end."""
    jobs = {"temporal-schema", "temporal-namespace", "migrate"}
    of_image = {"worker", "temporal-ui"}
    assert {name for name, each in services.items() if "healthcheck" not in each} == jobs - {"migrate"} | of_image
    needed = [(on, how["condition"]) for each in services.values() for on, how in each.get("depends_on", {}).items()]
    for on, condition in needed:
        assert condition == ("service_completed_successfully" if on in jobs else "service_healthy"), on


def test_our_containers_can_do_nothing_but_their_work(services: dict[str, Any]) -> None:
    """No capability, no file to write but in /tmp, no way to more rights; and not the password of Temporal's data."""
    for name in ("migrate", "worker", "api"):
        service = services[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["environment"]["TEMPORAL_DATABASE_PASSWORD"] == ""


def test_perdure_takes_the_settings(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API's container is given are settings that it knows and takes."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    for name, value in services["api"]["environment"].items():
        monkeypatch.setenv(name, value or "")
    settings = Settings.load()
    assert str(settings.api.host) == "0.0.0.0"
    assert settings.smtp
    assert settings.smtp.host == "mailpit"


def test_the_example_is_to_be_replaced() -> None:
    """Each secret of the example says of itself that it is one."""
    secrets = re.findall(r"^\w*(?:PASSWORD|KEYS?)=(.*)$", (FOLDER / ".env.example").read_text(), re.MULTILINE)
    assert len(secrets) == 4
    assert all(secret.startswith("replace-me-") for secret in secrets)


def test_the_file_is_clean() -> None:
    """Yamllint finds nothing."""
    linted = subprocess.run(
        [TOOLS / "yamllint", "-d", YAMLLINT, FOLDER / "compose.yaml"], capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_namespace_is_made_once(stack: Addresses, tmp_path: Path) -> None:
    """On a real server the script makes the namespace with its search attributes, and a second run changes nothing."""
    environment = {
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TEMPORAL_ADDRESS": stack.temporal,
        "TEMPORAL_NAMESPACE": "of-the-compose-file",
    }
    for _ in range(2):
        made = subprocess.run(
            ["sh", FOLDER / "temporal-namespace.sh"], capture_output=True, text=True, check=False, env=environment
        )
        assert made.returncode == 0, made.stderr
    listed = subprocess.run(
        [TOOLS / "temporal", "operator", "search-attribute", "list"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert {"PerdureFlow", "PerdureRecord", "PerdureRevision"} <= set(listed.stdout.split())
