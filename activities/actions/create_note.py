"""Write a note on the enrolled record."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from activities.action import Action, Do, Done, Html, NameOf, Refused
from activities.effects import NewNote
from activities.targets import Types, about


class CreateNote(Action):
    """Write a note on the enrolled record.

    `associate` puts it on the records of further types, too, that are associated with the enrolled one; a type that
    nobody defined fails the step (`unknown_object_type`). A pinned note stands above the others where a record is
    shown. A note that is empty once its tokens are replaced fails the step (`no_body`).

    Note and visit are one transaction, so there is one note, however often the step is tried.
    """

    kind: ClassVar = "create_note"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {"note": "The note's id."}
    examples: ClassVar = (
        '{do: create_note, id: noted, body: "<p>Asked for a demo.</p>"}',
        """\
do: create_note
id: handover
body: "<p>{{ contact.firstname }} wants: <b>{{ contact.wish | default('nothing yet') }}</b></p>"
pinned: true
associate: [company, deal/renewal]
""",
    )

    body: Html = Field(description="What it says, as HTML; values are escaped.", min_length=1)
    pinned: bool = Field(default=False, description="Whether it stands above the others.")
    associate: Annotated[tuple[Types, ...], NameOf("associated")] = Field(
        (), description="Types whose associated records it is on as well; `company/LABEL` for those of a label."
    )

    async def perform(self, do: Do) -> Done:
        """Write it through the CRM."""
        if not self.body.strip():
            raise Refused("no_body")
        records = await about(do, self.associate)
        made = await do.crm.create_note(NewNote(self.body, records, do.source, pinned=self.pinned), do.key)
        others = len(records) - 1
        return Done(line="wrote a note" + (f", on {others} more records" if others else ""), output={"note": made})
