"""An operator's allow list of kinds: what is locked is shown, cannot be turned on, and cannot slip into what is on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from activities.catalogue import Catalogue
from starter.locks import locked_steps
from tests.flows import delay, flow, set_property
from tests.starter.conftest import Alone, Perdure
from tests.world import World
from workflows.model.errors import FlowError

ALLOWED = "PERDURE_ALLOWED_ACTIONS"
EDIT = "flow: {key}\nobject: contact\nsteps:\n  - {{do: set_property, id: edit, property: stage, value: lead}}\n"
REST = "flow: {key}\nobject: contact\nsteps:\n  - {{do: delay, id: rest, for: 1 day}}\n"


def test_only_actions_are_locked() -> None:
    """Control steps are the language itself; without a list nothing is locked."""
    drawn = flow("f", delay("rest", "1 day"), set_property("edit", "stage", "lead")).flow
    assert locked_steps(drawn, None) == locked_steps(drawn, {"set_property"}) == []
    assert locked_steps(drawn, {"send_email"}) == ["edit (set_property)"]


def test_a_locked_action_is_shown_as_locked(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the list of actions and on its page, for people and for scripts."""
    monkeypatch.setenv(ALLOWED, "send_email, create_task")
    assert "set_property (locked)" in alone("actions").out
    assert "**Locked**" in alone("actions", "set_property").out
    assert "**Locked**" not in alone("actions", "send_email").out
    locked = {each["kind"]: each["locked"] for each in json.loads(alone("actions", "--json").out)}
    assert (locked["set_property"], locked["send_email"]) == (True, False)


def test_what_is_allowed_has_to_be_there() -> None:
    """A slip would lock what was meant to be free."""
    with pytest.raises(FlowError, match="did you mean 'send_email'"):
        Catalogue.load(allowed=frozenset({"sendmail"}))


async def test_a_flow_with_a_locked_step_stays_off(
    perdure: Perdure, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be published and looked at; turning it on names the step and the setting."""
    await world.define("contact", stage="text")
    key, file = world.key("edit"), tmp_path / "edit.yaml"
    file.write_text(EDIT.format(key=key))
    monkeypatch.setenv(ALLOWED, "send_email")
    assert (await perdure("publish", file)).status == 0
    ran = await perdure("on", key)
    assert (ran.status, "edit (set_property)" in ran.err, ALLOWED in ran.err) == (2, True, True)
    monkeypatch.setenv(ALLOWED, "send_email,set_property")
    assert (await perdure("on", key)).status == 0


async def test_a_flow_that_is_on_gets_no_locked_step(
    perdure: Perdure, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an edit would do what turning it on may not."""
    await world.define("contact", stage="text")
    key, file = world.key("edit"), tmp_path / "edit.yaml"
    file.write_text(REST.format(key=key))
    monkeypatch.setenv(ALLOWED, "send_email")
    assert (await perdure("publish", file)).status == (await perdure("on", key)).status == 0
    file.write_text(EDIT.format(key=key))
    ran = await perdure("publish", file)
    assert (ran.status, "is on, and cannot become this" in ran.err) == (2, True)


async def test_a_sequence_gets_no_locked_step(
    perdure: Perdure, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on from the moment it is published, so it is refused then."""
    file = tmp_path / "chase.yaml"
    file.write_text("sequence: chase\nsteps:\n  - {do: create_task, id: call, title: Call}\n")
    monkeypatch.setenv(ALLOWED, "send_email")
    ran = await perdure("publish", file)
    assert (ran.status, "sequence-chase is on, and cannot become this" in ran.err) == (2, True)
    assert await world.pool.fetchval("select count(*) from flow") == 0
