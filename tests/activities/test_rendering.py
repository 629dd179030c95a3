from __future__ import annotations

import pytest

from activities.actions.send_email import SendEmail
from activities.catalogue import Catalogue
from activities.fakes.flows import FakeEnrollment
from activities.rendering import needs_of_texts
from starter.simulate import Simulation
from tests.flows import flow, send_email
from workflows.contract import Answer, Step
from workflows.model.facts import NOTHING, Needs
from workflows.model.records import RecordRef

ANNA = RecordRef.parse("contact:1")


@pytest.fixture
def world() -> Simulation:
    """A contact with an owner and a company, enrolled by an event."""
    world = Simulation(Catalogue.load())
    world.record(str(ANNA), email="anna@example.com", firstname="{{ 7*7 }}<b>", owner="u1", renewal="2026-12-24T22:30Z")
    acme = world.record("company:9", name="Acme & Co", site="javascript:alert(1)", notes="&" * 60_000)
    world.ledger.crm.associations.append((ANNA, acme, ""))
    world.ledger.crm.users["u1"] = {"id": "u1", "email": "bo@example.com", "name": "Bo Berg"}
    world.ledger.enrollments["e"] = FakeEnrollment("f", ANNA, world.clock, cause={"form": "demo"})
    return world


async def sent(world: Simulation, **texts: str) -> Answer:
    """Send an e-mail with these texts to Anna, and give what became of it."""
    node = send_email("mail")
    node = node.model_copy(update={"config": {**node.config, **texts}})
    revision = flow("f", node, settings={"timezone": {"zone": "Europe/Helsinki"}})
    world.publish(revision)
    return await world.performer.perform(Step(enrollment="e", revision=revision.hash, node="mail", visit=1), "a1")


async def test_a_text_is_filled_from_all_around_the_record(world: Simulation) -> None:
    """The company, the owner and the event are read because the text names them, and days are those of the flow."""
    text = "{{ company.name }}, {{ owner.firstname }}, {{ event.form }}, {{ contact.renewal | date('%d') }}"
    assert (await sent(world, text=text)).outcome == "done"
    [(_, mail)] = world.mailer.sent
    assert mail.text == "Acme & Co, Bo, demo, 25"


async def test_a_value_is_neither_a_token_nor_a_tag(world: Simulation) -> None:
    """What a record says is shown, not run: in the text as it is, in the HTML escaped, and not at all as a link."""
    html = '<a href="{{ company.site }}">{{ contact.firstname }}, {{ company.name }}</a>'
    await sent(world, text="{{ contact.firstname }}", html=html)
    [(_, mail)] = world.mailer.sent
    assert mail.text == "{{ 7*7 }}<b>"
    assert mail.html == '<a href="">{{ 7*7 }}&lt;b&gt;, Acme &amp; Co</a>'


@pytest.mark.parametrize(
    ("html", "code"),
    [
        ("<script>{{ contact.firstname }}</script>", "bad_template"),
        ("{{ ''.__class__ }}", "bad_template"),
        ("{{ 'a' * 10**9 }}", "bad_template"),
        ("{{ company.name }}" * 1001, "bad_template"),
        ("{{ company.notes }}", "template_too_large"),
    ],
)
async def test_a_text_that_must_not_be_sent_is_refused(world: Simulation, html: str, code: str) -> None:
    """Whatever got past publishing fails its visit, and nothing is sent."""
    answer = await sent(world, html=html)
    assert (answer.outcome, answer.line) == ("failed", f"failed: {code}")
    assert world.mailer.sent == []


def test_only_the_texts_say_what_is_needed() -> None:
    """A field that takes no tokens wants nothing read, and a broken text neither."""
    config = {"subject": "{{ owner.name }}", "text": "{{ company.name }}", "to": "{{ contact.email }}"}
    wanted = Needs(owners=frozenset({"owner"}), associated={"company": NOTHING})
    assert needs_of_texts(SendEmail, config, "contact") == wanted
    assert needs_of_texts(SendEmail, {"nothing": "{{ owner.name }}"}, "contact") == NOTHING
    assert needs_of_texts(SendEmail, {**config, "subject": "{{ owner"}, "contact") == NOTHING
