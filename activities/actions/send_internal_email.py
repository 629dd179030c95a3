"""Send a published e-mail about the contact to addresses of one's own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, JsonValue, model_validator

from activities.action import Action, Do, Done, NameOf, OwnProperty, Preparing
from activities.emails import OUTPUTS, Address, delivered, prepared, published, said
from activities.recipients import Addressee, addressed


class SendInternalEmail(Action):
    """Send a published e-mail about the contact to given addresses, or to those that its properties hold.

    The e-mail is one that is saved for automation; what it says is read when it is sent, and its tokens speak of the
    enrolled contact. It is for contacts only. It needs the SMTP server of the worker's settings. No consent is asked
    and it holds no link to unsubscribe, for it goes to people of one's own; nor does it count as an e-mail to the
    contact, for the day's most or for a goal.

    Each address is sent to once, wherever the others stand; those who share one get one. Skipped: a property without a
    value (`no_address`). Failed: no such e-mail (`unknown_email`), or not for automation (`not_for_automation`); a
    property that holds no address (`bad_address`); what the server turns down, as for `send_email`. The step is done
    when one was reached. After a broken connection it is sent again with the same Message-ID; with
    `repeat: at_most_once` it is not.
    """

    kind: ClassVar = "send_internal_email"
    place: ClassVar = "outside"
    objects: ClassVar = ("contact",)
    outputs: ClassVar = OUTPUTS
    examples: ClassVar = (
        "{do: send_internal_email, id: copy, email: welcome, to: [sales@acme.example, ann@acme.example]}",
        "{do: send_internal_email, id: to-assistant, email: welcome, properties: [email]}",
    )

    email: Annotated[str, NameOf("email")] = Field(
        description="The key of a published e-mail.", pattern=r"^[a-z0-9][a-z0-9-]{0,79}$"
    )
    to: tuple[Address, ...] = Field((), description="Addresses that it goes to.")
    properties: Annotated[tuple[str, ...], OwnProperty()] = Field(
        (), description="Properties of the contact that hold an address each."
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not (self.to or self.properties):
            raise ValueError("to whom? Give `to` or `properties`")
        return self

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Find who is written to, and fill the texts."""
        content = await published(preparing.crm, self.email)
        [texts] = await preparing.texts.of_recipients(said(content), [preparing.record])
        held = {name: str(preparing.record.properties.get(name) or "").strip() for name in self.properties}
        given = [Addressee(each, each) for each in dict.fromkeys(self.to)]
        letters = addressed([*given, *(Addressee(name, to) for name, to in held.items())])
        return prepared(letters, texts=texts)

    async def perform(self, do: Do) -> Done:
        """Send what was prepared through the mailer."""
        return await delivered(do)
