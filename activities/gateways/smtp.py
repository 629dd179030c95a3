"""Sends e-mail over SMTP, and tells what became of each: not sent, refused, or unknown."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator, model_validator

from activities.action import Ambiguous, Refused, Retryable
from activities.effects import Mail, Mailer
from activities.gateways.mail_message import Letter, Mailbox, compose

if TYPE_CHECKING:
    from aiosmtplib import SMTP

LETTERS_PER_CONNECTION = 100
"""After so many e-mails a connection is replaced: servers count, and cut off in the middle."""

MENDING = timedelta(minutes=5)
"""How long to leave the server alone where an operator has to mend something: the login, the certificate."""

_RESET_SECONDS = 5
_NOTE_CHARACTERS = 1000
_CLOSING = 421
_TRANSIENT = range(400, 500)
_PERMANENT = range(500, 600)
_WANTS_LOGIN = frozenset({530, 534, 535, 538})


class SmtpSettings(BaseModel):
    """Where and how to send. Certificates are always checked; a password goes encrypted or to this machine only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(min_length=1, description="The SMTP server's name or address.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    start_tls: Literal["auto", "required", "off"] = Field(
        "auto", description="Whether to encrypt after the greeting; auto: where the server offers it."
    )
    use_tls: bool = Field(default=False, description="Encrypt from the first byte instead, as port 465 wants it.")
    ca_file: FilePath | None = Field(None, description="A PEM file of certificates to trust instead of the system's.")
    username: str | None = Field(None, description="The name to log in with; none: no login.")
    password: SecretStr | None = Field(None, description="Its password.")
    sender: str = Field(description='Who e-mail is from where a step does not say: "Name <name@example.com>".')
    domain: str = Field(
        "",
        pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)?$",
        description="Our name in greetings and Message-IDs; the sender's domain without it.",
    )
    timeout: timedelta = Field(
        timedelta(seconds=30), gt=timedelta(0), description="For one e-mail as a whole; keep it well below 60 s."
    )
    connections: int = Field(4, ge=1, le=100, description="The most connections at a time.")

    @field_validator("sender")
    @classmethod
    def _is_a_mailbox(cls, value: str) -> str:
        try:
            Mailbox.read(value)
        except Refused as error:
            raise ValueError(f'{error.note}; write "Name <name@example.com>"') from None
        return value

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.use_tls and self.start_tls == "required":
            raise ValueError("use_tls and start_tls: required exclude each other; port 465 takes use_tls")
        if (self.username is None) != (self.password is None):
            raise ValueError("give username and password together, or neither")
        if self.username and not (self.use_tls or self.start_tls == "required" or _is_here(self.host)):
            raise ValueError("a password would be sent in clear text; set start_tls: required, or use_tls")
        return self

    @property
    def own_domain(self) -> str:
        """The domain of Message-IDs."""
        return self.domain or Mailbox.read(self.sender).address.partition("@")[2]


@dataclass
class _Connection:
    """A connection with the number of e-mails that it took. The transport is kept, for the client forgets it."""

    client: SMTP
    transport: asyncio.WriteTransport
    letters: int = 0

    def drop(self) -> None:
        self.client.close()
        self.transport.abort()


class NoMailServer:
    """Stands where no mail server is set: every e-mail is kept, and tried again until one is."""

    async def send(self, mail: Mail, key: str) -> str:
        """See Mailer."""
        del mail, key
        raise Retryable("smtp_not_set", "set PERDURE_SMTP__HOST and start the worker again", MENDING)

    async def close(self) -> None:
        """Close nothing."""


