"""Consent in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from activities.action import Refused
from activities.consent import By, ConsentSettings, Standing, by, non_marketing_from, stands, turned_down
from activities.effects import Choice, Chosen, MarketingStatus, OptState, Sending, Source

_DAY = timedelta(hours=24)


def _new_year() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """A contact's word on a subscription, None for all of a channel."""

    contact: str
    subscription: str | None
    state: OptState
    whose: By = "contact"
    basis: str = ""
    channel: str = "email"


@dataclass
class FakeConsent:
    """What was said in a list, the newest last; what was sent stays sent, whatever became of it.

    Where no `subscriptions` are given, any name is one of e-mail.
    """

    subscriptions: dict[str, str] = field(default_factory=dict)
    """The channel of each subscription."""
    words: list[Said] = field(default_factory=list)
    marketing: dict[str, MarketingStatus] = field(default_factory=dict)
    bounced: dict[str, str] = field(default_factory=dict)
    """The address of each contact that bounced for good."""
    sent: dict[tuple[str, int, str], tuple[datetime, Sending]] = field(default_factory=dict)
    settings: ConsentSettings = field(default_factory=ConsentSettings)
    clock: Callable[[], datetime] = _new_year

    async def admit(self, sending: Sending, contacts: Mapping[str, str]) -> Mapping[str, str]:
        """See Consent."""
        refused = await self.judge(sending, contacts)
        for contact in contacts:
            if contact not in refused:
                visit = (sending.source.enrollment, sending.visit, contact)
                self.sent.setdefault(visit, (self.clock(), sending))
        return refused

    async def judge(self, sending: Sending, contacts: Mapping[str, str]) -> Mapping[str, str]:
        """See Consent."""
        if sending.subscription is not None and self._channel(sending.subscription) != "email":
            raise Refused("unknown_subscription", sending.subscription)
        judged = {
            contact: turned_down(self._standing(contact, address, sending), sending, self.settings)
            for contact, address in contacts.items()
        }
        return {contact: code for contact, code in judged.items() if code}

    async def choose(self, contact: str, choice: Choice, source: Source) -> Chosen:
        """See Consent."""
        channel = self._channel(choice.subscription)
        if choice.state == "opted_in" and self.settings.legal_basis and not choice.basis:
            raise Refused("no_legal_basis", choice.subscription)
        said = self._said(contact, choice.subscription, channel)
        if said and (kept := stands(said.state, said.whose, choice.state, source)):
            return Chosen(said.state, kept)
        self.words.append(Said(contact, choice.subscription, choice.state, by(source), choice.basis, channel))
        return Chosen(choice.state)

    async def set_marketing(self, contact: str, *, marketing: bool, zone: str) -> MarketingStatus:
        """See Consent."""
        now = self._status(contact)
        if marketing or not now.marketing:
            self.marketing[contact] = MarketingStatus(marketing=marketing)
        elif now.until is None:
            until = non_marketing_from(self.clock(), zone, self.settings.renewal)
            self.marketing[contact] = MarketingStatus(marketing=True, until=until)
        return self.marketing.get(contact, now)

    def _status(self, contact: str) -> MarketingStatus:
        status = self.marketing.get(contact, MarketingStatus(self.settings.marketing_by_default))
        return MarketingStatus(marketing=False) if status.until and status.until <= self.clock() else status

    def _said(self, contact: str, subscription: str | None, channel: str = "email") -> Said | None:
        of = (word for word in reversed(self.words) if (word.contact, word.channel) == (contact, channel))
        return next((word for word in of if word.subscription in (None, subscription)), None)

    def _standing(self, contact: str, address: str, sending: Sending) -> Standing:
        said, visit = self._said(contact, sending.subscription), (sending.source.enrollment, sending.visit)
        others = [each for (*own, to), each in self.sent.items() if to == contact and tuple(own) != visit]
        return Standing(
            marketing=self._status(contact).marketing,
            bounced=self.bounced.get(contact, "").casefold() == address.casefold(),
            said=said.state if said else None,
            basis=said.basis if said else "",
            sent_today=sum(at > self.clock() - _DAY for at, _ in others),
            had_it=any(each.email == sending.email for _, each in others),
        )

    def _channel(self, subscription: str) -> str:
        if self.subscriptions and subscription not in self.subscriptions:
            raise Refused("unknown_subscription", subscription)
        return self.subscriptions.get(subscription, "email")
