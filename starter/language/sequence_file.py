"""Sequences as files: e-mails and tasks of one person, with days in between; each becomes a flow like any other.

A file whose top key is `sequence`, the key of the sequence, has `steps`, and may have a `name`, a `timezone` in which
its days begin, and `leave: {on: [...]}`: events that end it beside a reply and a booked meeting. Three kinds of step
stand in it:

    {do: send_email, id: hello, email: first-touch}     from the sender; or written, as in a flow
    {do: create_task, id: call, title: Call them}       for the sender
    {do: delay, id: rest, for: 2 days, at: "09:00", business_days: true}

Its texts may name the sender, as `{{ event.sender_name }}`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from activities.catalogue import Catalogue
from activities.sequences import ENDS_ON, LONGEST_KEY, flow_of
from starter.language.checks import known, mapping, required, validated
from starter.language.compile import Checked, checked_flow
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowFile, Path
from starter.language.sketch import COMMON, Data, called
from starter.language.wording import meant, said
from workflows.model.durations import duration
from workflows.model.errors import FlowError
from workflows.model.flow import FlowKey
from workflows.model.when import ZoneName

KINDS = ("send_email", "create_task", "delay")
"""The steps of a sequence."""

_TOP = ("sequence", "name", "timezone", "leave", "steps")
_REQUIRED = ("sequence", "steps")
_DELAY = ("for", "at", "business_days")
_OURS = {"send_email": ("sender", "the e-mails"), "create_task": ("assign_to", "the tasks")}
"""The field of each kind that the enrollment decides, and of what."""

_SENDER = "{{ event.sender_name }} <{{ event.sender_email }}>"
_WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_BUSINESS_DAYS = _WEEK[:5]


class SequenceFile(BaseModel):
    """What a file says of the sequence itself, beside what a flow file says in the same words."""

    model_config = ConfigDict(frozen=True)

    sequence: Annotated[FlowKey, Field(max_length=LONGEST_KEY)]
    timezone: ZoneName = "UTC"


_SEQUENCE = TypeAdapter(SequenceFile)
_STAND_IN = SequenceFile(sequence="sequence")


def check_sequence(file: FlowFile, catalogue: Catalogue, definitions: Definitions | None = None) -> Checked:
    """Check a file of a sequence, against what is defined where that is given, and compile it to its flow."""
    data = mapping(file, file.data, (), "a sequence") if file.whole else None
    found = checked_flow(replace(file, data=_as_flow(file, data or {})), catalogue, definitions=definitions)
    key = str((data or {}).get("sequence", ""))
    return replace(found, key=key, name=str((data or {}).get("name") or found.name))


def _as_flow(file: FlowFile, data: Data) -> Data:
    """Say as a flow file what a sequence is; each value that is written stands where it stood."""
    known(file, data, (), _TOP)
    required(file, data, (), _REQUIRED)
    given = {key: data[key] for key in SequenceFile.model_fields if key in data}
    head = validated(file, _SEQUENCE, {"sequence": "sequence", **given}, ()) or _STAND_IN
    steps = data.get("steps", [])
    return {
        "flow": flow_of(head.sequence),
        "name": data.get("name", called(head.sequence)),
        "object": "contact",
        "enroll": {"again": "always"},
        "leave": _leave(file, data),
        "settings": {"timezone": {"property": "event.timezone", "otherwise": head.timezone}},
        "steps": [_step(file, each, ("steps", n)) for n, each in enumerate(steps)]
        if isinstance(steps, list)
        else steps,
    }


def _leave(file: FlowFile, data: Data) -> JsonValue:
    given = mapping(file, data.get("leave", {}), ("leave",), "`leave`") or {}
    on: JsonValue = given.get("on", [])
    always: list[JsonValue] = [{"event": each} for each in ENDS_ON]
    # What the file says comes first, so that its mistakes are told where they stand.
    return {**given, "on": [*on, *always]} if isinstance(on, list) else given


def _step(file: FlowFile, step: JsonValue, path: Path) -> JsonValue:
    if not isinstance(step, dict) or not isinstance(kind := step.get("do"), str):
        return step
    if kind not in KINDS:
        file.wrong((*path, "do"), "not_in_sequence", f"no step of a sequence is {said(kind)}; {meant(kind, KINDS)}")
        return _delay(file, {"for": "1 day", **{key: step[key] for key in COMMON if key in step}}, path)
    if kind == "delay":
        return _delay(file, step, path)
    field, what = _OURS[kind]
    if field in step:
        message = f"{what} of a sequence are those of the sender whom the enrollment names; leave this out"
        file.wrong((*path, field), "decided_by_enrollment", message, at_key=True)
    ours: JsonValue = _SENDER if kind == "send_email" else {"user": "{{ event.sender }}"}
    return {**step, field: ours}


def _delay(file: FlowFile, step: Data, path: Path) -> Data:
    """Say as a `delay_until` how many days are slept."""
    known(file, step, path, (*COMMON, *_DELAY))
    required(file, step, path, ("for",))
    days = _days(file, step.get("for", "1 day"), (*path, "for"))
    business = step.get("business_days", False)
    if not isinstance(business, bool):
        file.wrong((*path, "business_days"), "wrong_type", f"must be true or false, not {said(business)}")
    rest = {key: value for key, value in step.items() if key in (*COMMON, "at")}
    counted: list[JsonValue] = [*(_BUSINESS_DAYS if business else _WEEK)]
    beside: Data = {"on": counted} if business or "at" not in step else {}
    return {**rest, "do": "delay_until", "days": days, **beside}


def _days(file: FlowFile, given: JsonValue, path: Path) -> int:
    """Read a number of whole days, of which there is one at least."""
    try:
        span = duration(given) if isinstance(given, str) else None
    except (FlowError, ValueError):
        span = None
    if span is None or not span.days or span.seconds:
        file.wrong(path, "no_days", f"a sequence waits for whole days, as '2 days', not for {said(given)}")
        return 1
    return span.days
