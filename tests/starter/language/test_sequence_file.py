from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Any

import pytest

from activities.catalogue import Catalogue
from starter.language.definitions import Definitions
from starter.language.flow_files import CheckedFile, Source, check_files, with_files
from workflows.model.nodes import DelayUntil, Perform

CATALOGUE = Catalogue.load()
FOLLOW_UP = """\
sequence: follow-up
timezone: Europe/Helsinki
leave: {on: [{event: invoice_paid}]}
steps:
  - {do: send_email, id: hello, email: first-touch}
  - {do: delay, id: rest, for: 2 days, at: "09:00", business_days: true}
  - {do: create_task, id: call, title: Call them}
"""
FLOW = "flow: f\nobject: contact\nsteps:\n  - {do: enroll_in_sequence, id: go, sequence: follow-up}\n"
WORKING = ("mon", "tue", "wed", "thu", "fri")
WEEK = (*WORKING, "sat", "sun")


def checked(*texts: str, definitions: Definitions | None = None) -> list[CheckedFile]:
    files = [Source(Path(f"{number}.yaml"), text) for number, text in enumerate(texts)]
    return check_files(files, CATALOGUE, definitions=with_files(definitions, files) if definitions else None)


def told(text: str) -> list[str]:
    return [f"{each.line}:{each.column} {each.path}: {each.message}" for each in checked(text)[0].found.mistakes]


def stepped(step: str) -> str:
    return f"sequence: s\nsteps:\n  - {{{step}}}\n"


def test_a_sequence_becomes_a_flow_for_contacts() -> None:
    """With no triggers and any number of returns; a reply and a meeting end it, and what the file says."""
    (file,) = checked(FOLLOW_UP)
    flow = file.found.flow
    assert flow is not None
    assert (file.lines, file.found.key, flow.key, flow.name) == ([], "follow-up", "sequence-follow-up", "Follow up")
    assert (flow.object, flow.enroll.on, flow.enroll.again) == ("contact", (), "always")
    assert [each.event for each in flow.leave.on] == ["invoice_paid", "email_replied", "meeting_booked"]
    zone = flow.settings.timezone
    assert (zone.zone, zone.property) == ("Europe/Helsinki", "event.timezone")


def test_its_steps_are_the_senders() -> None:
    """Whom the event names that enrolls the contact."""
    (file,) = checked(FOLLOW_UP)
    assert file.found.flow is not None
    mail, task = (file.found.flow.nodes[name] for name in ("hello", "call"))
    assert isinstance(mail, Perform)
    assert isinstance(task, Perform)
    assert mail.config["sender"] == "{{ event.sender_name }} <{{ event.sender_email }}>"
    assert task.config["assign_to"] == {"user": "{{ event.sender }}"}


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ('for: 2 days, at: "09:00", business_days: true', {"days": 2, "on": WORKING, "at": time(9)}),
        ('for: 1 week, at: "09:00"', {"days": 7, "on": (), "at": time(9)}),
        ("for: 2 days, business_days: true", {"days": 2, "on": WORKING, "at": None}),
        ("for: 2 days", {"days": 2, "on": WEEK, "at": None}),
    ],
)
def test_its_delays_are_days(step: str, fields: dict[str, Any]) -> None:
    """All of them or business days only, until a time or that of now; always the same kind of step, so that an edit
    is no other step.
    """
    (file,) = checked(stepped(f"do: delay, id: rest, {step}"))
    assert file.found.flow is not None
    node = file.found.flow.nodes["rest"]
    assert isinstance(node, DelayUntil)
    assert {name: getattr(node, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("sequence: s\n", "1:1 : `steps` is missing"),
        (
            "sequence: Follow up\nsteps: []\n",
            "1:11 sequence: 'Follow up' is not allowed; write small letters, digits and -, as demo-request",
        ),
        (
            "sequence: s\ntimezone: Mars\nsteps: []\n",
            "2:11 timezone: 'Mars' is no time zone; write one as 'Europe/Helsinki'",
        ),
        ("sequence: s\nobject: deal\nsteps: []\n", "2:1 object: this key is not known here"),
        (stepped("do: branch, id: b"), "3:10 steps[0].do: no step of a sequence is 'branch'; there are"),
        (stepped("do: delay, id: d"), "3:5 steps[0]: `for` is missing"),
        (
            stepped("do: delay, id: d, for: 2 hours"),
            "3:29 steps[0].for: a sequence waits for whole days, as '2 days', not for '2 hours'",
        ),
        (stepped("do: delay, id: d, for: 1 day, business_days: 1"), "3:51 steps[0].business_days: must be true or"),
        (stepped("do: delay, id: d, for: 1 day, at: 25:00"), "3:40 steps[0].at: '25:00' is no time of day"),
        (
            stepped("do: create_task, id: t, title: T, assign_to: owner"),
            "3:40 steps[0].assign_to: the tasks of a sequence are those of the sender",
        ),
        (
            stepped("do: send_email, id: m, email: e, sender: a@b.c"),
            "3:39 steps[0].sender: the e-mails of a sequence are those of the sender",
        ),
    ],
)
def test_a_mistake_stands_where_it_is_written(text: str, mistake: str) -> None:
    """Each at its place in the file of the sequence, and nothing follows from it."""
    (found,) = told(text)
    assert found.startswith(mistake)


def test_flows_name_sequences_that_are_there() -> None:
    """Also one that is published together with them."""
    nothing = Definitions({"contact": {}}, emails={"first-touch": True}, others={"sequence": frozenset()})
    (alone,) = checked(FLOW, definitions=nothing)
    assert [each.code for each in alone.found.mistakes] == ["unknown_sequence"]
    assert [each.lines for each in checked(FLOW, FOLLOW_UP, definitions=nothing)] == [[], []]


def test_no_flow_is_called_as_a_sequence_is() -> None:
    """Else it would be one, or two would be in each other's way."""
    (mistake,) = checked("flow: sequence-a\nobject: contact\nsteps: []\n")[0].found.mistakes
    assert (mistake.code, mistake.path) == ("reserved_key", "flow")
