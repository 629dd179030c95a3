from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from activities.action import Ambiguous, Refused, Retryable
from activities.actions.send_email import SendEmail
from activities.catalogue import Catalogue, complete
from activities.effects import EmailContent
from activities.emails import MOST_CHARACTERS
from activities.fakes import fake_outside
from activities.fakes.flows import FakeEnrollment
from activities.fakes.ledger import FakeVisit
from activities.parts import MOST_PUT_OFF
from activities.performing import Again
from activities.recipients import MOST_RECIPIENTS
from starter.simulate import Simulation
from tests.flows import flow, send_email
from workflows.contract import Answer, Step
from workflows.model.records import RecordRef
from workflows.model.revision import Revision
from workflows.model.tokens import check

ANNA = RecordRef.parse("contact:1")
DEAL = RecordRef.parse("deal:7")
WELCOME = EmailContent(
    "welcome", "Welcome", "Hi {{ contact.firstname }}", "of {{ company.name }}", html="<p>{{ deal.x }}"
)
ONE = {"sent": 1, "skipped": 0, "failed": 0, "unknown": 0}


@pytest.fixture
def world() -> Simulation:
    """Anna, who is enrolled as `e`, and a deal without contacts, which is enrolled as `d`."""
    world = Simulation(Catalogue.load())
    world.record(str(ANNA), firstname="Anna", email="anna@example.com", owner="u1")
    world.record(str(DEAL), name="Big", owner="u2", x="<7>")
    world.ledger.crm.users |= {"u1": {"id": "u1", "email": "bo@x.fi"}, "u2": {"id": "u2", "email": "cy@x.fi"}}
    world.ledger.enrollments["e"] = FakeEnrollment("f", ANNA, world.clock, cause={"form": "demo"})
    world.ledger.enrollments["d"] = FakeEnrollment("f", DEAL, world.clock, cause={"form": "fair"})
    return world


def contacts(world: Simulation, *addresses: Any) -> list[RecordRef]:
    """Associate new contacts with the deal, one for each address."""
    refs = [world.record(f"contact:{n}", firstname=f"C{n}", email=to) for n, to in enumerate(addresses, 100)]
    world.ledger.crm.associations += [(DEAL, ref, "") for ref in refs]
    return refs


async def sent(world: Simulation, of: str = "e", attempt: str = "a1", policy: Any = (), **config: Any) -> Answer:
    """Perform the step for Anna or for the deal; without settings it says hello."""
    given = config or {"subject": "Hello {{ contact.firstname }}", "text": "Dear {{ contact.firstname }}"}
    node = send_email("mail", **dict(policy)).model_copy(update={"config": complete(SendEmail, given)})
    drawn = flow("f", node).flow
    revision = Revision.of(drawn if of == "e" else drawn.model_copy(update={"object": "deal"}))
    world.publish(revision)
    step = Step(enrollment=of, revision=revision.hash, node="mail", visit=1)
    return await world.performer.perform(step, attempt)


def row(world: Simulation, of: str = "e") -> FakeVisit:
    return world.ledger.visits[of, 1]


def states(world: Simulation) -> list[str]:
    return [part.state for part in world.ledger.begun["d", 1].values()]


async def test_the_contact_gets_one_email_under_the_key(world: Simulation) -> None:
    """It goes to the contact's own address; history gets a line with nothing personal, and no part is written down."""
    assert await sent(world) == Answer(line="sent")
    [(key, mail)] = world.mailer.sent
    assert (mail.to, mail.subject, mail.text, mail.html, mail.sender) == (
        *("anna@example.com", "Hello Anna", "Dear Anna", None, None),
    )
    assert row(world).output == {**ONE, "message_id": key, "to": "anna@example.com"}
    assert (row(world).note, world.ledger.begun) == (f"250 OK queued as {key}", {})


async def test_the_one_contact_of_a_deal_is_no_part(world: Simulation) -> None:
    """One recipient costs what an e-mail to the enrolled contact costs."""
    contacts(world, "c@example.com")
    assert await sent(world, "d") == Answer(line="sent")
    assert [mail.subject for _, mail in world.mailer.sent] == ["Hello C100"]
    assert world.ledger.begun == {}


async def test_each_contact_of_a_deal_gets_an_email_of_its_own(world: Simulation) -> None:
    """Each with its own tokens and under its own key; what is of the deal is the deal's."""
    contacts(world, "c@example.com", "d@example.com")
    text = "{{ contact.firstname }} of {{ deal.name }}, {{ owner.email }}, {{ event.form }}"
    assert await sent(world, "d", subject="Hi", text=text) == Answer(line="sent to 2 of 2")
    assert [mail.to for _, mail in world.mailer.sent] == ["c@example.com", "d@example.com"]
    assert [mail.text for _, mail in world.mailer.sent] == [f"C{n} of Big, cy@x.fi, fair" for n in (100, 101)]
    assert len({key for key, _ in world.mailer.sent}) == 2
    assert row(world, "d").output == {**ONE, "sent": 2}
    assert list(world.ledger.begun["d", 1]) == ["contact:100", "contact:101"]


