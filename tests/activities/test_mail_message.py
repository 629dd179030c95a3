from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.action import Refused
from activities.effects import Mail
from activities.gateways.mail_message import HEADER_CHARACTERS, LINE_BYTES, Mailbox, compose, verify
from workflows.model.errors import EngineError

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HEADERS = ["Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "Precedence"]


def composed(
    subject: str = "Hi",
    text: str = "x",
    html: str | None = None,
    to: str = "anna@example.com",
    sender: str = "a@b.example",
) -> bytes:
    return compose(Mail(to, subject, text, html), "key1", Mailbox.read(sender), "b.example", NOW).content


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def shown(content: bytes, kind: str) -> str:
    part = read(content).get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


def subject_of(content: bytes) -> str:
    # The newer reader of the library doubles a space at the end of an encoded word.
    return str(make_header(decode_header(message_from_bytes(content)["Subject"])))


def test_the_headers_are_ours() -> None:
    """A plain e-mail has our headers in order, marks itself as automatic, and those of its body."""
    message = message_from_bytes(composed())
    assert message.keys() == [*HEADERS, "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-generated", "bulk")
    assert parsedate_to_datetime(message["Date"]) == NOW


LINK = "https://crm.example.com/unsubscribe/1." + "x" * 300


def test_a_link_to_unsubscribe_stands_in_one_line() -> None:
    """Mailboxes offer the one click only where both headers are there and the link, however long, is neither cut nor
    encoded.
    """
    mail = Mail("anna@example.com", "Hi", "x", unsubscribe=LINK)
    content = compose(mail, "key1", Mailbox.read("a@b.example"), "b.example", NOW).content
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n".encode() in content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
    assert message_from_bytes(content).keys()[: len(HEADERS) + 2] == [
        *HEADERS,
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
    ]


@pytest.mark.parametrize("link", ["https://x/ y", "https://x/\r\nBcc: v@example.com", "https://x/>,<y", "mailto:a", ""])
def test_a_strange_link_is_our_fault(link: str) -> None:
    """Links are of our own making: one that would break its header is a bug of ours."""
    with pytest.raises(EngineError):
        compose(Mail("a@b.example", "x", "x", unsubscribe=link), "k", Mailbox("", "a@b.example"), "b.example", NOW)


def test_html_is_an_alternative() -> None:
    """With HTML the e-mail has both forms, plain text first."""
    content = composed(text="plain é", html="<p>rich é</p>")
    parts = [part.get_content_type() for part in read(content).iter_parts()]
    assert parts == ["text/plain", "text/html"]
    assert (shown(content, "plain"), shown(content, "html")) == ("plain é\n", "<p>rich é</p>\n")


def test_attempts_are_the_same_bytes() -> None:
    """Two attempts at one time differ in nothing, the boundary included."""
    assert composed(html="<p>") == composed(html="<p>")


def test_no_text_ends_the_part_early() -> None:
    """A text that holds the boundary stays text."""
    content = composed(text="--=_key1--\n--=_key1\nx", html="<p>")
    assert shown(content, "plain") == "--=_key1--\n--=_key1\nx\n"


@pytest.mark.parametrize(
    "subject",
    [
        "Hyvää päivää",
        "短い件名",
        "🎉 " * 60,
        "plain words " * 70 + ".",
        "x" * HEADER_CHARACTERS,
        "",
        'a: b, <c> "d"',
        "é" * HEADER_CHARACTERS,
    ],
)
def test_subjects_arrive(subject: str) -> None:
    """A subject of any letters and length arrives as it was; encoded words keep to their 75 bytes."""
    content = composed(subject)
    assert subject_of(content) == subject
    assert max(map(len, re.findall(rb"=\?.*?\?=", content)), default=0) <= 75


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("a@b.example", ""),
        ("Acme <a@b.example>", "Acme"),
        ('"Acme, Inc." <a@b.example>', "Acme, Inc."),
        ('Ann "the boss" \\o/ <a@b.example>', 'Ann "the boss" \\o/'),
        ("Yhtiö Oy <a@b.example>", "Yhtiö Oy"),
        ("A long name of a company " + "x" * 150 + " <a@b.example>", "A long name of a company " + "x" * 150),
    ],
)
def test_sender_names_arrive(sender: str, name: str) -> None:
    """The name of a sender arrives as it was, whatever signs it has."""
    [address] = read(composed(sender=sender))["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "a@b.example")


INJECTIONS = [
    "a\r\nBcc: v@example.com",
    "a\nBcc: v@example.com",
    "a\rBcc: v@example.com",
    "a\x00",
    "a\x0bb",
    "a\x1eb",
    "a\x7fb",
    "a\x85Bcc: v@example.com",
    "a\u2028b",
    "a\u2029b",
    "\ud800",
    "=?utf-8?q?a=0d=0aBcc:_victim@example.com?=",
    "x" * (HEADER_CHARACTERS + 1),
]


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("field", ["subject", "to", "sender"])
def test_injections_are_refused(field: str, value: str) -> None:
    """No value with a control character or an encoded word gets into a header."""
    given = {"subject": value, "to": f"{value}@example.com", "sender": f"{value} <a@b.example>"}[field]
    with pytest.raises(Refused) as caught:
        composed(**{field: given})
    assert caught.value.code == "invalid_header_value"


@pytest.mark.parametrize(
    "to",
    [
        "",
        "a",
        "a@b.example,c@d.example",
        "a@b.example c@d.example",
        "A <a@b.example>",
        "<a@b.example>",
        "a@b",
        "a@@b.example",
    ],
)
def test_one_plain_address(to: str) -> None:
    """The recipient is one plain address."""
    with pytest.raises(Refused) as caught:
        composed(to=to)
    assert caught.value.code == "bad_address"


@pytest.mark.parametrize(
    "sender", ["Acme", "Acme <a>", "Acme a@b.example>", "Acme <a@b.example", "<>", "a@b.example <"]
)
def test_a_sender_is_a_mailbox(sender: str) -> None:
    """A sender is `Name <address>` or a plain address."""
    with pytest.raises(Refused) as caught:
        composed(sender=sender)
    assert caught.value.code == "bad_address"


def test_a_strange_key_is_our_fault() -> None:
    """A key that would break the Message-ID is a bug of ours, not of the flow."""
    with pytest.raises(EngineError):
        compose(Mail("a@b.example", "x", "x"), "a>b", Mailbox("", "a@b.example"), "b.example", NOW)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"To: ", b"Bcc: v@example.com\r\nTo: "),
        (b"Subject: Hi", b"Subject: Hi\r\nX: y"),
        (b"Subject: Hi", b"Subject: Hi\r\n\r\n"),
        (b"Subject: Hi", b"Subject: Hi\nX: y"),
        (b"Subject: Hi", b"Subject: Hi\xe9"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nMIME-Version: 1.0\r\n"),
        (b"Subject: Hi", b"Subject: " + b"x" * LINE_BYTES),
    ],
)
def test_the_finished_bytes_are_read_again(old: bytes, new: bytes) -> None:
    """Bytes with a header, break, letter or line that is not ours are not sent, wherever it came from."""
    content = composed()
    verify(content)
    assert old in content
    with pytest.raises(Refused):
        verify(content.replace(old, new))


def test_long_lines_are_cut_and_joined() -> None:
    """A line of 100,000 letters goes out in lines of at most 76 bytes, and arrives as one."""
    content = composed(text="y" * 100_000)
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert shown(content, "plain") == "y" * 100_000 + "\n"


@given(st.text(max_size=200), st.text(alphabet="é=?.\r\n\t \x00\x0b\x85\u2028aﬁ😀", max_size=200))
def test_any_text_arrives(text: str, html: str) -> None:
    """Whatever the texts hold, they arrive with their lines, and the bytes have no bare line break."""
    content = composed(text=text, html=html)
    for kind, sent in (("plain", text), ("html", html)):
        part = read(content).get_body((kind,))
        assert part is not None
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert (payload.splitlines() or [b""]) == (sent.encode("utf-8", "replace").splitlines() or [b""])


@given(st.text(max_size=120))
def test_any_subject_arrives_or_is_refused(subject: str) -> None:
    """No subject does anything but arrive or be refused."""
    try:
        content = composed(subject)
    except Refused:
        return
    message = message_from_bytes(content)
    assert message.keys()[: len(HEADERS)] == HEADERS
    assert len(message.keys()) == len(HEADERS) + 3
    assert subject_of(content).strip(" ") == subject.strip(" ")
