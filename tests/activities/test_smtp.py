from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from aiosmtpd.smtp import LoginPassword
from pydantic import SecretStr, ValidationError

from activities.action import Ambiguous, Refused, Retryable
from activities.effects import Mail
from activities.gateways import smtp
from activities.gateways.smtp import SmtpMailer, SmtpSettings
from tests.activities.mail_servers import DROP, HANG, Catcher, catching, misbehaving
from tests.until import patience

MAIL = Mail(to="anna@example.com", subject="Hello", text="Hi Anna", html="<p>Hi Anna</p>")
KEY = "0123456789abcdef0123"
ACME = "Acme <news@acme.example>"
TestingMailer = Callable[..., SmtpMailer]
Verdict = tuple[type[Exception], str]


def verdict(error: Exception) -> Verdict:
    return type(error), vars(error)["code"]


@pytest.fixture
async def mailer() -> AsyncIterator[TestingMailer]:
    """Build mailers to a port of this machine, and close them."""
    built: list[SmtpMailer] = []

    def build(port: int, **settings: object) -> SmtpMailer:
        given = {"host": "127.0.0.1", "port": port, "sender": ACME, "timeout": timedelta(seconds=10)}
        built.append(SmtpMailer(SmtpSettings.model_validate(given | settings)))
        return built[-1]

    yield build
    for each in built:
        await each.close()


@pytest.fixture
async def catcher() -> AsyncIterator[Catcher]:
    """A server that takes all e-mail."""
    async with catching() as catcher:
        yield catcher


async def test_an_email_arrives(mailer: TestingMailer, catcher: Catcher) -> None:
    """One e-mail goes to its one recipient, and the server's answer comes back."""
    answer = await mailer(catcher.port).send(MAIL, KEY)
    [envelope] = catcher.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("news@acme.example", ["anna@example.com"])
    message = message_from_bytes(catcher.contents[0])
    assert message["Message-ID"] == f"<{KEY}@acme.example>"
    assert answer == "OK queued as 1"


async def test_attempts_share_a_message_id(mailer: TestingMailer, catcher: Catcher) -> None:
    """Two attempts of one effect carry one Message-ID, another effect carries another."""
    sender = mailer(catcher.port, domain="mail.acme.example")
    for key in (KEY, KEY, "other"):
        await sender.send(MAIL, key)
    ids = [message_from_bytes(content)["Message-ID"] for content in catcher.contents]
    assert ids == [f"<{KEY}@mail.acme.example>"] * 2 + ["<other@mail.acme.example>"]


async def test_a_mail_may_name_its_sender(mailer: TestingMailer, catcher: Catcher) -> None:
    """The sender of the mail goes before that of the settings, in header and envelope."""
    await mailer(catcher.port).send(Mail(MAIL.to, "Hi", "Hi", sender="Ann <ann@acme.example>"), KEY)
    assert catcher.envelopes[0].mail_from == "ann@acme.example"
    assert message_from_bytes(catcher.contents[0])["From"] == '"Ann" <ann@acme.example>'


async def test_a_connection_is_used_again(mailer: TestingMailer, catcher: Catcher) -> None:
    """E-mails one after the other share a connection."""
    sender = mailer(catcher.port)
    for _ in range(3):
        await sender.send(MAIL, KEY)
    assert (len(catcher.envelopes), len(catcher.sessions)) == (3, 1)


async def test_a_refusal_keeps_the_connection(mailer: TestingMailer, catcher: Catcher) -> None:
    """A recipient turned down leaves the connection fit for the next e-mail."""
    sender = mailer(catcher.port)
    catcher.answers["RCPT"] = "550 no such user"
    with pytest.raises(Refused):
        await sender.send(MAIL, KEY)
    catcher.answers.clear()
    await sender.send(MAIL, KEY)
    assert (len(catcher.envelopes[0].rcpt_tos), len(catcher.sessions)) == (1, 1)


async def test_a_dead_connection_is_replaced(mailer: TestingMailer, catcher: Catcher) -> None:
    """A server that closed our idle connection gets the next e-mail over a new one, at the first attempt."""
    sender = mailer(catcher.port)
    await sender.send(MAIL, KEY)
    catcher.cut_off()
    await sender.send(MAIL, KEY)
    assert (len(catcher.envelopes), len(catcher.sessions)) == (2, 2)


