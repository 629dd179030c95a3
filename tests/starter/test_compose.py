from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.addresses import Addresses
from starter import compose
from starter.settings import Settings, variables
from tests.world import World
from workflows.model.errors import CallerError, EngineError

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