async def test_a_deal_without_contacts_is_skipped(world: Simulation) -> None:
    """There is nobody to send to."""
    assert await sent(world, "d") == Answer(outcome="skipped", line="skipped: no_contact")


async def test_too_many_contacts_get_nothing(world: Simulation) -> None:
    """A hundred get it; with one more none does, before anything is written down."""
    contacts(world, *(f"c{n}@example.com" for n in range(MOST_RECIPIENTS + 1)))
    answer = await sent(world, "d")
    assert (answer.outcome, answer.line, world.mailer.sent) == ("failed", "failed: too_many_recipients", [])
    del world.ledger.crm.associations[-1]
    world.ledger.visits.clear()
    assert await sent(world, "d") == Answer(line="sent to 100 of 100")


async def test_who_cannot_get_it_is_left_out(world: Simulation) -> None:
    """No address, a malformed one, and one that another has: the rest get theirs, and the outputs count."""
    contacts(world, "c@example.com", None, "nobody", " C@Example.com ", 7)
    assert await sent(world, "d") == Answer(line="sent to 1 of 5, 2 skipped, 2 failed")
    assert [mail.to for _, mail in world.mailer.sent] == ["c@example.com"]
    assert row(world, "d").output == {**ONE, "skipped": 2, "failed": 2}
    notes = [part.note.partition(":")[0] for part in world.ledger.begun["d", 1].values()]
    assert notes[1:] == ["no_address", "bad_address", "same_address", "bad_address"]


@pytest.mark.parametrize(
    ("addresses", "answer"),
    [
        ((None, ""), Answer(outcome="skipped", line="skipped: no_address")),
        ((None, "bad"), Answer(outcome="failed", line="failed: bad_address")),
    ],
)
async def test_where_nobody_is_reached_the_step_says_why(
    world: Simulation, addresses: tuple[Any, ...], answer: Answer
) -> None:
    """A failure outweighs a skip; the counts are there all the same."""
    contacts(world, *addresses)
    assert await sent(world, "d") == answer
    assert (row(world, "d").output or {})["sent"] == 0


@pytest.mark.parametrize(
    ("email", "answer"),
    [
        (None, Answer(outcome="skipped", line="skipped: no_address")),
        ("  ", Answer(outcome="skipped", line="skipped: no_address")),
        *(
            (to, Answer(outcome="failed", line="failed: bad_address"))
            for to in ("anna", "a@b.fi, c@d.fi", "A <a@b.fi>")
        ),
        ("a@b.fi\nBcc: c@d.fi", Answer(outcome="failed", line="failed: bad_address")),
    ],
)
async def test_an_address_that_is_none(world: Simulation, email: str | None, answer: Answer) -> None:
    """Without one the contact is skipped; what is not one plain address fails, and only the note quotes it."""
    world.ledger.crm.records[ANNA]["email"] = email
    assert await sent(world) == answer
    assert world.mailer.sent == []


async def test_a_part_that_is_put_off_does_not_hold_up_the_others(world: Simulation) -> None:
    """The others get theirs at once, the one later, and nobody twice; nothing is flagged."""
    contacts(world, "c@example.com", "d@example.com", "e@example.com")
    world.mailer.answers = [Retryable("smtp_deferred", "greylisted")]
    with pytest.raises(Again) as again:
        await sent(world, "d")
    assert (again.value.code, states(world)) == ("smtp_deferred", ["retrying", "done", "done"])
    assert await sent(world, "d", "a2") == Answer(line="sent to 3 of 3")
    assert [mail.to[0] for _, mail in world.mailer.sent] == ["d", "e", "c"]
    assert not any(part.repeated for part in world.ledger.begun["d", 1].values())


async def test_a_server_that_puts_all_off_is_not_asked_for_each(world: Simulation) -> None:
    """After so many in a row the rest is left for a later attempt, which begins with those that were left."""
    contacts(world, *(f"c{n}@example.com" for n in range(MOST_PUT_OFF + 6)))
    world.mailer.answers = [Retryable("smtp_unreachable")] * (MOST_PUT_OFF + 6)
    with pytest.raises(Again, match=r"^smtp_unreachable$"):
        await sent(world, "d")
    assert len(world.mailer.answers) == 6
    world.mailer.answers.clear()
    assert await sent(world, "d", "a2") == Answer(line="sent to 16 of 16")
    assert [mail.to for _, mail in world.mailer.sent][:2] == ["c10@example.com", "c11@example.com"]


