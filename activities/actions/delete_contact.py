"""Delete the contact."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from activities.action import Action, Do, Done, Skipped
from workflows.model.journal import Ending


class DeleteContact(Action):
    """Delete the contact.

    The walk ends here, and the contact leaves all other flows and sequences that it is in, at once, also in the middle
    of a sleep. It can be restored for 90 days with `perdure restore`; it does not return into the flows that it left.
    After that a purge deletes for good what is kept about it, but not what it agreed to and turned down.

    Deletion and visit are one transaction. Each record that is deleted has the event `record_deleted`. A contact that
    somebody else has deleted meanwhile is passed over (`no_record`).
    """

    kind: ClassVar = "delete_contact"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    objects: ClassVar = ("contact",)
    ending: ClassVar[Ending | None] = "record_gone"
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    examples: ClassVar = ("{do: delete_contact, id: delete}",)

    async def perform(self, do: Do) -> Done:
        """Archive it through the CRM."""
        if not await do.crm.archive(do.record.ref, do.source):
            raise Skipped("no_record")
        return Done(line="deleted the contact")
