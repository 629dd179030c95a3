"""Notifying users in the CRM and on their devices."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Action, Ambiguous, Refused, Retryable, Skipped
from activities.actions.notify_in_app import NotifyInApp
from activities.catalogue import complete
from activities.effects import Pushed
from activities.fakes import FakeInbox, FakePush
from starter.simulate import Simulation
from tests.activities.mailing import ANNA, DEAL, parts, performed, row, simulation
from workflows.contract import Answer

TOLD: dict[str, Any] = {"title": "{{ contact.firstname }} called", "body": "Call {{ contact.email }} back."}
SAID = ("Anna called", "Call anna@example.com back.")


@pytest.fixture
def world() -> Simulation:
    """Anna, whose owner is user 7, and two colleagues of whom one is deactivated."""
    return simulation()


def inbox(world: Simulation) -> FakeInbox:
    """Give the notification centre."""
    return world.ledger.store.inbox


def push(world: Simulation) -> FakePush:
    """Give what pushes."""
    pushes = world.performer.outside.push
    assert isinstance(pushes, FakePush)
    return pushes


async def test_all_who_are_named_are_notified_once(world: Simulation) -> None:
    """Users, active members of teams and owners, each once; who is left out is recorded."""
    answer = await performed(world, "notify_in_app", users=["7", "99"], teams=["sales"], owners=["owner"], **TOLD)
    assert answer == Answer(line="notified 2, left out 1")
    assert sorted(user for _, user in inbox(world).notices) == ["7", "8"]
    notice = inbox(world).notices[next(iter(inbox(world).notices))]
    assert (notice.title, notice.body, notice.record, notice.source.flow) == (*SAID, ANNA, "f")
    assert row(world).output == {"notified": 2, "pushed": 0, "left_out": 1}
    assert parts(world) == {
        "user 7": ("done", "notification 1"),
        "user 8": ("done", "notification 2"),
        "user 99": ("skipped", "unknown_user"),
    }


async def test_one_is_no_part(world: Simulation) -> None:
    """An owner without a device: the intent and the end are all that is written."""
    assert await performed(world, "notify_in_app", owners=["owner"], **TOLD) == Answer(line="notified 1")
    assert (len(inbox(world).notices), world.ledger.begun) == (1, {})


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"owners": ["backup"]}, "no_user"),
        ({"users": ["9"]}, "inactive_user"),
        ({"users": ["99"]}, "unknown_user"),
        ({"teams": ["none"]}, "unknown_team"),
    ],
)
async def test_nobody_to_notify_is_recorded(world: Simulation, named: dict[str, Any], code: str) -> None:
    """The step is skipped, and the record moves on."""
    answer = await performed(world, "notify_in_app", **named, **TOLD)
    assert answer == Answer(outcome="skipped", line=f"skipped: {code}")
    assert inbox(world).notices == {}


@pytest.mark.parametrize(("title", "code"), [("{{ contact.nothing }} ", "no_text"), ("x" * 10_001, "text_too_long")])
async def test_a_text_that_is_none_is_refused(world: Simulation, title: str, code: str) -> None:
    """It is empty once its tokens are replaced, or longer than a notification takes: nobody is notified."""
    answer = await performed(world, "notify_in_app", owners=["owner"], title=title)
    assert (answer.outcome, answer.line, inbox(world).notices) == ("failed", f"failed: {code}", {})


async def test_it_is_pushed_to_every_device(world: Simulation) -> None:
    """Of those who are notified, and of nobody else; each shows the user's own notification."""
    inbox(world).owners = {"1": "7", "2": "7", "3": "8", "4": "9"}
    answer = await performed(world, "notify_in_app", users=["7", "8"], **TOLD)
    assert answer == Answer(line="notified 2, pushed to 3 of 3 devices")
    assert push(world).sent == [
        (device, Pushed(notification, *SAID, ANNA)) for device, notification in (("1", "1"), ("2", "1"), ("3", "2"))
    ]


@pytest.mark.parametrize(
    ("trouble", "came"),
    [
        (Refused("http_429"), ("failed", "http_429")),
        (Retryable("no_connection"), ("failed", "no_connection")),
        (Ambiguous("no_answer"), ("failed", "no_answer")),
        (Skipped("device_gone", "http_410"), ("skipped", "device_gone")),
    ],
)
async def test_a_push_that_fails_is_only_recorded(world: Simulation, trouble: Exception, came: tuple[str, str]) -> None:
    """The step is done at once, and is not tried again: the notification is in the centre."""
    inbox(world).owners = {"1": "7", "2": "7"}
    push(world).answers = {"1": trouble}
    answer = await performed(world, "notify_in_app", owners=["owner"], **TOLD)
    assert answer == Answer(line="notified 1, pushed to 1 of 2 devices")
    assert (parts(world)["device 1"], parts(world)["device 2"]) == (came, ("done", "http_201"))


async def test_without_keys_devices_are_skipped(world: Simulation) -> None:
    """With what to set; the notification is in the centre."""
    inbox(world).owners = {"1": "7"}
    object.__setattr__(world.performer.outside, "push", None)
    assert (await performed(world, "notify_in_app", owners=["owner"], **TOLD)).line.endswith("pushed to 0 of 1 devices")
    assert parts(world)["device 1"] == ("skipped", "no_push_keys")


async def test_a_deal_may_notify_its_owner(world: Simulation) -> None:
    """In a flow for any type."""
    await performed(world, "notify_in_app", of="d", users=["7"], title="{{ deal.name }} is won")
    [notice] = inbox(world).notices.values()
    assert (notice.title, notice.body, notice.record) == ("Big is won", "", DEAL)


@pytest.mark.parametrize("config", [{"title": "x"}, {"owners": ["owner"]}, {"owners": ["owner"], "title": ""}])
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step says whom, and what."""
    action: type[Action] = NotifyInApp
    with pytest.raises(ValidationError):
        complete(action, config)