@pytest.mark.parametrize(
    ("reached", "answer"),
    [
        (["c1", "c2"], Answer(line="gave up; sent to 2 of 5, 3 failed")),
        ([], Answer(outcome="failed", line="failed: gave_up")),
    ],
)
async def test_what_is_given_up_is_counted(world: Simulation, reached: list[str], answer: Answer) -> None:
    """Those who were reached were; whoever was put off, or never came to, was not."""
    contacts(world, *(f"c{n}@example.com" for n in range(5)))
    send = world.mailer.send

    async def busy(mail: Any, key: str) -> str:
        if mail.to[:2] not in reached:
            raise Retryable("smtp_deferred")
        return await send(mail, key)

    world.mailer.send = busy  # type: ignore[method-assign]
    with pytest.raises(Again):
        await sent(world, "d")
    revision = world.ledger.flows["f"].current
    step = Step(enrollment="d", revision=revision, node="mail", visit=1)
    assert await world.control.give_up(step) == answer
    assert row(world, "d").output == {**ONE, "sent": len(reached), "failed": 5 - len(reached)}


async def test_an_attempt_whose_time_is_up_leaves_the_rest(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part is begun that the time-out would cut in the middle: the next attempt goes on at once."""
    monkeypatch.setattr("activities.parts.SHARE_OF_TIME", 0)
    contacts(world, "c@example.com", "d@example.com")
    with pytest.raises(Again) as again:
        await sent(world, "d")
    assert again.value.code == "parts_left"
    assert again.value.after is not None
    monkeypatch.undo()
    assert await sent(world, "d", "a2") == Answer(line="sent to 2 of 2")


@pytest.mark.parametrize(
    ("repeat", "line", "tos"),
    [
        ("at_least_once", "sent to 3 of 3", ["c", "e", "d"]),
        ("at_most_once", "sent to 2 of 3, 1 unknown", ["c", "e"]),
    ],
)
async def test_a_part_that_may_have_been_done_follows_the_step(
    world: Simulation, repeat: str, line: str, tos: list[str]
) -> None:
    """The connection broke at the second: it is sent again and flagged, or left as unknown; the others as ever."""
    contacts(world, "c@example.com", "d@example.com", "e@example.com")
    world.mailer.answers = []
    send = world.mailer.send

    async def breaking(mail: Any, key: str) -> str:
        world.mailer.answers = [Ambiguous("smtp_unanswered")] if mail.to[0] == "d" and not broken else []
        broken.extend(world.mailer.answers)
        return await send(mail, key)

    broken: list[Exception] = []
    world.mailer.send = breaking  # type: ignore[method-assign]
    if repeat == "at_least_once":
        with pytest.raises(Again, match=r"^smtp_unanswered$"):
            await sent(world, "d", policy={"repeat": repeat})
    assert await sent(world, "d", "a2", policy={"repeat": repeat}) == Answer(line=line)
    assert [mail.to[0] for _, mail in world.mailer.sent] == tos
    flagged = [part.repeated for part in world.ledger.begun["d", 1].values()]
    assert flagged == [False, repeat == "at_least_once", False]


@pytest.mark.parametrize("repeat", ["at_least_once", "at_most_once"])
async def test_a_worker_that_dies_between_recipients_leaves_one_in_doubt(world: Simulation, repeat: str) -> None:
    """Another goes on with the next: what is done stays done, and only the one under way follows the step."""
    contacts(world, *(f"{name}@example.com" for name in "cde"))
    world.mailer.answers = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        await sent(world, "d", policy={"repeat": repeat})
    answer = await sent(world, "d", "a2", policy={"repeat": repeat})
    again = repeat == "at_least_once"
    assert answer.line == ("sent to 3 of 3" if again else "sent to 2 of 3, 1 unknown")
    assert [mail.to[0] for _, mail in world.mailer.sent] == (["d", "e", "c"] if again else ["d", "e"])
    assert world.ledger.begun["d", 1]["contact:100"].repeated == again


async def test_what_is_prepared_is_frozen(world: Simulation) -> None:
    """A later attempt sends to those, and what, the first would have: neither recipients nor values change."""
    refs = contacts(world, "c@example.com", "d@example.com")
    world.mailer.answers = [Retryable("busy")] * 2
    with pytest.raises(Again):
        await sent(world, "d")
    world.ledger.crm.records[refs[0]] |= {"email": "x@example.com", "firstname": "X"}
    world.ledger.crm.associations.clear()
    assert await sent(world, "d", "a2") == Answer(line="sent to 2 of 2")
    assert {(mail.to, mail.text) for _, mail in world.mailer.sent} == {
        ("c@example.com", "Dear C100"),
        ("d@example.com", "Dear C101"),
    }


async def test_a_published_email_speaks_of_its_recipient(world: Simulation) -> None:
    """Its company is the contact's, read for it; its deal is the enrolled one; its HTML is escaped."""
    world.ledger.crm.emails["welcome"] = WELCOME
    anton, _ = contacts(world, "c@example.com", "d@example.com")
    acme, big = world.record("company:1", name="Acme"), world.record("company:2", name="Big & Co")
    world.ledger.crm.associations += [(anton, acme, ""), (DEAL, big, "")]
    assert await sent(world, "d", email="welcome") == Answer(line="sent to 2 of 2")
    assert [(mail.subject, mail.text, mail.html) for _, mail in world.mailer.sent] == [
        ("Hi C100", "of Acme", "<p>&lt;7&gt;"),
        ("Hi C101", "of ", "<p>&lt;7&gt;"),
    ]


async def test_a_published_email_goes_to_the_contact_itself(world: Simulation) -> None:
    """In a flow for contacts owner and event are the enrolled contact's own; a sender of the step comes first."""
    world.ledger.crm.emails["welcome"] = EmailContent(
        "welcome", "Welcome", "{{ owner.email }}", "{{ event.form }}", sender="a@b.fi"
    )
    await sent(world, email="welcome", sender="{{ owner.email }}")
    [(_, mail)] = world.mailer.sent
    assert (mail.subject, mail.text, mail.sender) == ("bo@x.fi", "demo", "bo@x.fi")


@pytest.mark.parametrize(
    ("published", "code"),
    [
        ({}, "unknown_email"),
        ({"for_automation": False}, "not_for_automation"),
        ({"kind": "membership"}, "not_for_automation"),
    ],
)
async def test_an_email_that_no_flow_may_send(world: Simulation, published: dict[str, Any], code: str) -> None:
    """One that is gone, or no more saved for automation, fails the step, whatever publishing saw."""
    if published:
        fields: dict[str, Any] = {"key": "welcome", "name": "", "subject": "", "text": "", **published}
        world.ledger.crm.emails["welcome"] = EmailContent(**fields)
    answer = await sent(world, email="welcome")
    assert (answer.outcome, answer.line) == ("failed", f"failed: {code}")


async def test_letters_that_nobody_could_keep_are_refused(world: Simulation) -> None:
    """A hundred of the largest would be tens of megabytes in one row."""
    contacts(world, *(f"c{n}@example.com" for n in range(100)))
    text = "x" * (MOST_CHARACTERS // 100 + 1)
    assert (await sent(world, "d", subject="Hi", text=text)).line == "failed: template_too_large"


async def test_the_link_to_unsubscribe_is_each_recipients_own(world: Simulation) -> None:
    """It names the contact and the e-mail's own key."""
    contacts(world, "c@example.com", "d@example.com")
    world.performer = replace(world.performer, outside=fake_outside(mail=world.mailer))
    await sent(world, "d")
    links = [f"https://example.com/unsubscribe/contact:{100 + n}/{key}" for n, (key, _) in enumerate(world.mailer.sent)]
    assert [mail.unsubscribe for _, mail in world.mailer.sent] == links


@pytest.mark.parametrize(
    ("sender", "given"), [(None, None), ("{{ contact.none }}", None), ("A <a@b.fi>", "A <a@b.fi>")]
)
async def test_the_sender_is_optional(world: Simulation, sender: str | None, given: str | None) -> None:
    """Without a sender, or with one whose tokens came out empty, the gateway's own is used."""
    await sent(world, subject="Hi", text="x", **({"sender": sender} if sender else {}))
    assert world.mailer.sent[0][1].sender == given


async def test_the_mailers_verdict_passes(world: Simulation) -> None:
    """What the mailer says of a failure is left to the engine."""
    world.mailer.answers = [Refused("recipient_refused", "550 Anna")]
    assert (await sent(world)).line == "failed: recipient_refused"
    assert row(world).note == "550 Anna"


@pytest.mark.parametrize("example", SendEmail.examples)
def test_examples_are_valid(example: str) -> None:
    """Each example is a step of this kind whose settings and tokens pass the checks of publishing."""
    step = yaml.safe_load(example)
    assert step.pop("do") == "send_email"
    assert step.pop("id")
    completed = complete(SendEmail, step)
    assert not [m for value in completed.values() if isinstance(value, str) for m in check(value, "contact", ())]


@pytest.mark.parametrize(
    "config",
    [
        {"subject": "Hi"},
        {"text": "x"},
        {"subject": "Hi", "text": "x", "cc": "a@b.example"},
        {"subject": "Hi", "text": "x", "email": "welcome"},
        {"html": "<p>", "email": "welcome"},
        {"email": "No key"},
        {},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step says what it sends, in one way."""
    with pytest.raises(ValidationError):
        complete(SendEmail, config)
