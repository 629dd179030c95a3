"""Text people who work with the CRM."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from activities.action import Do, Done, Preparing, Text
from activities.audience import Notifying
from activities.texting import OUTPUTS, Recipient, prepared, provider, texted
from workflows.model.policy import Retry

Number = Annotated[str, Field(pattern=r"^\+[1-9][0-9 ().-]{5,29}$")]


class NotifySms(Notifying):
    """Text people who work with the CRM: users, all members of teams, the owner of the record, or given numbers.

    Name users by their ids in `users`, teams in `teams`, in `owners` the properties that name a user, as `owner`, and
    in `to` numbers as +358401234567. Users have their phones from `perdure users`. Each number is texted once. It
    needs a provider of text messages, Twilio, in the worker's settings (PERDURE_TWILIO__ACCOUNT_SID and what goes with
    it); without one the step fails (`no_sms_provider`).

    Left out, while the rest are texted: a user without a phone (`no_phone`), unknown or deactivated (`unknown_user`,
    `inactive_user`), a property without a value (`no_user`), an unknown or empty team (`unknown_team`, `empty_team`), a
    number that has opted out (`opted_out`). Failed: what is no number (`bad_number`), one that costs whoever texts it
    (`number_refused`), one of a country that is not listed (`country_refused`), a text the network turned down
    (`undelivered`). A text of more than 1,600 characters is not sent at all (`text_too_long`), nor an empty one.

    The account sends at most 20 texts in 60 seconds, 200 in 60 minutes and 1,000 in a calendar month, and 100 to one
    number in 24 hours; the operator may set others. More recipients than a minute takes are not texted at all
    (`too_many_recipients`). Where a quota is used up the record sleeps until there is room, for 2 hours at most; then
    the step fails (`rate_limited`) and the record moves on. It does so at once where there cannot be room in time.
    After sending it waits for up to 90 seconds until it is known whether the text went out; the line says `initiated`
    where it is not.

    Where Twilio is busy or away it is tried again for 2 hours. Twilio knows no key against repetition: after an attempt
    whose end nobody knows, the text is looked up there before it is sent again.
    """

    kind: ClassVar = "notify_sms"
    place: ClassVar = "outside"
    whom: ClassVar = (*Notifying.whom, "to")
    outputs: ClassVar = OUTPUTS
    timeout: ClassVar[timedelta] = timedelta(minutes=5)
    retry: ClassVar[Retry] = Retry(within=timedelta(hours=2))
    examples: ClassVar = (
        '{do: notify_sms, id: tell-owner, owners: [owner], text: "{{ contact.firstname }} asked for a demo"}',
        """\
do: notify_sms
id: alarm
users: ["7"]
teams: [sales]
to: ["+358401234567"]
text: "Big deal: {{ contact.lastname }} of {{ company.name | default('an unknown company') }}"
""",
    )

    to: tuple[Number, ...] = Field((), description="Numbers beside them, each with its country, as +358401234567.")
    text: Text = Field(description="What the text says, in 1,600 characters at most.", min_length=1)

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Find who is texted, fill the text, and use up the quotas."""
        provider(preparing.outside)
        audience = await self.audience(preparing.store.people, preparing.record)
        [filled] = await preparing.texts.of_flow({"text": self.text}, [preparing.record])
        recipients = [
            *(Recipient(f"user {user.id}", user.phone, filled["text"]) for user in audience.people),
            *(Recipient(number, number, filled["text"]) for number in dict.fromkeys(self.to)),
            *(Recipient(each.who, left_out=each.code) for each in audience.left_out),
        ]
        return await prepared(preparing, recipients, to_contacts=False)

    async def perform(self, do: Do) -> Done:
        """Text them, and wait for what comes of it."""
        return await texted(do)