async def test_a_connection_takes_so_many(
    mailer: TestingMailer, catcher: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its share of e-mails a connection is replaced."""
    monkeypatch.setattr(smtp, "LETTERS_PER_CONNECTION", 2)
    sender = mailer(catcher.port)
    for _ in range(3):
        await sender.send(MAIL, KEY)
    assert len(catcher.sessions) == 2


async def test_connections_are_bounded(mailer: TestingMailer, catcher: Catcher) -> None:
    """Many e-mails at once go over no more connections than allowed."""
    sender = mailer(catcher.port, connections=2)
    await asyncio.gather(*(sender.send(MAIL, f"key{n}") for n in range(20)))
    assert len(catcher.envelopes) == 20
    assert len(catcher.servers) == 2


async def test_start_tls_encrypts(mailer: TestingMailer, tls: ssl.SSLContext, certificate: Path) -> None:
    """With start_tls: required the e-mail and the password go over TLS, to a certificate that is checked."""
    async with catching(tls) as catcher:
        sender = mailer(catcher.port, start_tls="required", ca_file=certificate)
        await sender.send(MAIL, KEY)
        assert catcher.sessions[-1].ssl is not None
        assert len(catcher.envelopes) == 1


async def test_tls_from_the_first_byte(mailer: TestingMailer, tls: ssl.SSLContext, certificate: Path) -> None:
    """With use_tls the connection is TLS before the greeting."""
    async with catching(tls, from_first_byte=True) as catcher:
        await mailer(catcher.port, use_tls=True, ca_file=certificate).send(MAIL, KEY)
        assert len(catcher.envelopes) == 1


@pytest.mark.parametrize("settings", [{"start_tls": "required"}, {"start_tls": "auto"}, {"use_tls": True}])
async def test_a_stranger_gets_nothing(mailer: TestingMailer, tls: ssl.SSLContext, settings: dict[str, object]) -> None:
    """A certificate that nobody vouches for is an operator's matter: nothing is sent, and it is tried again slowly."""
    async with catching(tls, from_first_byte="use_tls" in settings) as catcher:
        with pytest.raises(Retryable) as caught:
            await mailer(catcher.port, **settings).send(MAIL, KEY)
        assert (caught.value.code, caught.value.after) == ("smtp_tls", smtp.MENDING)
        assert not catcher.envelopes


async def test_required_tls_is_not_waived(mailer: TestingMailer, catcher: Catcher) -> None:
    """A server without STARTTLS gets nothing where it is required."""
    with pytest.raises(Retryable) as caught:
        await mailer(catcher.port, start_tls="required").send(MAIL, KEY)
    assert caught.value.code == "smtp_config"
    assert not catcher.envelopes


async def test_login_over_start_tls(mailer: TestingMailer, tls: ssl.SSLContext, certificate: Path) -> None:
    """The usual server: it offers the login only once the connection is encrypted."""
    async with catching(tls, password="s3cret", login_needs_tls=True) as catcher:
        settings = {"start_tls": "required", "ca_file": certificate, "username": "acme", "password": "s3cret"}
        await mailer(catcher.port, **settings).send(MAIL, KEY)
        assert catcher.sessions[-1].ssl is not None
        assert catcher.sessions[-1].auth_data == LoginPassword(b"acme", b"s3cret")


async def test_a_login_that_is_put_off(mailer: TestingMailer) -> None:
    """A server that cannot check the password now is busy; nobody has to mend anything."""
    async with catching(password="s3cret", wrong="454 4.7.0 try later") as catcher:
        with pytest.raises(Retryable) as caught:
            await mailer(catcher.port, username="acme", password="wr0ng").send(MAIL, KEY)
    assert (caught.value.code, caught.value.after) == ("smtp_deferred", None)


async def test_a_link_to_unsubscribe_arrives_whole(mailer: TestingMailer, catcher: Catcher) -> None:
    """However long it is, it comes in one line and as it was, with the header that makes it one click."""
    link = "https://crm.example.com/unsubscribe/1." + "x" * 400
    await mailer(catcher.port).send(replace(MAIL, unsubscribe=link), KEY)
    message = message_from_bytes(catcher.contents[0])
    assert message["List-Unsubscribe"] == f"<{link}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_login(mailer: TestingMailer) -> None:
    """With username and password the mailer logs in."""
    async with catching(password="s3cret") as catcher:
        await mailer(catcher.port, username="acme", password="s3cret").send(MAIL, KEY)
        assert catcher.sessions[-1].auth_data == LoginPassword(b"acme", b"s3cret")


async def test_a_wrong_login_is_tried_again_slowly(mailer: TestingMailer) -> None:
    """A wrong password is an operator's mistake: the e-mail waits until it is mended, and the note has no password."""
    async with catching(password="s3cret") as catcher:
        with pytest.raises(Retryable) as caught:
            await mailer(catcher.port, username="acme", password="wr0ng").send(MAIL, KEY)
    assert (caught.value.code, caught.value.after) == ("smtp_login", smtp.MENDING)
    assert "wr0ng" not in caught.value.note


async def test_a_check_sends_nothing(mailer: TestingMailer) -> None:
    """A check logs in and sends nothing; where an e-mail would fail it fails the same way."""
    async with catching(password="s3cret") as catcher:
        await mailer(catcher.port, username="acme", password="s3cret").check()
        with pytest.raises(Retryable, match=r"^smtp_login$"):
            await mailer(catcher.port, username="acme", password="wr0ng").check()
        assert not catcher.envelopes


async def test_no_login_offered(mailer: TestingMailer, catcher: Catcher) -> None:
    """A server that offers no login where one is configured is an operator's matter."""
    with pytest.raises(Retryable) as caught:
        await mailer(catcher.port, username="acme", password="x").send(MAIL, KEY)
    assert caught.value.code == "smtp_config"


@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("MAIL", "451 try later", (Retryable, "smtp_deferred")),
        ("MAIL", "550 not from you", (Refused, "sender_refused")),
        ("MAIL", "530 log in first", (Retryable, "smtp_login")),
        ("RCPT", "450 greylisted", (Retryable, "smtp_deferred")),
        ("RCPT", "421 too many", (Retryable, "smtp_deferred")),
        ("RCPT", "452 mailbox full", (Retryable, "smtp_deferred")),
        ("RCPT", "551 not here", (Refused, "recipient_refused")),
        ("RCPT", "550 <anna@example.com> unknown", (Refused, "recipient_refused")),
        ("RCPT", "252 perhaps", (Retryable, "smtp_protocol")),
        ("DATA", "421 closing", (Retryable, "smtp_deferred")),
        ("DATA", "451 try later", (Retryable, "smtp_deferred")),
        ("DATA", "552 too large", (Refused, "message_refused")),
        ("DATA", "550 spam", (Refused, "message_refused")),
        ("DATA", "299 what", (Ambiguous, "smtp_unanswered")),
    ],
)
async def test_answers_are_judged(
    mailer: TestingMailer, catcher: Catcher, command: str, answer: str, expected: Verdict
) -> None:
    """4xx is tried again and 5xx is not; the server's words are a note and never a code."""
    catcher.answers[command] = answer
    with pytest.raises((Refused, Retryable, Ambiguous)) as caught:
        await mailer(catcher.port).send(MAIL, KEY)
    assert verdict(caught.value) == expected
    assert answer[4:] in vars(caught.value)["note"]
    assert answer[4:] not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("moment", "act", "expected"),
    [
        ("greeting", DROP, (Retryable, "smtp_unreachable")),
        ("greeting", HANG, (Retryable, "smtp_timeout")),
        ("greeting", "554 go away", (Retryable, "smtp_unreachable")),
        ("EHLO", DROP, (Retryable, "smtp_dropped")),
        ("MAIL", DROP, (Retryable, "smtp_dropped")),
        ("MAIL", HANG, (Retryable, "smtp_timeout")),
        ("MAIL", "what?", (Retryable, "smtp_protocol")),
        ("MAIL", "421 closing", (Retryable, "smtp_deferred")),
        ("RCPT", DROP, (Retryable, "smtp_dropped")),
        ("RCPT", HANG, (Retryable, "smtp_timeout")),
        ("DATA", DROP, (Ambiguous, "smtp_unanswered")),
        ("DATA", HANG, (Ambiguous, "smtp_unanswered")),
        ("DATA", "451 later", (Retryable, "smtp_deferred")),
        ("DATA", "554 no recipients", (Refused, "message_refused")),
        ("content", DROP, (Ambiguous, "smtp_unanswered")),
        ("content", HANG, (Ambiguous, "smtp_unanswered")),
        ("dot", DROP, (Ambiguous, "smtp_unanswered")),
        ("dot", HANG, (Ambiguous, "smtp_unanswered")),
        ("dot", "what?", (Ambiguous, "smtp_unanswered")),
    ],
)
async def test_a_break_is_judged_by_its_moment(mailer: TestingMailer, moment: str, act: str, expected: Verdict) -> None:
    """What breaks before DATA was surely not sent; after it nobody knows, unless the server says so."""
    async with misbehaving(moment, act) as server:
        timeout = timedelta(seconds=0.3 * patience() if act == HANG else 60)
        with pytest.raises((Refused, Retryable, Ambiguous)) as caught:
            await mailer(server.port, timeout=timeout).send(MAIL, KEY)
    assert verdict(caught.value) == expected
    assert server.whole.is_set() == (moment == "dot")


