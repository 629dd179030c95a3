"""HTTP to addresses that strangers may have written, and the secrets that such requests need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol


@dataclass(frozen=True)
class Request:
    """An HTTP request, ready to send. What is in it may be secret: it is never shown."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout: timedelta = timedelta(seconds=30)


@dataclass(frozen=True)
class Response:
    """What came back, whatever its status; header names are in small letters.

    `whole` is false where the answer went past a limit, or broke off after a status that says enough without it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True


class Http(Protocol):
    """Speaks HTTP to addresses that strangers may have written."""

    async def send(self, request: Request) -> Response:
        """Send one request, following no redirect.

        Raise Refused where the address may not be reached, Retryable where surely nothing was taken, and Ambiguous
        where nobody can tell.
        """


class Secrets(Protocol):
    """What must not stand in a flow, by the name that stands there instead."""

    def get(self, name: str) -> str:
        """Give a secret; raise Refused when there is none of this name."""
