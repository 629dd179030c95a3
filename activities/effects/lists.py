"""Lists of records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from activities.effects.crm import Source
from workflows.model.records import RecordRef


@dataclass(frozen=True)
class ListContent:
    """A list as it is published; with a condition it is active."""

    key: str
    name: str
    object: str
    condition: JsonValue = None


class Lists(Protocol):
    """The static lists, to which records are put by hand or by a flow; an active list follows its condition."""

    async def add(self, list_: str, record: RecordRef, source: Source) -> bool:
        """Put a record on a list, with the event `list_joined`; tell whether it was not there yet.

        Raise Refused for a list that is not there (`unknown_list`), that is active (`active_list`), or that holds
        records of another type (`wrong_object`).
        """

    async def remove(self, list_: str, record: RecordRef, source: Source) -> bool:
        """Take a record off a list, with the event `list_left`; tell whether it was there. Raise as `add` does."""
