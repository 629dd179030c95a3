"""Take the contact out of a sequence."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from activities.action import Action, Do, Done, NameOf, Skipped
from activities.sequences import is_sequence, sequence_of


class UnenrollFromSequence(Action):
    """Take the contact out of the sequence that it is in, or out of one that is named.

    It is ordered to leave at once, wherever it stands there, also in the middle of a delay; an e-mail that is being
    sent at that moment is still sent. A contact that is in no sequence, or not in that one, is passed over
    (`not_in_sequence`). Order and visit are one transaction.
    """

    kind: ClassVar = "unenroll_from_sequence"
    place: ClassVar = "store"
    objects: ClassVar = ("contact",)
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {"sequence": "The key of the sequence that it was in."}
    examples: ClassVar = (
        "{do: unenroll_from_sequence, id: stop-writing}",
        "{do: unenroll_from_sequence, id: no-win-back, sequence: win-back}",
    )

    sequence: Annotated[str, NameOf("sequence")] | None = Field(
        None,
        description="The key of the sequence; without it, whichever the contact is in.",
        pattern=r"^[a-z0-9][a-z0-9-]{0,70}$",
    )

    async def perform(self, do: Do) -> Done:
        """Order it out at the doors."""
        inside = [flow for flow in await do.store.doors.inside(do.record.ref) if is_sequence(flow)]
        left = [flow for flow in inside if self.sequence in (None, sequence_of(flow))]
        if not left:
            raise Skipped("not_in_sequence")
        await do.store.doors.expel(do.record.ref, left)
        output: dict[str, JsonValue] = {"sequence": sequence_of(left[0])}
        return Done(line=f"left {sequence_of(left[0])}", output=output)
