"""`/v1/events`: what happened to records, as a CRM tells it."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import Field, JsonValue, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from starter.api.answers import answer, as_api_error, mistake
from starter.api.bodies import Body, is_list, read
from starter.api.desk import desk_of
from starter.client import Client
from starter.events import Receipt
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

MOST_EVENTS = 1_000


class NewEvent(Body):
    """Something that happened to a record. Under its `id` it is taken once, so it may be sent again after a failure."""

    id: str
    type: str
    record: RecordRef
    properties: dict[str, JsonValue] = Field(default_factory=dict)
    source: str = "api"
    occurred_at: datetime | None = None


_Many = Annotated[list[NewEvent], Field(min_length=1, max_length=MOST_EVENTS)]
_ONE, _MANY = TypeAdapter(NewEvent), TypeAdapter[list[NewEvent]](_Many)


async def publish(request: Request) -> Response:
    """Take an event, or a list of them in their order; of a list each is answered for itself."""
    client = desk_of(request).client
    if await is_list(request):
        return answer({"results": [await _result(client, each) for each in await read(request, _MANY)]})
    receipt = await _take(client, await read(request, _ONE))
    return answer(receipt, HTTPStatus.CREATED if receipt.new else HTTPStatus.OK)


async def _take(client: Client, event: NewEvent) -> Receipt:
    return await client.publish_event(
        event.type, event.record, event.properties, source=event.source, id=event.id, occurred_at=event.occurred_at
    )


async def _result(client: Client, event: NewEvent) -> object:
    try:
        return await _take(client, event)
    except CallerError as error:
        told = as_api_error(error)
        return mistake(told.code, str(told))


ROUTES = [Route("/events", publish, methods=["POST"])]
