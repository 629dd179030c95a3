"""Send an e-mail to the enrolled contact, or to the contacts of the enrolled record."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Self

from pydantic import Field, JsonValue, model_validator

from activities.action import Action, Do, Done, Html, NameOf, Preparing, Text
from activities.emails import OUTPUTS, admitted, delivered, filled, nature_of, prepared, published, said
from activities.recipients import LEFT_OUT, addressed, at_primary_address, check_number


class SendEmail(Action):
    """Send an e-mail to the enrolled contact, or to the contacts of the enrolled record.

    Name a published e-mail by `email`, or write it: `subject`, `text` and, for a designed one, `html`. All may hold
    tokens. What a published e-mail says is read when it is sent; its tokens speak of the recipient, and of the enrolled
    record under its type. It needs the SMTP server of the worker's settings.

    In a flow for contacts it goes to the contact's own address, the property `email`. In any other flow it goes to each
    contact associated with the record, with that contact's values for `contact`; those who share an address get one.

    Consent is asked right before every attempt. An e-mail of a `subscription` is for marketing unless `marketing` says
    otherwise; one of none is a message of its own, as a receipt. Skipped: who ended all e-mail or that subscription
    (`unsubscribed`), whose address bounced for good (`bounced`), who had it where it goes `once` (`already_sent`), who
    got the day's most (`too_many_emails`); of marketing, who is no marketing contact (`non_marketing`), or has no legal
    basis where that is asked (`no_legal_basis`); and no contact associated (`no_contact`), no address (`no_address`).

    Failed: more than 100 contacts, of whom none gets it (`too_many_recipients`); no such e-mail (`unknown_email`), or
    not for automation (`not_for_automation`); a malformed address (`bad_address`) or subject (`invalid_header_value`);
    no such subscription type (`unknown_subscription`); a link to unsubscribe that is shown, and nobody has set up links
    (`no_unsubscribe_link`); turned down by the server (`sender_refused`, `recipient_refused`, `message_refused`), which
    is tried again if busy. Each of several recipients is sent to once, wherever the others stand; the step is done when
    one was reached.

    SMTP cannot tell whether an e-mail went out when the connection breaks before its answer. Then the e-mail is sent
    again with the same Message-ID, so that most mailboxes show it once; with `repeat: at_most_once` it is not.
    """

    kind: ClassVar = "send_email"
    place: ClassVar = "outside"
    outputs: ClassVar = OUTPUTS
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
        "{do: send_email, id: welcome, email: welcome, once: true}",
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
    subscription: Annotated[str, NameOf("subscription")] | None = Field(
        None, description="The subscription type that it is of; without it that of the published e-mail."
    )
    marketing: bool | None = Field(
        None, description="Whether it is for marketing; without it as the published e-mail says, or if it is of a type."
    )
    once: bool = Field(default=False, description="Whether nobody gets it who had this e-mail already.")

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
        is_contact = preparing.record.ref.type == "contact"
        recipients = (
            [preparing.record] if is_contact else await preparing.crm.associated(preparing.record.ref, "contact")
        )
        check_number(recipients)
        content = await published(preparing.crm, self.email) if self.email else None
        texts = await filled(preparing, said(self), content, recipients)
        addressees = addressed([at_primary_address(each) for each in recipients])
        letters = [who if LEFT_OUT in who else {**who, **text} for who, text in zip(addressees, texts, strict=True)]
        nature = nature_of(preparing, content, subscription=self.subscription, marketing=self.marketing)
        return prepared(letters, asked={**nature, "once": self.once})

    async def admit(self, preparing: Preparing, content: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Leave out those who may not be written to now."""
        return await admitted(preparing, content)

    async def perform(self, do: Do) -> Done:
        """Send what was prepared through the mailer."""
        return await delivered(do)
