"""Health, for whoever runs the server: `/healthz` answers while it lives, `/readyz` while it can do its work."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from starter.api.answers import answer
from starter.api.desk import desk_of

READY_WITHIN = 2.0
"""Seconds that the database has to answer; who asks does so every few."""


async def alive(_request: Request) -> Response:
    """Answer, for as long as anything does."""
    return answer({"status": "ok"})


async def ready(request: Request) -> Response:
    """Answer once the database does, and has the schema; with 503 otherwise."""
    await desk_of(request).client.pool.fetchval("select 1 from flow limit 1", timeout=READY_WITHIN)
    return answer({"status": "ok"})


ROUTES = [Route("/healthz", alive), Route("/readyz", ready)]
