"""Send an e-mail to the enrolled contact."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from activities.action import Action, Do, Done, Html, Refused, Skipped, Text
from activities.effects import Mail
from workflows.model.addresses import is_address


class SendEmail(Action):
    """Send an e-mail to the enrolled contact.

    Subject, texts and addresses may hold tokens. Give `html` for a designed e-mail; values are escaped in it, and
    `text` is what readers without HTML see. It needs the SMTP server of the worker's settings.

    A contact without an address is skipped (`no_address`). The step fails where the address is malformed
    (`bad_address`), where a value brings line breaks or the like into the subject (`invalid_header_value`), and where
    the server turns sender, recipient or message down; the record moves on as the step's `on_failure` says. A server
    that is away, busy or refuses our login is tried again.

    SMTP cannot tell whether an e-mail went out when the connection breaks before its answer. Then the e-mail is sent
    again with the same Message-ID, so that most mailboxes show it once; with `repeat: at_most_once` it is not.
    """

    kind: ClassVar = "send_email"
    place: ClassVar = "outside"
    objects: ClassVar = ("contact",)
    outputs: ClassVar = {
        "message_id": "The part of the e-mail's Message-ID before the @, the same for each attempt.",
        "to": "The address that it was sent to.",
    }
    examples: ClassVar = (
        """\
do: send_email
id: thanks
subject: "Thank you, {{ contact.firstname | default('and welcome') }}"
text: |
  Hello {{ contact.firstname | default('there') }},

  we will be in touch within a day.
""",
        """\
do: send_email
id: renewal
to: "{{ contact.work_email }}"
sender: "Ann of Acme <ann@acme.example>"
subject: Your plan ends soon
text: "Renew here: https://acme.example/renew"
html: <p>Dear {{ contact.lastname }}, <a href="https://acme.example/renew">renew here</a>.</p>
""",
    )

    subject: Text = Field(description="The subject line.")
    text: Text = Field(description="The e-mail as plain text.")
    html: Html | None = Field(None, description="The e-mail as HTML; values are escaped.")
    to: Text = Field("{{ contact.email }}", description="The one address to send to.")
    sender: Text | None = Field(
        None, description='Who it is from, as "Name <address>"; without it the sender of the worker\'s settings.'
    )

    async def perform(self, do: Do) -> Done:
        """Send it through the mailer."""
        to = self.to.strip()
        if not to:
            raise Skipped("no_address")
        if not is_address(to):
            raise Refused("bad_address", f"{to[:300]!r} is not one plain e-mail address")
        mail = Mail(to=to, subject=self.subject, text=self.text, html=self.html, sender=self.sender or None)
        answer = await do.mail.send(mail, do.key)
        return Done(line="sent", output={"message_id": do.key, "to": to}, note=answer)
