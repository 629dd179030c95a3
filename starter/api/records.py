"""`/v1/records`: all that is known of a record."""

from __future__ import annotations

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from starter.api.answers import answer
from starter.api.bodies import Body, read_query
from starter.api.desk import desk_of


class Asked(Body):
    """How much of a record is asked for."""

    history: int = Field(100, ge=0, le=1_000)


async def page(request: Request) -> Response:
    """Give what a record is, was and belongs to."""
    asked = read_query(request, Asked)
    name = f"{request.path_params['type']}:{request.path_params['id']}"
    return answer(await desk_of(request).client.record(name, asked.history))


ROUTES = [Route("/records/{type}/{id}", page)]
