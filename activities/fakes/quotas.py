"""Quotas in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from activities.effects import NEVER, Limit, Quota, month_of, next_month


@dataclass
class FakeQuotas:
    """When each quota was used, by its key."""

    used: dict[str, list[datetime]] = field(default_factory=dict)

    async def take(self, quotas: Sequence[Quota], now: datetime) -> datetime | None:
        """See Quotas."""
        free = [at for quota in quotas for limit in quota.limits if (at := self._free_at(quota, limit, now))]
        if free:
            return max(free)
        for quota in quotas:
            self.used.setdefault(quota.key, []).extend([now] * quota.uses)
        return None

    def _free_at(self, quota: Quota, limit: Limit, now: datetime) -> datetime | None:
        """Give when a limit lets so many uses through, None where it does now."""
        used, room = sorted(self.used.get(quota.key, []), reverse=True), limit.most - quota.uses
        if room < 0:
            return NEVER
        if isinstance(limit.window, str):
            return next_month(now) if sum(at >= month_of(now) for at in used) > room else None
        in_the_way = used[room] if len(used) > room else None
        return in_the_way + limit.window if in_the_way and in_the_way > now - limit.window else None
