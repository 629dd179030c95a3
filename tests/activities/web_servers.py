"""Web servers on loopback that answer as they are told, or misbehave, and keep what they were asked."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MIB = 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """A request as it came: its first line, its headers by their names in small letters, and its body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Gives each request the next of its answers, the last one from then on."""

    answers: list[Talk]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.asked.append(await _read(reader))
                await (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8")
    line, *lines = head.split("\r\n")[:-2]
    headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
    return Asked(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def answering(*answers: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run a server for a block."""
    server = Server(list(answers))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def raw(data: bytes) -> Talk:
    """Answer with these very bytes."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return talk


def status(code: int, body: bytes = b"", **headers: str) -> Talk:
    """Answer with a status, headers (`retry_after` for Retry-After) and a body."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *lines])
    return raw(f"{head}\r\n\r\n".encode() + body)


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hang up once the request is there."""
    writer.transport.abort()


def then_reset(data: bytes) -> Talk:
    """Begin an answer, and hang up."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        raise ConnectionError

    return talk


async def stall(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take the request, and never answer."""
    await reader.read()


def drip(head: bytes, pause: float) -> Talk:
    """Answer, and then send a byte at a time."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.transport.is_closing():
            writer.write(b"x")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), pause)

    return talk


def bomb(size: int, *, header: str = "gzip") -> Talk:
    """Answer with so many zeros as gzip, a thousandth of their length, and without an end."""
    press = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    begin, block = press.compress(b""), press.compress(bytes(MIB)) + press.flush(zlib.Z_FULL_FLUSH)
    again = press.compress(bytes(MIB)) + press.flush(zlib.Z_FULL_FLUSH)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {header}\r\nConnection: close\r\n\r\n"
    return raw(head.encode() + begin + block + again * (size // MIB - 1))


def zipped(body: bytes) -> Talk:
    """Answer with a body as gzip."""
    return status(200, gzip.compress(body), Content_Encoding="gzip")
