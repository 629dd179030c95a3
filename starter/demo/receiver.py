"""A web server on the loopback address that takes webhooks and keeps each as a file. It is busy at first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.ports import LOOPBACK

MOST_BYTES = 1024 * 1024
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Receiver:
    """Keeps what it is sent. `calls` counts the times it was called under each key, the first of all in vain."""

    def __init__(self, folder: Path) -> None:
        """Keep the files in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = 0
        self.calls: dict[str, int] = {}
        self.kept: dict[str, int] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def busy(self) -> int:
        """How many calls were turned away for a second."""
        return sum(self.calls.values()) - sum(self.kept.values())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request: the very first is told that we are busy, which says when to come again."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *lines = head.split("\r\n")[:-2]
            headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
            body = await reader.readexactly(min(int(headers.get("content-length", "0")), MOST_BYTES))
            writer.write(self._answer(line, headers, body))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()

    def _answer(self, line: str, headers: dict[str, str], body: bytes) -> bytes:
        key = headers.get("idempotency-key", "")
        is_first = not self.calls
        self.calls[key] = self.calls.get(key, 0) + 1
        if is_first:
            return _BUSY
        self.kept[key] = self.kept.get(key, 0) + 1
        told = {"request": line, "key": key, "body": json.loads(body or b"null")}
        file = self.folder / f"{sum(self.kept.values()):04}.json"
        file.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return _TAKEN


@asynccontextmanager
async def receiving(folder: Path, wanted: str) -> AsyncIterator[Receiver]:
    """Receive webhooks for a block, at the address wanted, or on another port where that is taken."""
    receiver = Receiver(folder)
    try:
        server = await asyncio.start_server(receiver.serve, LOOPBACK, urlsplit(wanted).port)
    except OSError:
        server = await asyncio.start_server(receiver.serve, LOOPBACK, 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
