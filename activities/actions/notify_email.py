"""Send an e-mail to people who work with the CRM."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, JsonValue

from activities.action import Do, Done, Html, Preparing, Text
from activities.audience import Notifying
from activities.emails import OUTPUTS, Address, delivered, prepared
from activities.plain_text import as_text
from activities.recipients import Addressee, addressed


class NotifyEmail(Notifying):
    """Send an e-mail to people who work with the CRM: users, all members of teams, owners of the record, addresses.

    It is written here: `subject`, and `body` as HTML, which may hold tokens of the record and images, linked (`https:`)
    or inline (`data:image/png;base64,...`, sent as parts of the e-mail). The plain text beside it is made of the HTML.
    It needs the SMTP server of the worker's settings. No consent is asked, for nobody is marketed to.

    Each is sent one e-mail, once, wherever the others stand; those who share an address get one. An owner property
    that is empty (`no_user`), a user who is deactivated (`inactive_user`) or unknown (`unknown_user`), and a team with
    nobody active (`empty_team`) or that is gone (`unknown_team`) are recorded as skipped, and the record moves on.
    Failed: what the server turns down, as for `send_email`. The step is done when one was reached.

    SMTP cannot tell whether an e-mail went out when the connection breaks before its answer. Then it is sent again with
    the same Message-ID, so that most mailboxes show it once; with `repeat: at_most_once` it is not.
    """

    kind: ClassVar = "notify_email"
    place: ClassVar = "outside"
    whom: ClassVar = (*Notifying.whom, "to")
    outputs: ClassVar = OUTPUTS
    examples: ClassVar = (
        """\
do: notify_email
id: tell-owner
owners: [owner]
subject: "New demo request of {{ contact.lastname | default('somebody') }}"
body: <p>They come from <b>{{ contact.city | default('somewhere') }}</b>. Call them today.</p>
""",
        """\
do: notify_email
id: tell-sales
users: ["7"]
teams: [sales]
to: [sales@acme.example]
subject: A big deal
body: <p><img src="https://acme.example/bell.png" alt="Ding!"> {{ contact.company }} wants to talk.</p>
""",
    )

    to: tuple[Address, ...] = Field((), description="Addresses beside them.")
    subject: Text = Field(description="The subject line.", min_length=1)
    body: Html = Field(description="The e-mail as HTML; values are escaped.", min_length=1)
    sender: Text | None = Field(
        None, description='Who it is from, as "Name <address>"; without it as the worker\'s settings say.'
    )

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Find who is written to, and fill the texts."""
        audience = await self.audience(preparing.store.people, preparing.record)
        written = {"subject": self.subject, "html": self.body, **({"sender": self.sender} if self.sender else {})}
        [texts] = await preparing.texts.of_flow(written, [preparing.record])
        letters = addressed(
            [
                *(Addressee(f"user {user.id}", user.email) for user in audience.people),
                *(Addressee(each, each) for each in dict.fromkeys(self.to)),
                *(Addressee(each.who, left_out=each.code) for each in audience.left_out),
            ]
        )
        return prepared(letters, texts={**texts, "text": as_text(texts["html"])})

    async def perform(self, do: Do) -> Done:
        """Send what was prepared through the mailer."""
        return await delivered(do)
