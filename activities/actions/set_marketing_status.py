"""Make the contact one for marketing, or none."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field

from activities.action import Action, Do, Done


class SetMarketingStatus(Action):
    """Make the contact one for marketing at once, or none from the first of next month.

    Only marketing contacts are sent e-mail for marketing. A contact that is taken out of it is one until the first day
    of next month in the flow's zone, or until the contract's renewal where the settings name one that comes first; its
    status is `pending` so long. The day stands in the contact's row and is judged whenever it matters, so nothing has
    to run when it comes; taking it out once more keeps the day, and making it one for marketing again takes it back.
    It is for contacts only. Status and visit are one transaction, so it is done once.
    """

    kind: ClassVar = "set_marketing_status"
    place: ClassVar = "store"
    objects: ClassVar = ("contact",)
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {
        "status": "`marketing`, `non_marketing`, or `pending` while it is one for marketing and will not be.",
        "from": "From when on it is none, where it is pending.",
    }
    examples: ClassVar = (
        "{do: set_marketing_status, id: in, status: marketing}",
        "{do: set_marketing_status, id: out, status: non_marketing}",
    )

    status: Literal["marketing", "non_marketing"] = Field(description="What the contact is to be.")

    async def perform(self, do: Do) -> Done:
        """Set it through what keeps consent."""
        wanted = self.status == "marketing"
        now = await do.store.consent.set_marketing(do.record.ref.id, marketing=wanted, zone=do.zone)
        status = "pending" if now.until else "marketing" if now.marketing else "non_marketing"
        line = f"non-marketing from {now.until:%Y-%m-%d %H:%M} UTC" if now.until else status.replace("_", "-")
        return Done(line=line, output={"status": status, "from": now.until.isoformat() if now.until else None})
