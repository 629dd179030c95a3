"""The notification centre of our store, and pushing what is in it to devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from activities.effects.crm import Provenance
from workflows.model.records import RecordRef


@dataclass(frozen=True)
class Notice:
    """What users are told, as plain text, and about which record."""

    title: str
    body: str
    record: RecordRef
    source: Provenance


@dataclass(frozen=True)
class Pushed:
    """What a device shows: a notification of the centre, by its id there."""

    id: str
    title: str
    body: str
    record: RecordRef


class Inbox(Protocol):
    """The notification centre, inside the transaction of the visit."""

    async def put(self, notice: Notice, users: Sequence[str], key: str) -> Mapping[str, str]:
        """Notify users, each once for the key of the effect; give the id of each one's notification, by the user."""

    async def devices(self, users: Sequence[str]) -> Mapping[str, str]:
        """Give the devices of users by their ids, each with its user."""


class Push(Protocol):
    """Pushes to devices, through the push services that their users' browsers have chosen."""

    async def push(self, device: str, message: Pushed, key: str) -> str:
        """Push to a device under the key of this effect, by which a repetition takes the place of the first.

        Give what the push service said. Raise Skipped where the device is gone, Refused, Retryable or Ambiguous. What
        came of it is kept with the device.
        """
