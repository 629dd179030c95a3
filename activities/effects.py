"""The world as an action sees it: a protocol for each outside system, and what is handed to it.

The gateways fulfil these protocols; `fakes.py` has an in-memory twin of each. What they refuse, put off or cannot tell
they raise as `Refused`, `Retryable` or `Ambiguous` of `activities.action`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from workflows.model.records import RecordRef


@dataclass(frozen=True)
class Provenance:
    """Where an edit comes from."""

    flow: str
    revision: str
    node: str
    enrollment: str


class Crm(Protocol):
    """The CRM, inside the transaction of the visit."""

    async def set_properties(
        self, record: RecordRef, values: Mapping[str, JsonValue], source: Provenance
    ) -> dict[str, JsonValue]:
        """Set properties, None to clear, and log a `property_changed` event for each that changed.

        Return the old values of those that changed. Raise Refused for a property that is unknown or read-only, or a
        value that its type does not take.
        """


def differ(value: JsonValue, other: JsonValue) -> bool:
    """Tell whether two values of a property are not the same; to Python, true is 1."""
    return value != other or isinstance(value, bool) != isinstance(other, bool)


@dataclass(frozen=True)
class Mail:
    """An e-mail, ready to send. `sender` None means the gateway's own."""

    to: str
    subject: str
    text: str
    html: str | None = None
    sender: str | None = None


class Mailer(Protocol):
    """Sends e-mail."""

    async def send(self, mail: Mail, key: str) -> str:
        """Send one e-mail under an effect key, the same for every attempt; return what the server said.

        Raise Refused, Retryable (surely not sent) or Ambiguous.
        """
