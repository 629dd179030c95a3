"""API keys: `Authorization: Bearer KEY`. Without any key set, only callers on this very machine are let in."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from starter.api.answers import ApiError

_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class Keys:
    """The keys that open the API; only their digests are kept."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Take the keys, none to let in whoever calls from this machine."""
        self._digests = [_digest(key) for key in keys]

    def let_in(self, headers: Headers) -> None:
        """Raise ApiError unless the request may be served."""
        if not self._digests:
            return _refuse_strangers(headers)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        digest = _digest(given.strip())
        # Each is compared, so that the time it takes says nothing about which is near.
        fits = [hmac.compare_digest(digest, each) for each in self._digests]
        if scheme.lower() != "bearer" or not any(fits):
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "unauthorized",
                "send an API key, as Authorization: Bearer KEY",
                {"WWW-Authenticate": "Bearer"},
            )
        return None


class KeyRequired:
    """Middleware: what stands behind it is reached with a key alone."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        """Stand before `app`."""
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that has a key."""
        self._keys.let_in(Headers(scope=scope))
        await self._app(scope, receive, send)


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()


def _refuse_strangers(headers: Headers) -> None:
    """Refuse what came from elsewhere: through a proxy on this machine, or from a web page whose name leads here."""
    host = headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name not in _OWN_NAMES or any(each in headers for each in _OF_PROXIES):
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            "no_keys",
            "no API key is set, so only programs on this machine are served; set PERDURE_API__KEYS",
        )
