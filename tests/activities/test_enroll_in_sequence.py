from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Do, Refused
from activities.actions.enroll_in_sequence import EnrollInSequence
from activities.catalogue import complete
from activities.effects import User
from activities.fakes import FakeConsent, FakeCrm, FakePeople, FakeStore, Said
from activities.fakes.flows import FakeDoors, FakeEnrollment, FakeFlow
from activities.fakes.ledger import FakeLedger
from activities.sequences import SequenceSettings
from activities.store_settings import StoreSettings
from tests.activities.doing import ANNA, NOW, anna, doing

PEOPLE = {
    "7": User("7", "aino@acme.example", "Aino Virtanen"),
    "8": User("8", "away@acme.example", active=False),
    "9": User("9", "guest@acme.example", seat=False),
}
PLAIN: dict[str, Any] = {"email": "anna@example.com", "owner": "7", "timezone": "Asia/Tokyo"}
ENTER = EnrollInSequence(sequence="follow-up")


def ledger(**flow: Any) -> FakeLedger:
    flows = {f"sequence-{name}": FakeFlow("r", again="always", **flow) for name in ("follow-up", "win-back")}
    return FakeLedger(lambda: NOW, FakeStore(FakeCrm({ANNA: {}})), flows)


def about(there: FakeLedger | None = None, **fields: Any) -> Do:
    record = anna(**{**PLAIN, **fields.pop("properties", {})})
    given = {"people": FakePeople(PEOPLE), "doors": FakeDoors(there or ledger()), **fields}
    return doing(record, **given)


async def test_the_contact_is_in_the_sequence() -> None:
    """In the name of its owner: what the steps are to know of that is what the event says that enrolled it."""
    there = ledger()
    done = await ENTER.perform(about(there))
    ((enrollment, row),) = there.enrollments.items()
    assert (done.line, done.output) == ("entered follow-up", {"enrollment": enrollment, "sender": "7"})
    assert (row.flow, row.record) == ("sequence-follow-up", ANNA)
    known = {key: row.cause[key] for key in ("sequence", "sender", "sender_name", "sender_email", "timezone")}
    assert [*known.values()] == ["follow-up", "7", "Aino Virtanen", "aino@acme.example", None]


async def test_the_step_may_name_the_sender_the_address_and_the_clock() -> None:
    """A user instead of the owner, an address that is not the user's own, and the contact's zone."""
    there = ledger()
    action = EnrollInSequence.model_validate(
        {"sequence": "win-back", "sender": {"user": "7"}, "address": "sales@acme.example", "use_contact_timezone": True}
    )
    await action.perform(about(there, properties={"owner": None}))
    (row,) = there.enrollments.values()
    told = [row.cause[key] for key in ("sender", "sender_email", "timezone")]
    assert told == ["7", "sales@acme.example", "Asia/Tokyo"]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"owner": ""}, "no_sender"),
        ({"owner": "1"}, "unknown_user"),
        ({"owner": "8"}, "sender_inactive"),
        ({"owner": "9"}, "no_seat"),
        ({"email": None}, "no_address"),
        ({"email": "anna at example"}, "bad_address"),
    ],
)
async def test_without_a_sender_or_an_address_it_fails(properties: dict[str, Any], code: str) -> None:
    """And nobody is enrolled."""
    there = ledger()
    with pytest.raises(Refused) as caught:
        await ENTER.perform(about(there, properties=properties))
    assert (caught.value.code, there.enrollments) == (code, {})


@pytest.mark.parametrize(
    ("consent", "code"),
    [
        (FakeConsent(words=[Said("1", None, "opted_out")]), "unsubscribed"),
        (FakeConsent(bounced={"1": "anna@example.com"}), "bounced"),
    ],
)
async def test_who_may_not_be_written_to_is_not_enrolled(consent: FakeConsent, code: str) -> None:
    """Whether they ended all e-mail, or their address is dead."""
    with pytest.raises(Refused, match=code):
        await ENTER.perform(about(consent=consent))


@pytest.mark.parametrize("other", ["follow-up", "win-back"])
async def test_nobody_is_in_two_sequences(other: str) -> None:
    """Not in the same one twice, nor in another one beside; a flow that is no sequence does not count."""
    there = ledger()
    there.enrollments["f"] = FakeEnrollment("newsletter", ANNA, NOW)
    there.enrollments["s"] = FakeEnrollment(f"sequence-{other}", ANNA, NOW)
    with pytest.raises(Refused, match="already_in_sequence"):
        await ENTER.perform(about(there))
    there.enrollments["s"].ending = "completed"
    assert (await ENTER.perform(about(there))).line == "entered follow-up"


async def test_a_sender_has_a_limit_a_day() -> None:
    """The next one fails, and moves on: nobody is written to late and unexpectedly."""
    there = ledger()
    do = about(there, settings=StoreSettings(sequences=SequenceSettings(most_a_day=1)))
    await ENTER.perform(do)
    there.enrollments.clear()
    with pytest.raises(Refused, match="daily_limit"):
        await ENTER.perform(do)


@pytest.mark.parametrize(
    ("there", "code"), [(ledger(is_on=False), "flow_off"), (FakeLedger(lambda: NOW), "no_sequence")]
)
async def test_a_sequence_that_lets_nobody_in_fails(there: FakeLedger, code: str) -> None:
    """It is off, or was never published."""
    with pytest.raises(Refused, match=code):
        await ENTER.perform(about(there))


@pytest.mark.parametrize(
    "config", [{}, {"sequence": "Follow up"}, {"sequence": "s", "address": "nobody"}, {"sequence": "s", "sender": {}}]
)
def test_wrong_settings_are_refused(config: dict[str, Any]) -> None:
    """At publish, not when a contact is there."""
    with pytest.raises(ValidationError):
        complete(EnrollInSequence, config)
