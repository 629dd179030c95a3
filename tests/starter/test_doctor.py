from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from starter.api.server import serving
from starter.cli import app
from starter.doctor import Check, examine
from starter.mail_catcher import catching
from starter.settings import Settings
from tests.world import World

Set = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def put(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """Set the environment to the test's world; return what sets one variable more."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", world.dsn)
    monkeypatch.setenv("PERDURE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", world.addresses.temporal)
    return monkeypatch.setenv


async def seen(part: str) -> Check:
    """Look at everything and return what was seen of one part."""
    return {check.part: check for check in await examine()}[part]


@pytest.mark.parametrize("part", ["Python", "Settings", "PostgreSQL", "Temporal", "Search attributes"])
async def test_what_is_well_is_ok(part: str) -> None:
    """On a whole stack these parts are well."""
    check = await seen(part)
    assert (check.state, check.do) == ("ok", "")


@pytest.mark.parametrize("part", ["Data folder", "PostgreSQL program", "Temporal program"])
async def test_the_embedded_stacks_parts_are_not_asked_for_beside_another(part: str) -> None:
    """Where database and Temporal are set, nothing of the embedded stack needs to be well."""
    assert (await seen(part)).state == "off"


async def test_no_worker_is_wrong() -> None:
    """Without a worker nobody walks, and it is said how to start one."""
    check = await seen("Worker")
    assert (check.state, check.do) == ("wrong", "Start one: perdure worker")


async def test_a_schema_that_is_behind_is_wrong(put: Set, world: World) -> None:
    """A database without tables is told to be migrated."""
    put("PERDURE_DATABASE_URL", world.addresses.dsn)
    check = await seen("PostgreSQL")
    assert (check.state, check.do) == ("wrong", "Bring it up: perdure migrate")


async def test_a_database_that_is_away_is_wrong(put: Set) -> None:
    """A database that does not answer is named, without its password."""
    put("PERDURE_DATABASE_URL", "postgresql://u:hush@127.0.0.1:1/perdure")
    check = await seen("PostgreSQL")
    assert check.state == "wrong"
    assert check.what.startswith("PostgreSQL at 127.0.0.1:1/perdure does not answer")


async def test_what_to_do_is_not_to_run_the_doctor(put: Set) -> None:
    """What other commands say of a service that is away sends to the doctor; the doctor must not."""
    put("PERDURE_DATABASE_URL", "postgresql://perdure@127.0.0.1:1/perdure")
    put("TEMPORAL_ADDRESS", "127.0.0.1:1")
    for part in ("PostgreSQL", "Temporal"):
        assert (await seen(part)).do == "Is it up?"


async def test_temporal_away_is_told_once(put: Set) -> None:
    """What can only be seen in Temporal is not wrong for Temporal's being away."""
    put("TEMPORAL_ADDRESS", "127.0.0.1:1")
    states = {check.part: check.state for check in await examine()}
    assert [states[part] for part in ("Temporal", "Search attributes", "Worker")] == ["wrong", "off", "off"]


async def test_a_namespace_that_is_not_there_is_wrong(put: Set) -> None:
    """A namespace in TEMPORAL_NAMESPACE that Temporal does not know is named, with how to make it."""
    put("TEMPORAL_NAMESPACE", "nowhere")
    check = await seen("Temporal")
    assert (check.state, check.what) == ("wrong", "There is no namespace 'nowhere'.")
    assert check.do.startswith("temporal operator namespace create -n nowhere")


async def test_a_mail_server_that_answers_is_ok(put: Set, tmp_path: Path) -> None:
    """The mail server is spoken to."""
    async with catching(tmp_path) as catcher:
        for name, value in catcher.environment.items():
            put(name, value)
        assert await seen("Mail server") == Check("Mail server", "ok", f"127.0.0.1:{catcher.port} answers")


async def test_a_mail_server_that_is_away_is_wrong(put: Set) -> None:
    """A mail server that refuses the connection is named."""
    put("PERDURE_SMTP__HOST", "127.0.0.1")
    put("PERDURE_SMTP__PORT", "1")
    put("PERDURE_SMTP__SENDER", "flows@example.com")
    check = await seen("Mail server")
    assert (check.state, check.do) == ("wrong", "Check PERDURE_SMTP__*.")
    assert check.what.startswith("127.0.0.1:1 does not take us")


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("PERDURE_PUBLIC_URL", "https://crm.example.com", "PERDURE_SIGNING_KEY"),
        ("PERDURE_SIGNING_KEY", "s" * 32, "PERDURE_PUBLIC_URL"),
    ],
)
async def test_half_of_what_links_need_is_wrong(name: str, value: str, other: str, put: Set) -> None:
    """Whoever set one of the two does not mean e-mail to go out without links; whoever set none may."""
    assert (await seen("Unsubscribe links")).state == "off"
    put(name, value)
    check = await seen("Unsubscribe links")
    assert (check.state, check.do) == ("wrong", f"Set {other}, too.")


