"""The access log: what was asked for and how it went, with nothing personal in it."""

from __future__ import annotations

import asyncio
import logging

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger("perdure.api.access")


class AccessLog:
    """Middleware: a line for each request. Ids, tokens, queries and addresses of callers stay out: paths are told as
    the routes are written.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and log it."""
        loop, status = asyncio.get_running_loop(), 0
        began = loop.time()

        async def sending(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            status = 500  # answered further out
            raise
        finally:
            took = (loop.time() - began) * 1000
            _LOG.info("%s %s %d %.0f ms", scope["method"], _pattern(scope), status, took)


def _pattern(scope: Scope) -> str:
    route = scope.get("route")
    return f"{scope.get('root_path', '')}{route.path}" if isinstance(route, Route) else "(no such path)"
