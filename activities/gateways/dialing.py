"""The guard between flows and the network: a connection is made only to an address that was looked at.

A name is looked up once for each connection, every answer is judged, and one of those very answers is dialled; the
Host header and the server name of TLS stay the name. So a name that leads inside, now or a moment later, is not called.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterable, Sequence

import httpcore
import httpx

from activities.gateways.outbound import Judged, Resolver, addresses_of, judged
from workflows.model.address_ranges import Address
from workflows.model.web_addresses import NOTHING_ELSE, Allowed

CONNECT_SECONDS = 3.0
MOST_DIALLED = 3
"""Addresses of a host that are tried, one after the other."""

_log = logging.getLogger("perdure")


class Guard(httpcore.AsyncNetworkBackend):
    """A network that reaches public addresses, and what the operator has listed, and nothing else."""

    def __init__(
        self,
        allowed: Allowed = NOTHING_ELSE,
        resolve: Resolver = addresses_of,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """Ask `resolve` for addresses and dial by `network`; tests hand in their own."""
        self.allowed, self.resolve = allowed, resolve
        self.network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to one of a host's addresses; raise Blocked, and dial none, when any of them is refused."""
        options = None if socket_options is None else list(socket_options)
        try:
            async with asyncio.timeout(timeout):
                addresses = (await self._checked(host, port))[:MOST_DIALLED]
                for address in addresses[:-1]:
                    try:
                        share = None if timeout is None else timeout / len(addresses)
                        return await self.network.connect_tcp(str(address), port, share, local_address, options)
                    except (httpcore.ConnectError, httpcore.ConnectTimeout):
                        continue
                return await self.network.connect_tcp(str(addresses[-1]), port, None, local_address, options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} took no connection within {timeout} s") from error

    async def _checked(self, host: str, port: int) -> Sequence[Address]:
        try:
            found = await judged(host, port, self.allowed, self.resolve)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} has no address: {error}") from error
        for each in found:
            if each.refused is not None:
                raise each.refused
        _note_listed(host, found)
        return [each.address for each in found]

    async def sleep(self, seconds: float) -> None:
        """Wait between two tries."""
        await self.network.sleep(seconds)


def _note_listed(host: str, found: Iterable[Judged]) -> None:
    listed = ", ".join(str(each.address) for each in found if each.is_listed)
    if listed:
        _log.info("a flow calls %s (%s), which PERDURE_OUTBOUND__ALLOW lists", host, listed)


def guarded_transport(
    allowed: Allowed = NOTHING_ELSE,
    *,
    resolve: Resolver = addresses_of,
    network: httpcore.AsyncNetworkBackend | None = None,
    context: ssl.SSLContext | None = None,
) -> httpx.AsyncHTTPTransport:
    """Give a transport that connects through the guard, whatever proxies the environment names."""
    context = context or httpx.create_ssl_context(trust_env=False)
    transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
    # httpx takes no network of ours. Were the pool kept elsewhere one day, reading it here would fail, and loudly.
    if not isinstance(transport._pool, httpcore.AsyncConnectionPool):  # noqa: SLF001 - see above
        raise TypeError(transport)
    pool = httpcore.AsyncConnectionPool(
        ssl_context=context,
        max_connections=None,  # whoever calls has a limit of its own; a slow host must not keep the others waiting
        max_keepalive_connections=20,
        keepalive_expiry=5.0,
        network_backend=Guard(allowed, resolve, network),
    )
    transport._pool = pool  # noqa: SLF001 - see above
    return transport
