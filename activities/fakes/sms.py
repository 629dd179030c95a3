"""Text messages in memory."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from activities.action import Refused, Skipped
from activities.effects import Texted, TextLimits, TextMessage

_E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass
class FakeOptOuts:
    """Numbers that want no text messages."""

    numbers: set[str] = field(default_factory=set)

    async def of(self, numbers: Collection[str]) -> frozenset[str]:
        """See OptOuts."""
        return frozenset(self.numbers & {*numbers})


@dataclass
class FakeSms:
    """Keeps what it is given to send, once for each key. `answers` are raised, in order, in place of a success.

    It knows no country's numbers: one in E.164 is a number, but for those that are `refused`, each with a code. What
    a message comes to may be told beforehand, by its recipient.
    """

    sent: dict[str, TextMessage] = field(default_factory=dict)
    answers: list[Exception] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    come_to: dict[str, Texted] = field(default_factory=dict)
    opted_out: FakeOptOuts = field(default_factory=FakeOptOuts)
    limits: TextLimits = field(default_factory=TextLimits)

    def number(self, written: str) -> str:
        """See Sms."""
        number = re.sub(r"[^+\d]", "", written)
        if not _E164.fullmatch(number):
            raise Refused("bad_number", f"{written!r} is not in E.164")
        if number in self.refused:
            raise Refused(self.refused[number], written)
        return number

    async def send(self, message: TextMessage, key: str) -> Texted:
        """See Sms; the message's id is made of the key."""
        if message.to in self.opted_out.numbers:
            raise Skipped("opted_out")
        if self.answers:
            raise self.answers.pop(0)
        self.sent.setdefault(key, message)
        return self._came_to(key)

    async def followed(self, sids: Collection[str]) -> Mapping[str, Texted]:
        """See Sms."""
        return {sid: self._came_to(sid.removeprefix("SM")) for sid in sids}

    def _came_to(self, key: str) -> Texted:
        known = self.come_to.get(self.sent[key].to, Texted("", "sent", 1))
        return Texted(f"SM{key}", known.state, known.segments, known.error)
