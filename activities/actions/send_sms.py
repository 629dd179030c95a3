"""Text the enrolled contact, or the contacts of the enrolled record."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, JsonValue

from activities.action import Action, Do, Done, Preparing, Text
from activities.recipients import check_number
from activities.texting import OUTPUTS, Recipient, prepared, provider, texted
from workflows.model.policy import Retry


class SendSms(Action):
    """Text the enrolled contact, or the contacts of the enrolled record.

    In a flow for contacts the text goes to the contact's own number, the property `phone` unless `to` says otherwise.
    In any other flow it goes to each contact associated with the record, with that contact's values for `contact`;
    those who share a number get one. A number is written with its country, as +358401234567, or as people of the first
    country of PERDURE_TWILIO__COUNTRIES write it. It needs Twilio in the worker's settings (PERDURE_TWILIO__ACCOUNT_SID
    and what goes with it); without it the step fails (`no_sms_provider`).

    Who texts STOP, or another such word, gets no more texts from any flow, until START; that is asked when the step is
    reached and again right before each text is handed over. So they are left out (`opted_out`), as are a contact
    without a number (`no_phone`) and a record without a contact (`no_contact`). Failed: what is no number
    (`bad_number`), one that costs whoever texts it (`number_refused`), one of a country that is not listed
    (`country_refused`), one that takes no texts (`not_mobile`), a text that the network turned down (`undelivered`);
    more than 100 contacts, of whom none gets it (`too_many_recipients`); an empty text (`no_text`), and one of more
    than 1,600 characters (`text_too_long`).

    At most 100 texts go to one number in 24 hours, and 10,000 to contacts in a calendar month; the operator may set
    other numbers. Where they are used up the record waits for 2 hours at most; then the step fails (`rate_limited`).
    After sending it waits for up to 90 seconds until it is known whether the text went out, but not where a crowd is
    texted at once; the line says `initiated` then. What becomes known of a text are events of the contact,
    `sms_delivered` and `sms_failed`; so is a reply, `sms_received`.

    Where Twilio is busy or away it is tried again for 2 hours. Twilio knows no key against repetition: after an attempt
    whose end nobody knows, the text is looked up there before it is sent again.
    """

    kind: ClassVar = "send_sms"
    place: ClassVar = "outside"
    outputs: ClassVar = OUTPUTS
    timeout: ClassVar[timedelta] = timedelta(minutes=5)
    retry: ClassVar[Retry] = Retry(within=timedelta(hours=2))
    examples: ClassVar = (
        '{do: send_sms, id: text, text: "Hi {{ contact.firstname }}, we have tried to call you. Reply STOP to end."}',
        "{do: send_sms, id: remind, to: '{{ contact.mobile_phone }}', text: See you tomorrow!}",
    )

    text: Text = Field(description="What the text says, in 1,600 characters at most.", min_length=1)
    to: Text = Field("{{ contact.phone }}", description="The number to text.", min_length=1)

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Find who is texted, fill the text, and use up the quotas."""
        provider(preparing.outside)
        record = preparing.record
        contacts = [record] if record.ref.type == "contact" else await preparing.crm.associated(record.ref, "contact")
        check_number(contacts)
        filled = await preparing.texts.of_flow({"to": self.to, "text": self.text}, contacts)
        recipients = [
            Recipient(str(each.ref), text["to"], text["text"], contact=each.ref)
            for each, text in zip(contacts, filled, strict=True)
        ]
        return await prepared(preparing, recipients, to_contacts=True)

    async def perform(self, do: Do) -> Done:
        """Text them, and wait for what comes of it."""
        return await texted(do)
