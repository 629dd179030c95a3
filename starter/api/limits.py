"""What a request may take: bytes and seconds."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from starter.api.answers import ApiError, told

MOST_BYTES = 1024 * 1024
BODY_WITHIN = 10.0
"""Seconds until the whole body must be here; a slow one holds a place that others need."""

ANSWER_WITHIN = 60.0
"""Seconds until the answer; a list of a thousand events takes a few."""

_CLOSE = {"Connection": "close"}
"""What is left of the body is not waited for."""


class Limits:
    """Middleware: ends a request that takes too much."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request within its limits."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._app(scope, _Receiving(Headers(scope=scope), receive), sending)
        except TimeoutError:
            if not started:
                message = f"there is no answer within {ANSWER_WITHIN:.0f} s; nothing is lost by trying again"
                await told(ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "timeout", message, _CLOSE))(scope, receive, send)


class _Receiving:
    """Reads a body no larger, and no longer, than it may be."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        length = headers.get("content-length", "0")
        self._left = MOST_BYTES
        self._is_too_large = not length.isdecimal() or int(length[:20]) > MOST_BYTES
        self._receive, self._until, self._more = receive, asyncio.get_running_loop().time() + BODY_WITHIN, True

    async def __call__(self) -> Message:
        if not self._more:
            return await self._receive()
        if self._is_too_large:
            raise _too_large()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            told = f"the body must be here within {BODY_WITHIN:.0f} s"
            raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "slow_body", told, _CLOSE) from None
        self._left -= len(message.get("body", b""))
        self._more = message.get("more_body", False)
        if self._left < 0:
            raise _too_large()
        return message


def _too_large() -> ApiError:
    message = f"a body takes at most {MOST_BYTES} bytes; send less at a time"
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", message, _CLOSE)
