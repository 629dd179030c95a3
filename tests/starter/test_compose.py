from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.control import Control
from activities.fakes import fake_outside
from activities.gateways.postgres_ledger import PostgresLedger
from activities.performing import Performer
from deploy.local.addresses import Addresses
from starter import compose
from starter.outside import signed_links
from starter.settings import Settings, variables
from tests.flows import flow, set_property
from tests.world import World
from workflows.contract import Step
from workflows.model.errors import CallerError, EngineError
from workflows.model.records import RecordRef

STACK = Addresses(pid=1, dsn="postgresql://here", temporal="127.0.0.1:7", namespace="default", ui=None)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings with nothing but a data folder on which nothing runs."""
    for name in (*variables(), "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))
    monkeypatch.setenv("PERDURE_HOME", str(tmp_path / "home"))
    return Settings.load()


def test_without_a_database_the_way_out_is_said(settings: Settings) -> None:
    """No URL and no stack: start one, or set the variable."""
    with pytest.raises(CallerError, match=r"perdure up.*PERDURE_DATABASE_URL"):
        compose.database_url(settings)


def test_without_temporal_the_way_out_is_said(settings: Settings) -> None:
    """No address and no stack: start one, or set the variable."""
    with pytest.raises(CallerError, match=r"perdure up.*TEMPORAL_ADDRESS"):
        compose.temporal_profile(settings)


def test_temporal_is_configured_by_its_own_file(settings: Settings, tmp_path: Path) -> None:
    """A profile in `temporal.toml` names the service."""
    (tmp_path / "temporal.toml").write_text('[profile.default]\naddress = "cloud:7233"\nnamespace = "ours"\n')
    profile = compose.temporal_profile(settings)
    assert (profile.address, profile.namespace) == ("cloud:7233", "ours")


def test_a_broken_configuration_of_temporal_is_told(settings: Settings, tmp_path: Path) -> None:
    """A `temporal.toml` that cannot be read is the user's mistake."""
    (tmp_path / "temporal.toml").write_text("x = [")
    with pytest.raises(CallerError, match="TEMPORAL_CONFIG_FILE"):
        compose.temporal_profile(settings)


async def test_a_temporal_that_is_away_is_told_in_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """The inside of the SDK's transport is not shown to the user."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    profile = compose.temporal_profile(settings)
    with pytest.raises(EngineError, match=r"^Temporal at 127\.0\.0\.1:1 does not answer \([^()]+\)\."):
        await compose.temporal_client(settings, profile, world.revisions)


async def test_connect_opens_everything(monkeypatch: pytest.MonkeyPatch, settings: Settings, world: World) -> None:
    """A worker is given a pool, the revisions behind it, and a connected Temporal client."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", world.dsn)
    monkeypatch.setenv("TEMPORAL_ADDRESS", world.addresses.temporal)
    async with compose.connect(Settings.load()) as connections:
        assert await connections.pool.fetchval("select 1") == 1
        assert await connections.temporal.service_client.check_health()


async def test_many_visits_that_meet_a_new_revision_do_not_wait_for_themselves(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, world: World
) -> None:
    """More than the pool has connections, each in its transaction, need a revision that has not been read yet."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", world.dsn)
    monkeypatch.setenv("TEMPORAL_ADDRESS", world.addresses.temporal)
    old = await world.publish(flow(world.key("load"), set_property("p", "stage", "x")))
    await world.define("contact", stage="text")
    enrollments = [await world.enroll(old, await world.record(f"contact:{number}")) for number in range(12)]
    async with compose.connect(Settings.load(), size=4) as connections:
        control = Control(PostgresLedger(connections.pool), connections.revisions)
        await connections.revisions.get(old.hash)
        new = await world.publish(flow(old.flow.key, set_property("p", "stage", "y")))
        performer = Performer(control, world.catalogue, fake_outside())
        steps = [Step(enrollment=each, revision=old.hash, node="p", visit=1) for each in enrollments]
        answers = await asyncio.gather(*(performer.perform(step, "a") for step in steps))
    assert {answer.revision.hash for answer in answers if answer.revision} == {new.hash}


def test_a_child_finds_the_stack_whatever_is_set(tmp_path: Path) -> None:
    """Another service's address, namespace and keys do not reach the child of a stack."""
    ours = {"TEMPORAL_API_KEY": "hush", "TEMPORAL_ADDRESS": "cloud:7233", "PATH": "/bin"}
    assert compose.environment_of(STACK, ours) == {
        "PATH": "/bin",
        "PERDURE_DATABASE_URL": "postgresql://here",
        "TEMPORAL_ADDRESS": "127.0.0.1:7",
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_CONFIG_FILE": "/dev/null",
    }


@pytest.mark.parametrize(
    ("given", "link"),
    [
        ({}, ""),
        ({"public_url": "https://a.example"}, ""),
        ({"signing_key": SecretStr("k" * 32)}, ""),
        (
            {"public_url": "https://a.example", "signing_key": SecretStr("k" * 32)},
            "https://a.example/unsubscribe/1.azEgY29udGFjdDox.",
        ),
    ],
)
def test_links_in_e_mail_want_a_url_and_a_key(settings: Settings, given: dict[str, object], link: str) -> None:
    """Without one of them there is no link: it would lead nowhere, or anybody could make it."""
    links = signed_links(settings.model_copy(update=given))
    made = links.unsubscribe(RecordRef.parse("contact:1"), "k1")
    assert (made or "").startswith(link)
    assert bool(made) == bool(link)
