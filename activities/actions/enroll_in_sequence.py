"""Enroll the contact in a sequence."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from activities.action import Action, Do, Done, NameOf, OwnProperty, Refused
from activities.audience import OneUser
from activities.effects import Announced, Limit, Quota, Sending, User
from activities.emails import Address
from activities.recipients import LEFT_OUT, addressed, at_primary_address
from activities.sequences import ENROLLED, flow_of, is_sequence, sequence_of

_DAY = timedelta(days=1)
_CLOSED = ("unsubscribed", "bounced")
_ZONE = "timezone"


class EnrollInSequence(Action):
    """Enroll the contact in a sequence: e-mails and tasks of one person, until the contact replies or books a meeting.

    The sender is the user whom a property of the contact names, `owner` by default, or one user. What the sequence
    sends is from their address, or from another one given as `address`, and its tasks are theirs. With
    `use_contact_timezone` its hours are by the clock of the contact, whose property `timezone` names the zone; without
    it, and where that is empty, by that of the sequence. This flow goes on at once.

    Enrollment and visit are one transaction. The contact has the event `sequence_enrolled`, with the sender. It is not
    enrolled, and the step fails: in a sequence already (`already_in_sequence`); no sender is named (`no_sender`), or
    one who is unknown (`unknown_user`), inactive (`sender_inactive`) or without a seat (`no_seat`); the contact has no
    address (`no_address`) or a malformed one (`bad_address`), has ended all e-mail (`unsubscribed`), or its address
    bounced for good (`bounced`); the sender's contacts of 24 hours are enrolled, 500 unless the installation sets
    another number (`daily_limit`); there is no such sequence (`no_sequence`), or it is off (`flow_off`).
    """

    kind: ClassVar = "enroll_in_sequence"
    place: ClassVar = "store"
    objects: ClassVar = ("contact",)
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {
        "enrollment": "The id of the enrollment in the sequence.",
        "sender": "The id of the user in whose name it is.",
    }
    examples: ClassVar = (
        "{do: enroll_in_sequence, id: follow-up, sequence: follow-up}",
        """\
do: enroll_in_sequence
id: win-back
sequence: win-back
sender: {user: "7"}
address: sales@acme.example
use_contact_timezone: true
""",
    )

    sequence: Annotated[str, NameOf("sequence")] = Field(
        description="The key of the sequence.", pattern=r"^[a-z0-9][a-z0-9-]{0,70}$"
    )
    sender: Annotated[str, OwnProperty()] | Annotated[OneUser, NameOf("user", under="user")] = Field(
        "owner", description="In whose name it is: the property that names the user, or `{user: ID}`."
    )
    address: Address | None = Field(None, description="What its e-mails are from; without it, the sender's address.")
    use_contact_timezone: bool = Field(default=False, description="Whether its hours are by the contact's clock.")

    async def perform(self, do: Do) -> Done:
        """Ask all that may be against it, and then at the door."""
        sender = await self._sender(do)
        if there := [flow for flow in await do.store.doors.inside(do.record.ref) if is_sequence(flow)]:
            raise Refused("already_in_sequence", sequence_of(there[0]))
        await self._check_contact(do)
        limit = Limit(do.store.settings.sequences.most_a_day, _DAY)
        if await do.store.quotas.take([Quota(f"sequences of {sender.id}", (limit,))], do.now):
            raise Refused("daily_limit", f"{sender.id} has enrolled {limit.most} contacts in 24 hours")
        event = Announced(do.key, ENROLLED, self._told(do, sender))
        let = await do.store.doors.enroll(flow_of(self.sequence), do.record.ref, do.source, event)
        if let.enrollment is None:
            raise Refused("no_sequence" if let.code == "no_flow" else let.code, let.sentence)
        return Done(line=f"entered {self.sequence}", output={"enrollment": let.enrollment, "sender": sender.id})

    async def _sender(self, do: Do) -> User:
        """Give the user in whose name it is."""
        named = self.sender.user if isinstance(self.sender, OneUser) else do.record.properties.get(self.sender)
        if named in (None, ""):
            raise Refused("no_sender", f"{self.sender} is empty")
        user = (await do.store.people.users([str(named)])).get(str(named))
        if user is None or not user.active or not user.seat:
            code = "no_seat" if user and user.active else "sender_inactive" if user else "unknown_user"
            raise Refused(code, str(named))
        return user

    async def _check_contact(self, do: Do) -> None:
        """Raise Refused where the contact cannot or may not be written to."""
        (letter,) = addressed([at_primary_address(do.record)])
        if letter.get(LEFT_OUT):
            raise Refused(str(letter[LEFT_OUT]))
        sending = Sending(self.sequence, None, marketing=False, once=False, source=do.source, visit=0)
        judged = await do.store.consent.judge(sending, {do.record.ref.id: str(letter["to"])})
        if (code := judged.get(do.record.ref.id)) in _CLOSED:
            raise Refused(str(code))

    def _told(self, do: Do, sender: User) -> dict[str, JsonValue]:
        """Say what the steps of the sequence are to know of this enrollment."""
        zone = do.record.properties.get(_ZONE) if self.use_contact_timezone else None
        return {
            "sequence": self.sequence,
            "sender": sender.id,
            "sender_name": sender.name,
            "sender_email": self.address or sender.email,
            "timezone": zone,
            "by": asdict(do.source),
        }
