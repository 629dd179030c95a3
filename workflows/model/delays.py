"""When a delay ends: the settings of a node, the zone of a flow and the value of a record come together."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from pydantic import JsonValue

from workflows.model.due_times import DueTime
from workflows.model.flow import Timezone
from workflows.model.nodes import Absent, DelayUntil
from workflows.model.when import from_property, next_occurrence, on_date, zone_name


class Due(NamedTuple):
    """When a delay ends. Without a moment nothing is waited for: `then` says if the record stays, `because` why."""

    until: datetime | None
    then: Absent = "go_on"
    because: str = ""


def due(node: DelayUntil, since: datetime, zone: str, value: JsonValue = None) -> Due:
    """Say when a delay ends that counts from `since`; `value` is that of the property, where the node names one.

    A value that is no date leads where an empty one does: nothing waits for what cannot be read.
    """
    try:
        until = _until(node, since, zone, value)
    except ValueError as error:
        return Due(None, node.if_empty, str(error))
    if until is None:
        return Due(None, node.if_empty, f"{node.property} is empty")
    if until < since:
        return Due(None, node.if_past, f"{until:%Y-%m-%d %H:%M} UTC is past")
    return Due(until)


def _until(node: DelayUntil, since: datetime, zone: str, value: JsonValue) -> datetime | None:
    if node.date is not None:
        return on_date(node.date, node.days, node.at, zone)
    if node.property is not None:
        return from_property(value, node.days, node.at, zone)
    if node.days:
        return DueTime(after=f"{node.days} days", at=node.at, on=node.on).moment(since, zone)
    return next_occurrence(since, zone, node.on, node.at)


def zone_of(timezone: Timezone, value: JsonValue) -> str:
    """Give the zone in which the days of a flow begin for a record whose `timezone.property` has this value.

    A value is looked up among the names of the zones, and never handed on as a path.
    """
    if timezone.property is None or not isinstance(value, str):
        return timezone.zone
    try:
        return zone_name(value)
    except ValueError:
        return timezone.zone
