"""Speaks HTTP to addresses that strangers may have written: through the guard, within limits, following nobody.

What a request came to is told apart: refused before a packet was sent, surely not taken, or unknown.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activities.action import Ambiguous, Refused, Retryable
from activities.effects import Http, Request, Response
from activities.gateways.outbound import Resolver, addresses_of
from workflows.model.web_addresses import NOTHING_ELSE, Allowed, Blocked, WebAddress, read_public

if TYPE_CHECKING:
    import httpx

BODY_BYTES = 1024 * 1024
"""The most of a body that is taken, after it is inflated."""

RAW_BYTES = 2 * BODY_BYTES
"""The most that is read of one, as it comes: gzip makes hardly anything longer."""

MOST_HEADERS = 100

_HEADERS = {"User-Agent": "Perdure", "Accept": "*/*", "Accept-Encoding": "gzip"}
_BEGINS = "send_request_headers.started"
_GZIP = 16 + zlib.MAX_WBITS


class WebGateway(Http):
    """One pool of connections for a worker. Close it when done.

    Requests go to the guarded transport itself. A client above it would keep the cookies of one receiver's answer for
    the next flow's request, and log each URL, in which a key may stand.
    """

    def __init__(
        self,
        allowed: Allowed = NOTHING_ELSE,
        *,
        resolve: Resolver = addresses_of,
        ca_file: Path | None = None,
    ) -> None:
        """Take what the operator lists and trusts; nothing is loaded or opened before the first request."""
        self._allowed, self._resolve, self._ca_file = allowed, resolve, ca_file
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def send(self, request: Request) -> Response:
        """See Http."""
        import httpx

        exchange = _Exchange()
        try:
            wire = _on_the_wire(request, self._permitted(request.url), exchange)
            async with asyncio.timeout(request.timeout.total_seconds()):
                return await exchange.run(self._opened(), wire)
        except Blocked as blocked:
            raise Refused(f"url_blocked: {blocked.kind}", str(blocked)) from None
        except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError) as error:
            raise Refused("invalid_request", type(error).__name__) from None
        except (httpx.TransportError, TimeoutError, OSError) as error:
            if exchange.answer is not None:
                return exchange.answer
            raise _judged(error, begun=exchange.begun) from None

    async def close(self) -> None:
        """Close the idle connections."""
        if self._transport is not None:
            await self._transport.aclose()

    def _permitted(self, text: str) -> WebAddress:
        """Read a URL; plain HTTP is spoken to hosts that the operator lists."""
        url = read_public(text, self._allowed)
        if url.scheme != "https" and not self._allowed.has(url.host, url.address):
            raise Blocked("not https", "a URL begins with https://; http:// is for hosts that the operator lists")
        return url

    def _opened(self) -> httpx.AsyncHTTPTransport:
        import httpx

        from activities.gateways.dialing import guarded_transport

        if self._transport is None:
            for name in ("httpx", "httpcore"):  # at `debug` they would log the headers, and so the secrets
                logging.getLogger(name).setLevel(logging.WARNING)
            context = httpx.create_ssl_context(trust_env=False)
            if self._ca_file is not None:
                context.load_verify_locations(self._ca_file)
            self._transport = guarded_transport(self._allowed, resolve=self._resolve, context=context)
        return self._transport


def _on_the_wire(request: Request, url: WebAddress, exchange: _Exchange) -> httpx.Request:
    import httpx

    from activities.gateways.dialing import CONNECT_SECONDS

    seconds = request.timeout.total_seconds()
    extensions: dict[str, Any] = {
        "timeout": httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)).as_dict(),
        "target": url.target.encode(),  # byte for byte what was signed
        "trace": exchange.trace,
    }
    given = {name.lower() for name in request.headers}
    ours = {name: value for name, value in _HEADERS.items() if name.lower() not in given}
    headers = [(name.encode(), value.encode()) for name, value in {**ours, **request.headers}.items()]
    return httpx.Request(request.method, str(url), headers=headers, content=request.body, extensions=extensions)


@dataclass
class _Exchange:
    """One request on its way, and how far it came: `answer` is set where the status alone says enough."""

    begun: bool = False
    answer: Response | None = None

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        self.begun = self.begun or event.endswith(_BEGINS)

    async def run(self, transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> Response:
        response = await transport.handle_async_request(request)
        try:
            if len(response.headers.raw) > MOST_HEADERS:
                return Response(response.status_code, whole=False)
            headers = {name: ", ".join(response.headers.get_list(name)) for name in response.headers}
            if not response.is_success:
                self.answer = Response(response.status_code, headers, whole=False)
            body, whole = await _body(response.stream, headers.get("content-encoding", ""))  # type: ignore[arg-type]
            return Response(response.status_code, headers, body, whole=whole)
        finally:
            await response.aclose()


async def _body(stream: AsyncIterator[bytes], encoding: str) -> tuple[bytes, bool]:
    """Read a body as far as it may go, and tell whether that is all.

    One in a coding that was not asked for is left as it comes; one that is no gzip after all counts as empty.
    """
    inflater = zlib.decompressobj(_GZIP) if encoding.strip().lower() in ("gzip", "x-gzip") else None
    body, raw = bytearray(), 0
    async for chunk in stream:
        raw += len(chunk)
        room = BODY_BYTES - len(body)
        try:
            body += inflater.decompress(chunk, room + 1) if inflater else chunk
        except zlib.error:
            return b"", True
        if len(body) > BODY_BYTES or raw > RAW_BYTES:
            return bytes(body[:BODY_BYTES]), False
    return bytes(body), True


def _judged(error: Exception, *, begun: bool) -> Retryable | Ambiguous:
    """Say what became of a request that was not answered. Nothing of the URL stands in it."""
    import httpx

    is_late = isinstance(error, TimeoutError | httpx.TimeoutException)
    what = type(error).__name__
    if begun:
        return Ambiguous("no_answer" if is_late else "connection_lost", what)
    if is_late:
        return Retryable("connect_timeout", what)
    return Retryable("tls_failed" if _is_tls(error) else "no_connection", what)


def _is_tls(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None