class SmtpMailer(Mailer):
    """Sends each e-mail over one of a few kept connections. Close it when done."""

    def __init__(self, settings: SmtpSettings) -> None:
        """Take the settings; nothing is opened before the first e-mail."""
        self._settings = settings
        self._sender = Mailbox.read(settings.sender)
        self._slots = asyncio.Semaphore(settings.connections)
        self._idle: list[_Connection] = []
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    async def send(self, mail: Mail, key: str) -> str:
        """Send one e-mail to its one recipient and return the server's answer.

        Raise Refused where the server or a header forbids it, Retryable where it was surely not sent, and Ambiguous
        where the connection broke after the content had begun to go out and before the server answered.
        """
        from aiosmtplib import SMTPException

        sender = Mailbox.read(mail.sender) if mail.sender else self._sender
        letter = compose(mail, key, sender, self._settings.own_domain, datetime.now(UTC))
        exchange = _Exchange(letter)
        try:
            async with self._timely(), self._slots, self._borrowed() as client:
                return await exchange.run(client)
        except (SMTPException, OSError, ValueError) as error:
            # `from None`: the provider's words may name people, and causes are shown wherever errors are.
            raise judge(error, data_begun=exchange.data_begun) from None

    async def check(self) -> None:
        """Connect and log in as for an e-mail, but send none; raise what `send` would raise."""
        from aiosmtplib import SMTPException

        try:
            async with self._timely(), self._slots, self._borrowed() as client:
                await client.noop()
        except (SMTPException, OSError, ValueError) as error:
            raise judge(error, data_begun=False) from None

    async def close(self) -> None:
        """Take leave of the server on the idle connections; those at work close when they are done."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(each.client.quit(timeout=1) for each in idle), return_exceptions=True)
        for connection in idle:
            connection.drop()

    def _timely(self) -> asyncio.Timeout:
        return asyncio.timeout(self._settings.timeout.total_seconds())

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[SMTP]:
        from aiosmtplib import SMTPResponseException

        connection = await self._reused() or await self._opened()
        usable = False
        try:
            yield connection.client
            usable = True
        except SMTPResponseException as error:
            usable = error.code in {*_TRANSIENT, *_PERMANENT} - {_CLOSING}
            raise
        finally:
            connection.letters += 1
            fresh = connection.letters < LETTERS_PER_CONNECTION and connection.client.is_connected
            if usable and fresh and not self._closed:
                self._idle.append(connection)
            else:
                connection.drop()

    async def _reused(self) -> _Connection | None:
        from aiosmtplib import SMTPException

        if not self._idle:
            return None
        connection = self._idle.pop()
        answered = False
        try:
            await connection.client.rset(timeout=_RESET_SECONDS)
            answered = True
        except (SMTPException, OSError):
            # What cut one off has most likely cut off all.
            while self._idle:
                self._idle.pop().drop()
        finally:
            if not answered:
                connection.drop()
        return connection if answered else None

    async def _opened(self) -> _Connection:
        from aiosmtplib import SMTP

        settings = self._settings
        client = SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            local_hostname=settings.own_domain,
            timeout=settings.timeout.total_seconds(),
            use_tls=settings.use_tls,
            start_tls={"auto": None, "required": True, "off": False}[settings.start_tls],
            tls_context=await self._context(),
        )
        await client.connect()
        return _Connection(client, cast("asyncio.WriteTransport", client.transport))

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context, cafile=self._settings.ca_file)
        return self._tls


@dataclass
class _Exchange:
    """One e-mail handed over; `data_begun` tells whether the server may have it."""

    letter: Letter
    data_begun: bool = False

    async def run(self, client: SMTP) -> str:
        await client.mail(self.letter.sender)
        await client.rcpt(self.letter.recipient)
        self.data_begun = True
        return (await client.data(self.letter.content)).message


def judge(error: Exception, *, data_begun: bool) -> Refused | Retryable | Ambiguous:
    """Say what a failure means: 4xx try again, 5xx do not, silence after the content began means unknown.

    A wrong login or certificate is tried again, slowly: an operator can mend it, and the e-mail is still wanted.
    """
    from aiosmtplib import SMTPAuthenticationError, SMTPConnectError, SMTPResponseException

    note = str(error)[:_NOTE_CHARACTERS] or type(error).__name__
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return _lost(data_begun, Retryable("smtp_tls", note, MENDING), note)
    if isinstance(error, SMTPConnectError):
        return Retryable("smtp_unreachable", note)
    if isinstance(error, SMTPResponseException) and error.code in _TRANSIENT:
        return Retryable("smtp_deferred", note)
    if isinstance(error, SMTPAuthenticationError):
        return Retryable("smtp_login", note, MENDING)
    if isinstance(error, SMTPResponseException) and error.code in _PERMANENT:
        return _refusal(error, note)
    return _lost(data_begun, _before_data(error, note), note)


def _refusal(error: Exception, note: str) -> Refused | Retryable:
    from aiosmtplib import SMTPDataError, SMTPRecipientRefused, SMTPSenderRefused

    if getattr(error, "code", None) in _WANTS_LOGIN:
        return Retryable("smtp_login", note, MENDING)
    for kind, code in (
        (SMTPSenderRefused, "sender_refused"),
        (SMTPRecipientRefused, "recipient_refused"),
        (SMTPDataError, "message_refused"),
    ):
        if isinstance(error, kind):
            return Refused(code, note)
    return Retryable("smtp_config", note, MENDING)


def _before_data(error: Exception, note: str) -> Retryable:
    from aiosmtplib import SMTPResponseException

    if isinstance(error, TimeoutError):
        return Retryable("smtp_timeout", note)
    if isinstance(error, OSError):
        return Retryable("smtp_dropped", note)
    if isinstance(error, SMTPResponseException | ValueError):
        return Retryable("smtp_protocol", note)
    return Retryable("smtp_config", note, MENDING)


def _lost(data_begun: bool, otherwise: Retryable, note: str) -> Retryable | Ambiguous:  # noqa: FBT001 - the question itself
    return Ambiguous("smtp_unanswered", note) if data_begun else otherwise


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