async def test_nobody_listens(mailer: TestingMailer) -> None:
    """A port that nobody listens on is tried again."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(Retryable) as caught:
            await mailer(closed.getsockname()[1]).send(MAIL, KEY)
    assert caught.value.code == "smtp_unreachable"


async def test_a_cancelled_email_leaves_no_connection(mailer: TestingMailer) -> None:
    """Cancelling a send that waits for the server closes its connection and gives its place to the next."""
    async with misbehaving("dot", HANG) as server, catching() as catcher:
        sender = mailer(server.port, connections=1)
        sending = asyncio.create_task(sender.send(MAIL, KEY))
        async with asyncio.timeout(60):
            await server.whole.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        sender._settings = sender._settings.model_copy(update={"port": catcher.port})
        await sender.send(MAIL, KEY)
        assert len(catcher.envelopes) == 1


@pytest.mark.parametrize(
    "mail",
    [
        Mail("anna@example.com", "Hi\r\nBcc: victim@example.com", "x"),
        Mail("anna@example.com", "=?utf-8?q?a=0d=0aBcc:_victim@example.com?=", "x"),
        Mail("anna@example.com\r\nRCPT TO:<victim@example.com>", "Hi", "x"),
        Mail("anna@example.com, victim@example.com", "Hi", "x"),
        Mail("anna@example.com", "Hi", "x", sender="A\r\nBcc: victim@example.com <a@acme.example>"),
    ],
)
async def test_an_injection_reaches_no_server(mailer: TestingMailer, catcher: Catcher, mail: Mail) -> None:
    """A value that would add a header or a recipient is refused before a connection is opened."""
    with pytest.raises(Refused):
        await mailer(catcher.port).send(mail, KEY)
    assert not catcher.servers


@pytest.mark.parametrize("end", ["\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n\x00.\r\n"])
async def test_smuggling(mailer: TestingMailer, catcher: Catcher, end: str) -> None:
    """A text that looks like the end of the message and a second one arrives as one message, whole."""
    text = f"x{end}MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\n\r\nevil"
    await mailer(catcher.port).send(Mail(MAIL.to, "Hi", text), KEY)
    [content] = catcher.contents
    payload = message_from_bytes(content).get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.splitlines() == text.encode().splitlines()


async def test_dots_arrive(mailer: TestingMailer, catcher: Catcher) -> None:
    """Lines that begin with dots arrive with as many."""
    await mailer(catcher.port).send(Mail(MAIL.to, "Hi", ".\n..a\n...\n"), KEY)
    assert message_from_bytes(catcher.contents[0]).get_payload(decode=True) == b".\r\n..a\r\n...\r\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"username": "a", "password": "b"}, "clear text"),
        ({"username": "a", "start_tls": "required"}, "together"),
        ({"use_tls": True, "start_tls": "required"}, "exclude each other"),
        ({"sender": "nobody"}, "write"),
        ({"sender": "a@b.example, c@d.example"}, "write"),
        ({"host": ""}, "host"),
        ({"port": 0}, "port"),
        ({"domain": "a b"}, "domain"),
        ({"starttls": "off"}, "starttls"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], message: str) -> None:
    """Settings that contradict themselves, or would send a password in clear text, are refused with the reason."""
    with pytest.raises(ValidationError, match=message):
        SmtpSettings.model_validate({"host": "smtp.example.com", "sender": ACME} | settings)


def test_the_password_is_not_shown() -> None:
    """Settings may be printed: the password is not in them."""
    settings = SmtpSettings(
        host="smtp.example.com", sender=ACME, start_tls="required", username="a", password=SecretStr("s3cret")
    )
    assert "s3cret" not in f"{settings!r} {settings.model_dump_json()}"
