"""Takes every e-mail and every request, as cheaply as can be, and keeps none: a process apart, whose cost is nobody's.

Run as `python -m tests.bench.sink`; it prints the ports of its SMTP and its HTTP side, and ends with its input.
"""

from __future__ import annotations

import asyncio
import os
import re

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Mail(asyncio.Protocol):
    """As much of an SMTP server as takes an e-mail."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.in_data = transport, b"", False
        self._say(b"220 sink ESMTP")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, end, rest = self.buffer.partition(b"\r\n.\r\n" if self.in_data else b"\r\n")
            if not end:
                return
            self.buffer = rest
            if self.in_data:
                self.in_data = False
                self._say(b"250 OK")
            else:
                self._obey(head[:4].upper())

    def _obey(self, command: bytes) -> None:
        if command == b"DATA":
            self.in_data = True
            self._say(b"354 go on")
        elif command == b"QUIT":
            self._say(b"221 bye")
            self.transport.close()
        else:
            self._say(b"250 OK")

    def _say(self, line: bytes) -> None:
        self.transport.write(line + b"\r\n")


class Web(asyncio.Protocol):
    """As much of a web server as answers a POST."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if not end or len(rest) < length:
                return
            self.buffer = rest[length:]
            self.transport.write(_ANSWER)


async def main() -> None:
    """Serve until standard input is closed."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(protocol, "127.0.0.1", 0) for protocol in (Mail, Web)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await loop.run_in_executor(None, os.read, 0, 1)


if __name__ == "__main__":
    asyncio.run(main())
