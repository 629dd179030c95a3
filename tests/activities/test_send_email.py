from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml
from pydantic import ValidationError

from activities.action import Ambiguous, Do, Refused, Skipped
from activities.actions.send_email import SendEmail
from activities.catalogue import Catalogue, complete
from activities.effects import Provenance
from activities.fakes import FakeCrm, FakeMailer
from workflows.model.records import Record, RecordRef
from workflows.model.tokens import check

ANNA = Record(ref=RecordRef(type="contact", id="1"), properties={"email": "anna@example.com"})


def do(mailer: FakeMailer) -> Do:
    source = Provenance(flow="welcome", revision="r", node="thanks", enrollment="e")
    return Do(key="key1", record=ANNA, now=datetime(2026, 1, 2, tzinfo=UTC), source=source, crm=FakeCrm(), mail=mailer)


async def test_it_sends_one_email_under_the_key() -> None:
    """The e-mail goes out under the key of the effect; history gets a line with nothing personal."""
    mailer = FakeMailer()
    done = await SendEmail(subject="Hi", text="x", html="<p>x", to=" anna@example.com ").perform(do(mailer))
    [(key, mail)] = mailer.sent
    assert (key, mail.to, mail.subject, mail.text, mail.html) == ("key1", "anna@example.com", "Hi", "x", "<p>x")
    assert (done.line, done.note) == ("sent", "250 OK queued as key1")
    assert done.output == {"message_id": "key1", "to": "anna@example.com"}


@pytest.mark.parametrize(
    ("sender", "given"), [(None, None), ("", None), ("Ann <a@acme.example>", "Ann <a@acme.example>")]
)
async def test_the_sender_is_optional(sender: str | None, given: str | None) -> None:
    """Without a sender, or with one whose tokens came out empty, the gateway's own is used."""
    mailer = FakeMailer()
    await SendEmail(subject="Hi", text="x", to="anna@example.com", sender=sender).perform(do(mailer))
    assert mailer.sent[0][1].sender == given


@pytest.mark.parametrize("to", ["", "  "])
async def test_no_address_is_skipped(to: str) -> None:
    """A contact without an address is skipped, and nothing is sent."""
    mailer = FakeMailer()
    with pytest.raises(Skipped, match=r"^no_address$"):
        await SendEmail(subject="Hi", text="x", to=to).perform(do(mailer))
    assert not mailer.sent


@pytest.mark.parametrize(
    "to", ["anna", "a@b.example, c@d.example", "Anna <a@b.example>", "a@b.example\nBcc: c@d.example"]
)
async def test_a_bad_address_is_refused(to: str) -> None:
    """What is not one plain address is refused with a code that does not quote it."""
    mailer = FakeMailer()
    with pytest.raises(Refused, match=r"^bad_address$") as caught:
        await SendEmail(subject="Hi", text="x", to=to).perform(do(mailer))
    assert to[:4] in caught.value.note
    assert not mailer.sent


async def test_the_mailers_verdict_passes() -> None:
    """What the mailer says of a failure is left to the engine."""
    with pytest.raises(Ambiguous):
        await SendEmail(subject="Hi", text="x", to="a@b.example").perform(do(FakeMailer(answers=[Ambiguous("lost")])))


def test_the_catalogue_has_it() -> None:
    """The action is found by its kind, and `to` is written in when a step leaves it out."""
    action = Catalogue.load()["send_email"]
    assert action is SendEmail
    assert complete(action, {"subject": "Hi", "text": "x"})["to"] == "{{ contact.email }}"


@pytest.mark.parametrize("example", SendEmail.examples)
def test_examples_are_valid(example: str) -> None:
    """Each example is a step of this kind whose settings and tokens pass the checks of publishing."""
    step = yaml.safe_load(example)
    assert step.pop("do") == "send_email"
    assert step.pop("id")
    completed = complete(SendEmail, step)
    assert not [m for value in completed.values() if isinstance(value, str) for m in check(value, "contact", ())]


@pytest.mark.parametrize(
    "config", [{"subject": "Hi"}, {"text": "x"}, {"subject": "Hi", "text": "x", "cc": "a@b.example"}]
)
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step without a subject or text, or with a field that there is not, is refused."""
    with pytest.raises(ValidationError):
        complete(SendEmail, config)
