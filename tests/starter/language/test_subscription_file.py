"""Subscription types as files, and e-mails that are of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.catalogue import Catalogue
from activities.effects import EmailContent, SubscriptionContent
from starter.language.definitions import Definitions
from starter.language.flow_files import CheckedFile, Source, check_files, with_files

CATALOGUE = Catalogue.load()
KNOWN = Definitions({"contact": {}}, emails={}, others={"subscription": frozenset({"offers"})})
NEWS = "subscription: newsletter\nname: News & more\ndescription: Once a month\n"
MAIL = "email: hello\nsubject: Hi\ntext: Hello\n"
FLOW = """\
flow: sign-up
object: contact
steps:
  - {do: set_subscription, id: in, subscription: newsletter, state: opted_in}
  - {do: send_email, id: mail, subject: Hi, text: x, subscription: newsletter}
"""


def checked(*texts: str) -> list[CheckedFile]:
    """Check files together, against what is there and what they are about themselves."""
    files = [Source(Path(f"{number}.yaml"), text) for number, text in enumerate(texts)]
    return check_files(files, CATALOGUE, definitions=with_files(KNOWN, files))


def told(*texts: str) -> list[tuple[str, str]]:
    return [(mistake.code, mistake.message) for file in checked(*texts) for mistake in file.found.mistakes]


def test_a_type_is_read() -> None:
    """With a name that is made of its key where there is none; it is of e-mail."""
    contents = [file.found.content for file in checked(NEWS, "subscription: special-offers\nchannel: sms\n")]
    assert contents == [
        SubscriptionContent("newsletter", "News & more", "email", "Once a month"),
        SubscriptionContent("special-offers", "Special offers", "sms"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("subscription: News Letter\n", "bad_name"),
        ("subscription: a\nchannel: post\n", "unknown_value"),
        ("subscription: a\nchanel: sms\n", "unknown_key"),
        ("subscription: a\ndescription: |\n  two\n  lines\n", "bad_value"),
    ],
)
def test_what_is_wrong_is_told(text: str, code: str) -> None:
    """At its place, as in a flow."""
    assert [found for found, _ in told(text)] == [code]


def test_a_flow_may_name_a_type_that_is_published_with_it() -> None:
    """Alone it is refused, with the nearest that there is."""
    assert told(FLOW, NEWS) == []
    assert [code for code, _ in told(FLOW)] == ["unknown_subscription"] * 2
    [(_, message)] = told(FLOW.replace("newsletter", "offer", 1).replace("newsletter", "offers"))
    assert "did you mean 'offers'?" in message


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ("", (None, False)),
        ("subscription: offers\n", ("offers", True)),
        ("subscription: offers\nmarketing: false\n", ("offers", False)),
        ("marketing: true\n", (None, True)),
    ],
)
def test_an_email_says_what_it_is_of(more: str, asked: tuple[str | None, bool]) -> None:
    """One of a subscription is for marketing unless it says otherwise; one of none is a message of its own."""
    [file] = checked(MAIL + more)
    content = file.found.content
    assert isinstance(content, EmailContent)
    assert (content.subscription, content.marketing) == asked


def test_an_email_of_a_type_that_there_is_not_is_refused() -> None:
    """At publish, not when the first contact would get it."""
    [(code, _)] = told(f"{MAIL}subscription: ofers\n")
    assert code == "unknown_subscription"


def test_only_a_published_email_names_the_link_to_unsubscribe() -> None:
    """A step's own text has none, and there is one link only."""
    assert told(f"{MAIL}html: '<a href=\"{{{{ links.unsubscribe }}}}\">Enough</a>'\n") == []
    [(code, message)] = told(MAIL + 'html: "{{ links.unsubscrib }}"\n')
    assert (code, "did you mean 'unsubscribe'?" in message) == ("token_error", True), message
    step = "steps:\n  - {do: send_email, id: m, subject: Hi, text: '{{ links.unsubscribe }}'}\n"
    assert [code for code, _ in told(f"flow: f\nobject: contact\n{step}")] == ["token_error"]
