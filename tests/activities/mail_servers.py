"""SMTP servers on loopback: aiosmtpd, which keeps what it is sent, and one that misbehaves at a chosen moment."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

DROP, HANG = "drop", "hang"


@dataclass
class Catcher:
    """Takes all e-mail, or answers to a command as told; keeps a session for each EHLO."""

    answers: dict[str, str] = field(default_factory=dict)
    envelopes: list[Envelope] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    servers: list[SMTP] = field(default_factory=list)
    port: int = 0

    async def handle_EHLO(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.sessions.append(session)
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" not in self.answers:
            self.envelopes.append(envelope)
        return self.answers.get("DATA", "250 OK queued as 1")

    @property
    def contents(self) -> list[bytes]:
        return [bytes(envelope.original_content or b"") for envelope in self.envelopes]

    def cut_off(self) -> None:
        """Close every connection, as a server does that restarts."""
        for server in self.servers:
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()


@asynccontextmanager
async def catching(
    tls: ssl.SSLContext | None = None,
    *,
    password: str = "",
    from_first_byte: bool = False,
    login_needs_tls: bool = False,
    wrong: str | None = None,
) -> AsyncIterator[Catcher]:
    """Run aiosmtpd in this loop, with STARTTLS where a context is given and AUTH where a password is.

    `wrong` is what it says to a wrong password.
    """
    catcher = Catcher()

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == password.encode()
        # `handled` would mean that the answer has been sent: the client would wait for it in vain.
        return AuthResult(success=right, handled=False, auth_data=data, message=None if right else wrong)

    def connect() -> SMTP:
        server = SMTP(
            catcher,
            hostname="catcher.example",
            loop=asyncio.get_running_loop(),
            tls_context=None if from_first_byte else tls,
            authenticator=authenticate,
            auth_require_tls=login_needs_tls or not password,
        )
        catcher.servers.append(server)
        return server

    listener = await asyncio.get_running_loop().create_server(
        connect, "127.0.0.1", 0, ssl=tls if from_first_byte else None
    )
    catcher.port = listener.sockets[0].getsockname()[1]
    try:
        yield catcher
    finally:
        listener.close()
        catcher.cut_off()


@dataclass
class Misbehaving:
    """Speaks SMTP up to one moment, at which it hangs up, hangs, or says what it is told.

    The moments: greeting, EHLO, HELO, MAIL, RCPT, DATA (before 354), content (half way through), dot (before 250).
    `whole` is set once it has a message to its end.
    """

    moment: str
    act: str
    port: int = 0
    whole: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            self.ended.set()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._at("greeting", writer, "220 ready")
        while line := await reader.readline():
            command = line.split()[0].decode()
            await self._at(command, writer, "354 go on" if command == "DATA" else "250 OK")
            if command == "DATA":
                await reader.readline()
                if self.moment == "content":
                    await self._at("content", writer, "")
                await reader.readuntil(b"\r\n.\r\n")
                self.whole.set()
                await self._at("dot", writer, "250 OK")

    async def _at(self, moment: str, writer: asyncio.StreamWriter, usual: str) -> None:
        act = self.act if moment == self.moment else usual
        if act == DROP:
            raise ConnectionAbortedError
        if act == HANG:
            await self.over.wait()
            raise ConnectionAbortedError
        writer.write(act.encode() + b"\r\n")
        await writer.drain()


@asynccontextmanager
async def misbehaving(moment: str, act: str) -> AsyncIterator[Misbehaving]:
    """Run a server that does `act` at `moment`."""
    server = Misbehaving(moment, act)
    listener = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.over.set()
        listener.close()
        for writer in server.writers:
            writer.transport.abort()
        async with asyncio.timeout(60):
            await server.ended.wait()
