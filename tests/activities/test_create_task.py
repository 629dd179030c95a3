from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Refused
from activities.actions.create_task import CreateTask
from activities.catalogue import complete
from activities.effects import NewTask
from activities.fakes import FakeCrm
from tests.activities.doing import ANNA, SOURCE, anna, doing
from workflows.model.records import RecordRef

ACME, OTHER, DEAL = (RecordRef.parse(name) for name in ("company:7", "company:8", "deal:1"))
ANN, LEFT = {"id": "7", "email": "ann@acme.example"}, {"id": "8", "email": "bo@acme.example", "active": False}


def crm(**properties: Any) -> FakeCrm:
    users: Any = {"7": ANN, "8": LEFT}
    records: Any = {ANNA: properties, ACME: {}, OTHER: {}, DEAL: {}}
    beside = [(ANNA, ACME, ""), (ANNA, ACME, "billing"), (OTHER, ANNA, ""), (ANNA, DEAL, "")]
    return FakeCrm(records, users=users, associations=beside)


async def made(config: dict[str, Any], zone: str = "UTC", **properties: Any) -> tuple[NewTask, str, dict[str, Any]]:
    """Perform the step; give the task, the line and the output."""
    there = crm(**properties)
    action = CreateTask.model_validate({"title": "Call", **config})
    done = await action.perform(doing(anna(**properties), crm=there, zone=zone))
    ((key, task),) = there.tasks.items()
    assert key == "k"
    return task, done.line, done.output


async def test_a_plain_task_is_on_the_record_and_nobodys() -> None:
    """A title is enough: a to-do about the enrolled record, with where it comes from."""
    task, line, output = await made({})
    assert task == NewTask(subject="Call", records=(ANNA,), source=SOURCE)
    assert (line, output) == ("created a task", {"task": "k", "due_at": None, "assignee": None})


async def test_all_that_is_said_is_in_the_task() -> None:
    """Kind, text, priority and queue are taken over; due and reminder are instants."""
    config = {"title": " Call\n Anna ", "body": "<b>x</b>", "type": "call", "priority": "high", "queue": "leads"}
    moments = {"due": {"after": "1 day", "on": ["mon", "fri"], "at": "09:00"}, "remind": {"after": "2 hours"}}
    task, _, output = await made({**config, **moments}, zone="Europe/Helsinki")
    assert (task.subject, task.body, task.kind, task.priority, task.queue) == (
        *("Call Anna", "<b>x</b>"),
        *("call", "high", "leads"),
    )
    assert task.due_at == datetime(2026, 1, 5, 7, tzinfo=UTC)
    assert task.remind_at == datetime(2026, 1, 3, 0, 30, tzinfo=UTC)
    assert output["due_at"] == "2026-01-05T07:00:00+00:00"


@pytest.mark.parametrize(
    ("assign_to", "properties", "assignee", "line"),
    [
        ("owner", {"owner": "7"}, "7", "created a task"),
        ("account_manager", {"account_manager": "7"}, "7", "created a task"),
        ({"user": "7"}, {}, "7", "created a task"),
        ("owner", {}, None, "created a task, unassigned: owner is empty"),
        ("owner", {"owner": ""}, None, "created a task, unassigned: owner is empty"),
        ("owner", {"owner": "8"}, None, "created a task, unassigned: the user is inactive"),
        ({"user": "8"}, {}, None, "created a task, unassigned: the user is inactive"),
        ("owner", {"owner": "99"}, None, "created a task, unassigned: there is no such user"),
    ],
)
async def test_it_is_given_to_an_active_user_or_to_nobody(
    assign_to: Any, properties: dict[str, Any], assignee: str | None, line: str
) -> None:
    """A property names the user, or the step itself; where nobody can be found, the task is made all the same."""
    task, told, output = await made({"assign_to": assign_to}, **properties)
    assert (task.assignee, told, output["assignee"]) == (assignee, line, assignee)


@pytest.mark.parametrize(
    ("associate", "records"),
    [
        (["company"], [ANNA, ACME, OTHER]),
        (["company/billing"], [ANNA, ACME]),
        (["company/billing", "company", "deal"], [ANNA, ACME, OTHER, DEAL]),
        (["ticket"], [ANNA]),
    ],
)
async def test_it_is_about_the_associated_records_that_are_asked_for(
    associate: list[str], records: list[RecordRef]
) -> None:
    """Each once, the enrolled record first; of a type that has none, nothing is added."""
    task, _, _ = await made({"associate": associate})
    assert task.records == tuple(records)


async def test_a_title_that_rendered_empty_fails() -> None:
    """A task without a word is no use to anybody."""
    with pytest.raises(Refused, match="no_title"):
        await CreateTask(title=" \n ").perform(doing(anna()))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"title": ""},
        {"title": "x", "type": "meeting"},
        {"title": "x", "priority": "urgent"},
        {"title": "x", "assign_to": {"team": "sales"}},
        {"title": "x", "assign_to": {"user": ""}},
        {"title": "x", "due": "3 days"},
        {"title": "x", "due": {}},
        {"title": "x", "associate": ["Company"]},
        {"title": "x", "associate": "company"},
        {"title": "x", "assignee": "7"},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, Any]) -> None:
    """At publish, not when a record is there."""
    with pytest.raises(ValidationError):
        complete(CreateTask, config)
