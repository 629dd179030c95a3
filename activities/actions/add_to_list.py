"""Put the record on a static list."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from activities.action import Action, Do, Done, NameOf


class AddToList(Action):
    """Put the record on a static list.

    A record that is on it already stays there, and the step is done all the same. Joining is the event `list_joined`
    of the record, with the list's key, for waits and flows that look for it.

    Membership and visit are one transaction. The step fails where there is no such list (`unknown_list`), where it is
    an active one, which follows its condition (`active_list`), and where it holds records of another type
    (`wrong_object`). Publishing a flow looks whether the list is there.
    """

    kind: ClassVar = "add_to_list"
    place: ClassVar = "store"
    objects: ClassVar = ("contact", "company")
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {"changed": "Whether it was not on the list yet."}
    examples: ClassVar = (
        "{do: add_to_list, id: vip, list: vip}",
        "{do: add_to_list, id: newsletter, list: newsletter-2026}",
    )

    list: Annotated[str, NameOf("static_list")] = Field(
        description="The key of the list.", pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$"
    )

    async def perform(self, do: Do) -> Done:
        """Ask the lists."""
        changed = await do.store.lists.add(self.list, do.record.ref, do.source)
        line = f"joined {self.list}" if changed else f"was on {self.list}"
        return Done(line=line, output={"changed": changed})