async def test_text_messages_are_told_of(put: Set) -> None:
    """Not set up; set up without a way for a STOP to reach us; and all there, with what to tell Twilio."""
    assert (await seen("Text messages")).state == "off"
    put("PERDURE_TWILIO__ACCOUNT_SID", f"AC{'0' * 32}")
    put("PERDURE_TWILIO__AUTH_TOKEN", "hush")
    put("PERDURE_TWILIO__SENDER", "+358401234567")
    assert (await seen("Text messages")).do.startswith("Set PERDURE_PUBLIC_URL")
    put("PERDURE_PUBLIC_URL", "https://crm.example.com")
    check = await seen("Text messages")
    told = "from +358401234567 to FI; what is texted to us comes to https://crm.example.com/twilio/inbound"
    assert (check.state, check.what) == ("ok", told)


async def test_wrong_settings_are_told(put: Set) -> None:
    """A typo in a variable is a finding like any other."""
    put("PERDURE_SANDBOXX", "1")
    check = await seen("Settings")
    assert check.state == "wrong"
    assert "did you mean PERDURE_SANDBOX?" in check.what


async def test_several_wrong_settings_stay_in_their_column(put: Set) -> None:
    """Each on a line of its own, below the first."""
    put("PERDURE_SMTP__PORT", "abc")
    ran = await asyncio.to_thread(CliRunner().invoke, app, ["doctor"])
    lines = [line for line in ran.stdout.splitlines() if "PERDURE_SMTP__" in line]
    assert (len(lines) > 1, {line.index("PERDURE_SMTP__") for line in lines}) == (True, {28})


async def test_without_any_stack_it_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing set and nothing running the way out is `perdure up`."""
    monkeypatch.delenv("PERDURE_DATABASE_URL")
    check = await seen("PostgreSQL")
    assert check.do.startswith("Start one with `perdure up`")


async def test_a_folder_that_cannot_be_written_is_wrong(
    put: Set, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A data folder under a file can never be made."""
    monkeypatch.delenv("PERDURE_DATABASE_URL")
    (tmp_path / "file").touch()
    put("PERDURE_HOME", str(tmp_path / "file" / "home"))
    check = await seen("Data folder")
    assert (check.state, check.what) == ("wrong", f"{tmp_path / 'file'} cannot be written to.")


async def test_the_command_exits_with_1_when_something_is_wrong() -> None:
    """`doctor --json` gives every finding, and its exit status says whether all is well."""
    ran = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json"])
    found = {check["part"]: check["state"] for check in json.loads(ran.stdout)}
    assert (ran.exit_code, found["Worker"], found["PostgreSQL"]) == (1, "wrong", "ok")


async def test_an_api_that_is_not_served_here_is_off(put: Set) -> None:
    """It may run on another machine, so it is said how to start it, and nothing is wrong."""
    put("PERDURE_API__PORT", "1")
    check = await seen("API")
    assert (check.state, check.what) == ("off", "nothing answers at http://127.0.0.1:1; `perdure serve` starts it")


async def test_an_api_that_is_ready_is_ok(put: Set) -> None:
    """Its address is told, and whether it takes keys."""
    put("PERDURE_API__PORT", "0")
    async with serving(Settings.load()) as address:
        put("PERDURE_API__PORT", address.rpartition(":")[2])
        check = await seen("API")
    assert (check.state, check.what) == ("ok", f"{address} answers, this machine alone: no key is set")
