"""Serving the API: the address it is bound to, and its start and end."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from activities.links import SignedLinks
from starter import compose, outside
from starter.api.application import application
from starter.api.connections import Connection
from starter.api.desk import Desk
from starter.api.keys import Keys
from starter.api.settings import ApiSettings
from starter.interrupts import interrupts
from starter.settings import Settings
from workflows.model.errors import CallerError

CONNECTIONS = 10
"""To the database. Each request is one short transaction or two."""

MOST_AT_ONCE = 500
"""Connections of callers; more are turned away with 503."""

STOP_WITHIN = 15
"""Seconds that the requests under way have when the server is told to stop."""

_NO_KEY = "and no key is set. Set PERDURE_API__KEYS or PERDURE_API__KEYS_FILE, so that not everybody is served."
_LOG = logging.getLogger("perdure.api")


class _Server(uvicorn.Server):
    """A server that is stopped by whoever runs it: signals are theirs."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM; the requests under way are answered first.

    Raise CallerError where the address is taken, or open to the network without a key.
    """
    with interrupts() as stop:
        async with serving(settings) as address:
            _LOG.info("the API is ready at %s", address)
            await stop.wait()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Serve for a block, which is given the address. Raise as `serve` does, and as `compose.client`."""
    keys = _keys(settings)
    with _bound(settings.api) as bound:
        async with compose.client(settings, size=CONNECTIONS) as client:
            links = outside.signed_links(settings)
            desk = Desk(client, links if isinstance(links, SignedLinks) else None, settings)
            async with _running(_Server(_config(desk, keys)), bound):
                yield f"http://{_shown(bound)}"


def _config(desk: Desk, keys: Keys) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True  # it tells whole paths, and whose
    return uvicorn.Config(
        application(desk, keys),
        access_log=False,
        http=Connection,
        lifespan="off",
        limit_concurrency=MOST_AT_ONCE,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN,
        ws="none",
        headers=[("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store")],
    )


@asynccontextmanager
async def _running(server: uvicorn.Server, bound: socket.socket) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve([bound]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _keys(settings: Settings) -> Keys:
    keys = settings.api.all_keys()
    if not keys and not settings.api.host.is_loopback:
        raise CallerError(f"PERDURE_API__HOST: {settings.api.host} is reached from other machines, {_NO_KEY}")
    if not keys and (settings.public_url or "").startswith("https:"):
        # The proxy that leads here may be of this machine, and need not say for whom it calls.
        raise CallerError(f"PERDURE_PUBLIC_URL: {settings.public_url} leads here from outside, {_NO_KEY}")
    return Keys(keys)


@contextmanager
def _bound(api: ApiSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if api.host.version == 6 else socket.AF_INET  # noqa: PLR2004 - as in IPv6
    try:
        made = socket.create_server((str(api.host), api.port), family=family, backlog=1024)
    except OSError as error:
        message = f"{api.host} port {api.port} cannot be listened on ({error.strerror}). Set another PERDURE_API__PORT."
        raise CallerError(message) from None
    with made:
        yield made


def _shown(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
