"""The links to unsubscribe that end our e-mail: a page with a button, and the one click of RFC 8058.

Only a POST unsubscribes. Mail scanners and previews open every link, by GET and HEAD, and must change nothing. Any
POST will do, whatever its body: the link carries the signature, and a mailbox that words it oddly means the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from http import HTTPStatus
from urllib.parse import parse_qsl

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from activities.links import UNSUBSCRIBE, Unsubscribing
from starter.api.desk import Desk, desk_of
from starter.client import Client
from starter.crm.consent import has_opted_out
from starter.events import Receipt
from workflows.model.errors import CallerError, NotThere
from workflows.model.records import RecordRef

EVENT, SOURCE = "unsubscribed", "unsubscribe-link"

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots"
content="noindex"><title>{title}</title>
<body style="font:1.1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:15vh auto;padding:0 1rem">
<h1 style="font-size:1.4rem">{title}</h1>
{body}
</html>
"""

_BUTTON = """<form method="post"><input type="hidden" name="{field}" value="{value}">
<button style="font:inherit;padding:.5rem 1.5rem">{label}</button></form>"""
_ONE_CLICK, _EVERYTHING = ("List-Unsubscribe", "One-Click"), ("scope", "all")
_THIS = _BUTTON.format(field=_ONE_CLICK[0], value=_ONE_CLICK[1], label="Unsubscribe")
_ALL = _BUTTON.format(field=_EVERYTHING[0], value=_EVERYTHING[1], label="Unsubscribe from all e-mail")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",  # the address is the key to somebody's e-mail
    "X-Robots-Tag": "noindex",
}


async def take_unsubscribe(client: Client, contact: RecordRef, key: str, subscription: str = "") -> Receipt | None:
    """Take it that a contact wants no more e-mail of a subscription, or none at all where that is empty.

    The e-mail that was sent under the effect key `key` offered it. The event is the opt-out: it holds from the moment
    that it is there. Give None where the contact is gone, and so gets none.
    """
    said: dict[str, JsonValue] = {"message_id": key, **({"subscription": subscription} if subscription else {})}
    once = f"{key}/{subscription} {contact}"
    try:
        receipt = await client.publish_event(EVENT, contact, said, source=SOURCE, id=once)
        if not receipt.new and not await has_opted_out(client.pool, contact.id, subscription):
            # It has signed up again since, and now uses the same link once more.
            receipt = await client.publish_event(EVENT, contact, said, source=SOURCE)
    except NotThere:
        return None
    return receipt


async def show(request: Request) -> Response:
    """Show the page with its button."""
    return await _of_link(request, _shown)


async def take(request: Request) -> Response:
    """Unsubscribe, at once."""
    return await _of_link(request, _taken)


async def _shown(desk: Desk, said: Unsubscribing, _request: Request) -> Response:
    name = await _name_of(desk, said.subscription)
    if name is None:
        return _page("Unsubscribe?", f"<p>We will send you no more e-mail.</p>\n{_THIS}")
    return _page(
        "Unsubscribe?", f"<p>We will send you no more e-mail of this kind: {escape(name)}.</p>\n{_THIS}\n{_ALL}"
    )


async def _taken(desk: Desk, said: Unsubscribing, request: Request) -> Response:
    subscription = said.subscription if await _name_of(desk, said.subscription) else ""
    if _EVERYTHING in parse_qsl((await request.body()).decode("latin-1")):
        subscription = ""
    await take_unsubscribe(desk.client, said.contact, said.key, subscription)
    return _page("You are unsubscribed", "<p>You may close this page.</p>")


async def _name_of(desk: Desk, subscription: str) -> str | None:
    """Name a subscription of e-mail; of one that nobody knows any more, all e-mail is ended."""
    query = "select name from subscription where key = $1 and channel = 'email'"
    name: str | None = await desk.client.pool.fetchval(query, subscription)
    return name


async def _of_link(request: Request, then: Callable[[Desk, Unsubscribing, Request], Awaitable[Response]]) -> Response:
    desk = desk_of(request)
    try:
        if desk.links is None:
            raise CallerError("no links are signed here")
        said = desk.links.unsubscribing(request.path_params["token"])
    except CallerError:
        cut = "<p>It was cut, or it is not from us. Please use the whole link of the e-mail.</p>"
        return _page("This link does not work", cut, HTTPStatus.FORBIDDEN)
    return await then(desk, said, request)


def _page(title: str, body: str, status: int = HTTPStatus.OK) -> Response:
    return HTMLResponse(_PAGE.format(title=title, body=body), status, _HEADERS)


_PATH = f"/{UNSUBSCRIBE}/{{token}}"
ROUTES = [Route(_PATH, show), Route(_PATH, take, methods=["POST"])]
