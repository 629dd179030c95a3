"""A mail server that delivers nothing: it keeps every e-mail as an `.eml` file. For `perdure up` and the demo."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.local.ports import LOOPBACK

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

SENDER = "Perdure <perdure@example.com>"


class MailCatcher:
    """Keeps what is sent, one file an e-mail, numbered in the order of arrival."""

    def __init__(self, folder: Path) -> None:
        """Keep the files in `folder`, beside those that are there."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = 0
        self.caught = 0
        self._number = sum(1 for _ in folder.glob("*.eml"))

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one e-mail."""
        self._number += 1
        name = re.sub(r"[^\w.@+-]", "_", envelope.rcpt_tos[0])[:80]
        (self.folder / f"{self._number:04}-{name}.eml").write_bytes(bytes(envelope.original_content or b""))
        self.caught += 1
        return "250 OK, caught"

    @property
    def environment(self) -> dict[str, str]:
        """The settings under which a worker sends to us."""
        return {
            "PERDURE_SMTP__HOST": LOOPBACK,
            "PERDURE_SMTP__PORT": str(self.port),
            "PERDURE_SMTP__START_TLS": "off",
            "PERDURE_SMTP__SENDER": SENDER,
        }


@asynccontextmanager
async def catching(folder: Path) -> AsyncIterator[MailCatcher]:
    """Catch e-mails in this process for a block, on a free port of the loopback address."""
    catcher = MailCatcher(folder)
    server = await asyncio.get_running_loop().create_server(_protocol(catcher), LOOPBACK, 0)
    catcher.port = server.sockets[0].getsockname()[1]
    try:
        yield catcher
    finally:
        server.close()


def _protocol(catcher: MailCatcher) -> Callable[[], Any]:
    from aiosmtpd.smtp import SMTP

    return lambda: SMTP(catcher, hostname="perdure.localhost", enable_SMTPUTF8=True)
