"""Send an e-mail to the enrolled contact, or to the contacts of the enrolled record."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, JsonValue, model_validator

from activities.action import PARTS, Action, Do, Done, Html, NameOf, Preparing, Refused, Text
from activities.recipients import ONE, check_address, check_number, letters, send, summed_up
from workflows.model.records import Record


class SendEmail(Action):
    """Send an e-mail to the enrolled contact, or to the contacts of the enrolled record.

    Name a published e-mail by `email`, or write it: `subject`, `text` and, for a designed one, `html`. All may hold
    tokens. What a published e-mail says is read when it is sent; its tokens speak of the recipient, and of the enrolled
    record under its type. It needs the SMTP server of the worker's settings.

    In a flow for contacts it goes to the contact's own address, the property `email`. In any other flow it goes to each
    contact associated with the record, with that contact's values for `contact`; those who share an address get one.

    Skipped: no contact is associated (`no_contact`), no address (`no_address`). Failed: more than 100 contacts, of whom
    none gets it (`too_many_recipients`); no such e-mail (`unknown_email`), or not for automation
    (`not_for_automation`); a malformed address (`bad_address`); a line break in the subject (`invalid_header_value`);
    turned down by the server (`sender_refused`, `recipient_refused`, `message_refused`), which is tried again if busy.
    Each of several recipients is sent to once, wherever the others stand; the step is done when one was reached.

    SMTP cannot tell whether an e-mail went out when the connection breaks before its answer. Then the e-mail is sent
    again with the same Message-ID, so that most mailboxes show it once; with `repeat: at_most_once` it is not.
    """

    kind: ClassVar = "send_email"
    place: ClassVar = "outside"
    outputs: ClassVar = {
        "sent": "How many recipients the e-mail was sent to.",
        "skipped": "How many were left out, as those without an address.",
        "failed": "How many could not be sent to.",
        "unknown": "How many may have been sent to, and nobody can tell.",
        "message_id": "With one recipient, the part of the Message-ID before the @, the same for each attempt.",
        "to": "With one recipient, the address that it was sent to.",
    }
    examples: ClassVar = (
        """\
do: send_email
id: thanks
subject: "Thank you, {{ contact.firstname | default('and welcome') }}"
text: We will be in touch within a day.
""",
        """\
do: send_email
id: renewal
sender: "{{ owner.name }} <sales@acme.example>"
subject: Your plan ends soon
text: "Renew here: https://acme.example/renew"
html: <p>Dear {{ contact.lastname }}, <a href="https://acme.example/renew">renew here</a>.</p>
""",
        "{do: send_email, id: welcome, email: welcome}",
    )

    email: Annotated[str, NameOf("email")] | None = Field(
        None, description="The key of a published e-mail.", pattern=r"^[a-z0-9][a-z0-9-]{0,79}$"
    )
    subject: Text | None = Field(None, description="The subject line, where no published e-mail is named.")
    text: Text | None = Field(None, description="The e-mail as plain text.")
    html: Html | None = Field(None, description="The e-mail as HTML; values are escaped.")
    sender: Text | None = Field(
        None,
        description='Who it is from, as "Name <address>"; without it that of the e-mail or the worker\'s settings.',
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        written = [name for name in ("subject", "text", "html") if getattr(self, name) is not None]
        if self.email is not None and written:
            raise ValueError(f"`email` names what is said already; leave out {' and '.join(written)}")
        if self.email is None and (self.subject is None or self.text is None):
            raise ValueError("give `subject` and `text`, or the key of a published e-mail as `email`")
        return self

    @classmethod
    def needed(cls, given: Collection[str]) -> tuple[str, ...]:
        """See Action."""
        return () if "email" in given else ("subject", "text")

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Find who gets it, and fill the texts for each."""
        record = preparing.record
        is_contact = record.ref.type == "contact"
        recipients = [record] if is_contact else await preparing.crm.associated(record.ref, "contact")
        check_number(recipients)
        written = letters(recipients, await self._texts(preparing, recipients))
        if len(written) > 1:
            return {PARTS: [*written]}
        check_address(written[0])
        return written[0]

    async def _texts(self, preparing: Preparing, recipients: list[Record]) -> list[dict[str, str]]:
        written = {"subject": self.subject, "text": self.text, "html": self.html, "sender": self.sender}
        own = await preparing.texts.of_flow({k: v for k, v in written.items() if v is not None}, recipients)
        if self.email is None:
            return own
        content = await preparing.crm.email_content(self.email)
        if content is None or not content.for_automation or content.kind == "membership":
            raise Refused("not_for_automation" if content else "unknown_email", self.email)
        said = {name: text for name in written if (text := getattr(content, name)) is not None}
        read = await preparing.texts.of_recipients(said, recipients)
        return [theirs | {k: v for k, v in ours.items() if v} for theirs, ours in zip(read, own, strict=True)]

    async def perform(self, do: Do) -> Done:
        """Send what was prepared through the mailer."""
        written: Any = do.prepared.get(PARTS)
        if written is not None:
            each = {letter["contact"]: partial(send, do, letter) for letter in written}
            return summed_up(await do.parts.each(each), "sent")
        note = await send(do, do.prepared, do.key)
        return Done(line="sent", output={**ONE, "message_id": do.key, "to": do.prepared["to"]}, note=note)
