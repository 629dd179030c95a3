"""What carries the requests of Twilio's SDK: its own client would log numbers, and follow the environment's proxies."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from twilio.http.response import Response

CONNECT_SECONDS = 5.0
SECONDS = 30.0
"""Until the whole answer is there."""

_TIMES = httpx.Timeout(SECONDS, connect=CONNECT_SECONDS).as_dict()


class HttpxTwilio:
    """An HTTP client as the SDK wants one, straight on a pool of connections. Close it when done.

    A client of httpx above it would log each URL, in which a number stands where messages are looked up.
    """

    is_async = True

    def __init__(self, base_url: str | None) -> None:
        """Send all that is for Twilio to `base_url` where it is given."""
        self._base = urlsplit(base_url)[:2] if base_url else None
        self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=20))

    async def request(  # noqa: PLR0913, PLR0917 - as the SDK calls it
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - see above
    ) -> Response:
        """Send one request, following nobody."""
        del timeout, allow_redirects
        url = urlunsplit((*self._base, *urlsplit(uri)[2:])) if self._base else uri
        request = httpx.Request(
            method,
            url,
            params={name: value for name, value in (params or {}).items() if value is not None} or None,
            data=data,
            headers={**(headers or {}), **_basic(auth)},
            extensions={"timeout": _TIMES},
        )
        async with asyncio.timeout(SECONDS):
            answer = await self._transport.handle_async_request(request)
            try:
                body = await answer.aread()
            finally:
                await answer.aclose()
        return Response(answer.status_code, body.decode(errors="replace"), answer.headers)

    async def close(self) -> None:
        """Close the idle connections."""
        await self._transport.aclose()


def _basic(auth: tuple[str, str] | None) -> dict[str, str]:
    if auth is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(':'.join(auth).encode()).decode()}"}
