"""Text messages, and who wants none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from workflows.model.records import RecordRef

TextState = Literal["initiated", "sent", "delivered", "failed"]
"""Taken by the provider; handed to the recipient's network; arrived; turned down by either, or lost."""


@dataclass(frozen=True)
class TextLimits:
    """How many texts are sent at most."""

    a_minute: int = 20
    an_hour: int = 200
    a_month: int = 1_000
    a_day_to_one: int = 100
    a_month_to_contacts: int = 10_000


@dataclass(frozen=True)
class TextMessage:
    """A text message, ready to send to a number in E.164; `contact` is whose number it is, None for a colleague's."""

    to: str
    text: str
    contact: RecordRef | None = None


@dataclass(frozen=True)
class Texted:
    """What became of a text message: the provider's id of it, and in how many segments it went; `error` is a code."""

    sid: str
    state: TextState = "initiated"
    segments: int = 0
    error: str = ""


class Sms(Protocol):
    """Sends text messages."""

    @property
    def limits(self) -> TextLimits:
        """Give how many texts are sent at most."""

    def number(self, written: str) -> str:
        """Read a telephone number as E.164, without asking anybody.

        Raise Refused for what is none, for one that costs whoever texts it, and for a country that is not listed.
        """

    async def send(self, message: TextMessage, key: str) -> Texted:
        """Send one message under an effect key, the same for every attempt.

        After an attempt that nobody knows the end of, it is looked up first. Raise Skipped for a number that opted
        out, Refused, Retryable (surely not sent) or Ambiguous.
        """

    async def followed(self, sids: Collection[str]) -> Mapping[str, Texted]:
        """Wait until it is known of all these messages whether they were sent, for 90 s at most; give what is known.

        Of a crowd that is sent at once the last may not be waited for.
        """


class OptOuts(Protocol):
    """Who wants no text messages, inside the transaction of the visit."""

    async def of(self, numbers: Collection[str]) -> frozenset[str]:
        """Give those of some numbers, in E.164, that opted out."""
