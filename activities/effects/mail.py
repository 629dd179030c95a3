"""E-mail, and the links of ours that stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workflows.model.records import RecordRef


@dataclass(frozen=True)
class Mail:
    """An e-mail, ready to send. `sender` None means the gateway's own.

    `unsubscribe` is the link that takes the recipient off at one request, without a login (RFC 8058).
    """

    to: str
    subject: str
    text: str
    html: str | None = None
    sender: str | None = None
    unsubscribe: str | None = None


class Mailer(Protocol):
    """Sends e-mail."""

    async def send(self, mail: Mail, key: str) -> str:
        """Send one e-mail under an effect key, the same for every attempt; return what the server said.

        Raise Refused, Retryable (surely not sent) or Ambiguous.
        """


class Links(Protocol):
    """Makes links of ours that carry a signature, so that nobody can make them for another."""

    def unsubscribe(self, contact: RecordRef, key: str, subscription: str = "") -> str | None:
        """Give the link by which a contact ends e-mail of a subscription, or all where that is empty.

        It stands in the e-mail with this effect key. None where no links are set up.
        """
