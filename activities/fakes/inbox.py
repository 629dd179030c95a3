"""The notification centre and devices in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from activities.effects import Notice, Pushed


@dataclass
class FakeInbox:
    """What each user was notified of, by the effect and the user; `owners` are those of the devices."""

    notices: dict[tuple[str, str], Notice] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    async def put(self, notice: Notice, users: Sequence[str], key: str) -> Mapping[str, str]:
        """See Inbox."""
        for user in users:
            self.notices.setdefault((key, user), notice)
        there = [*self.notices]
        return {user: str(1 + there.index((key, user))) for user in users}

    async def devices(self, users: Sequence[str]) -> Mapping[str, str]:
        """See Inbox."""
        return {device: user for device, user in self.owners.items() if user in users}


@dataclass
class FakePush:
    """Keeps what it is given to push, by the device and the key. `answers` are raised, by their device."""

    sent: list[tuple[str, Pushed]] = field(default_factory=list)
    answers: dict[str, Exception] = field(default_factory=dict)

    async def push(self, device: str, message: Pushed, key: str) -> str:
        """See Push."""
        if device in self.answers:
            raise self.answers[device]
        self.sent.append((device, message))
        return "http_201"
