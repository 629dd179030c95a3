"""Connections of callers: one on which nobody finishes asking is closed."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN = 10.0
"""Seconds until the head of a request must be here, give or take as many: each connection holds one of few places."""


class Connection(H11Protocol):
    """A connection that is looked at now and then; the server by itself waits for a head without end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and begin to look."""
        super().connection_made(transport)
        self._watch = self.loop.call_later(HEAD_WITHIN, self._look, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        self._watch.cancel()
        super().connection_lost(exc)

    def _look(self, last: object) -> None:
        """Close where no request has come since the last look, and none is being answered."""
        is_answered = getattr(self.cycle, "response_complete", True)  # there is none before the first request
        if self.cycle is last and is_answered:
            self.transport.close()
        else:
            self._watch = self.loop.call_later(HEAD_WITHIN, self._look, self.cycle)
