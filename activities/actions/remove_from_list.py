"""Take the record off a static list."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from activities.action import Action, Do, Done, NameOf


class RemoveFromList(Action):
    """Take the record off a static list.

    A record that is not on it stays off it, and the step is done all the same. Leaving is the event `list_left`
    of the record, with the list's key, for waits and flows that look for it.

    Membership and visit are one transaction. The step fails where there is no such list (`unknown_list`), where it is
    an active one, which follows its condition (`active_list`), and where it holds records of another type
    (`wrong_object`). Publishing a flow looks whether the list is there.
    """

    kind: ClassVar = "remove_from_list"
    place: ClassVar = "store"
    objects: ClassVar = ("contact", "company")
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {"changed": "Whether it was on the list."}
    examples: ClassVar = (
        "{do: remove_from_list, id: vip, list: vip}",
        "{do: remove_from_list, id: newsletter, list: newsletter-2026}",
    )

    list: Annotated[str, NameOf("static_list")] = Field(
        description="The key of the list.", pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$"
    )

    async def perform(self, do: Do) -> Done:
        """Ask the lists."""
        changed = await do.store.lists.remove(self.list, do.record.ref, do.source)
        line = f"left {self.list}" if changed else f"was not on {self.list}"
        return Done(line=line, output={"changed": changed})
