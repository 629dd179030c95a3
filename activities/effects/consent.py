"""Consent: what contacts have agreed to and turned down, and whether they may be written to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from activities.effects.crm import Provenance, Source

OptState = Literal["opted_in", "opted_out"]


@dataclass(frozen=True)
class SubscriptionContent:
    """A subscription type: what contacts are sent by a channel, which each may opt into and out of."""

    key: str
    name: str
    channel: Literal["email", "sms"] = "email"
    description: str = ""


@dataclass(frozen=True)
class Sending:
    """An e-mail that a visit is about to send to contacts.

    `email` is what it is known by: the key of a published one, else the flow and the step that it stands in. With
    `once`, nobody gets it who had it from any flow. Without a subscription, who ended all e-mail is left out.
    """

    email: str
    subscription: str | None
    marketing: bool
    once: bool
    source: Provenance
    visit: int


@dataclass(frozen=True)
class Choice:
    """That a contact is opted into a subscription, or out of it; why it may be, and how that is known."""

    subscription: str
    state: OptState
    basis: str = ""
    explanation: str = ""


@dataclass(frozen=True)
class Chosen:
    """What a contact's choice is now; `kept` is why it stayed as it was: it is `same`, or the contact's own."""

    state: OptState
    kept: Literal["", "same", "own"] = ""


@dataclass(frozen=True)
class MarketingStatus:
    """Whether a contact is one for marketing now, and from when on it is none any more."""

    marketing: bool
    until: datetime | None = None


class Consent(Protocol):
    """What contacts have agreed to, inside the transaction of the visit; contacts are named by their ids."""

    async def admit(self, sending: Sending, contacts: Mapping[str, str]) -> Mapping[str, str]:
        """Judge which contacts may be sent an e-mail now, each at its address, and write it down for those.

        Give the code of why not for the others. Whoever opts out before this transaction ends waits for it. Raise
        Refused for a subscription that there is not, or that is not of e-mail.
        """

    async def judge(self, sending: Sending, contacts: Mapping[str, str]) -> Mapping[str, str]:
        """Judge as `admit` does, and write nothing down: it is not sent yet."""

    async def choose(self, contact: str, choice: Choice, source: Source) -> Chosen:
        """Opt a contact in or out; who opted out without a flow is not opted in by one. Raise Refused as `admit`.

        Where it changes, the event `subscription_changed` is logged.
        """

    async def set_marketing(self, contact: str, *, marketing: bool, zone: str) -> MarketingStatus:
        """Make a contact one for marketing at once, or none from the first of next month in a zone, or the renewal.

        One that is none already, or will be, stays so.
        """
