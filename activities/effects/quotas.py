"""Quotas: how often something may be done, within windows of time that slide and within calendar months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

MONTH = "month"
"""The window that does not slide: a calendar month, as UTC has it."""

NEVER = datetime.max.replace(tzinfo=UTC)
"""When more is asked for at once than a limit ever lets through."""


@dataclass(frozen=True)
class Limit:
    """At most so many uses within any such span of time, or within a calendar month."""

    most: int
    window: timedelta | str = MONTH


@dataclass(frozen=True)
class Quota:
    """So many uses at once of what has a key and these limits. The key holds nothing personal."""

    key: str
    limits: tuple[Limit, ...]
    uses: int = 1


class Quotas(Protocol):
    """What has been used of quotas, inside the transaction of the visit: what is rolled back was never used."""

    async def take(self, quotas: Sequence[Quota], now: datetime) -> datetime | None:
        """Use all of these quotas, at `now`, or none of them: then give the earliest moment at which all may be free.

        Whoever takes from one of them at the same time waits until this transaction has ended.
        """


def month_of(now: datetime) -> datetime:
    """Give the first moment of a calendar month."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(now: datetime) -> datetime:
    """Give the first moment of the calendar month after."""
    return month_of(month_of(now) + timedelta(days=32))
