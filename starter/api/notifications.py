"""`/v1/users/USER/...`: the notification centre of a user, and the devices that notifications are pushed to."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from starter.api.answers import answer
from starter.api.bodies import Body, read, read_query
from starter.api.desk import desk_of
from starter.crm import notifications
from workflows.model.errors import NotThere
from workflows.model.web_addresses import MOST_CHARACTERS, read_public

_HIGHEST_ID = 2**63 - 1


def _https(text: str) -> str:
    if read_public(text).scheme != "https":
        raise ValueError("an endpoint begins with https://")
    return text


class Asked(Body):
    """Which notifications are asked for: the newest, unread or all, and older than one of them."""

    unread: bool = False
    before: int | None = Field(None, ge=1, le=_HIGHEST_ID)
    limit: int = Field(100, ge=1, le=1_000)


class SubscriptionKeys(Body):
    """The keys of a subscription, as 65 and 16 bytes in base64url."""

    p256dh: str = Field(pattern=r"^B[A-Za-z0-9_-]{86}=?$")
    auth: str = Field(pattern=r"^[A-Za-z0-9_-]{22}(==)?$")


class Subscribing(Body):
    """A subscription as `PushSubscription.toJSON()` of a browser gives it."""

    endpoint: Annotated[str, Field(max_length=MOST_CHARACTERS), AfterValidator(_https)]
    keys: SubscriptionKeys
    expirationTime: float | None = None  # noqa: N815 - the browser's word; what has expired tells by 410


_SUBSCRIBING = TypeAdapter(Subscribing)


async def page(request: Request) -> Response:
    """Give the notifications of a user, the newest first, and how many are unread."""
    asked, pool = read_query(request, Asked), desk_of(request).client.pool
    user = request.path_params["user"]
    found = await notifications.notifications(pool, user, read=not asked.unread, before=asked.before, limit=asked.limit)
    return answer(found)


async def mark_read(request: Request) -> Response:
    """Take it that a user has read a notification."""
    id_ = _id(request)
    read_at = await notifications.mark_read(desk_of(request).client.pool, request.path_params["user"], id_)
    return answer({"id": id_, "read_at": read_at})


async def mark_all_read(request: Request) -> Response:
    """Take it that a user has read all notifications."""
    number = await notifications.mark_all_read(desk_of(request).client.pool, request.path_params["user"])
    return answer({"read": number})


async def register(request: Request) -> Response:
    """Push to a device of a user from now on."""
    said, user = await read(request, _SUBSCRIBING), request.path_params["user"]
    given = said.endpoint, said.keys.p256dh, said.keys.auth
    return answer({"id": await notifications.register(desk_of(request).client.pool, user, *given)}, HTTPStatus.CREATED)


async def devices(request: Request) -> Response:
    """Give the devices of a user, and how pushing to them fares."""
    return answer({"devices": await notifications.devices(desk_of(request).client.pool, request.path_params["user"])})


async def unregister(request: Request) -> Response:
    """Push to a device no more."""
    await notifications.unregister(desk_of(request).client.pool, request.path_params["user"], _id(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _id(request: Request) -> int:
    text: str = request.path_params["id"]
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= _HIGHEST_ID):
        raise NotThere(f"{text[:80]!r} is the id of nothing")
    return int(text)


ROUTES = [
    Route("/users/{user}/notifications", page),
    Route("/users/{user}/notifications/read", mark_all_read, methods=["POST"]),
    Route("/users/{user}/notifications/{id}/read", mark_read, methods=["POST"]),
    Route("/users/{user}/devices", devices),
    Route("/users/{user}/devices", register, methods=["POST"]),
    Route("/users/{user}/devices/{id}", unregister, methods=["DELETE"]),
]
