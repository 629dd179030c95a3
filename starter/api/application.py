"""The application: all routes, and what stands before them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Router

from starter.api import enrollments, events, health, notifications, records, twilio, unsubscribing
from starter.api.access_log import AccessLog
from starter.api.answers import HANDLERS
from starter.api.desk import Desk
from starter.api.keys import KeyRequired, Keys
from starter.api.limits import Limits

BEHIND_A_KEY = (*events.ROUTES, *enrollments.ROUTES, *records.ROUTES, *notifications.ROUTES)
"""What programs of ours call, below `/v1`."""

OPEN = (*health.ROUTES, *unsubscribing.ROUTES, *twilio.ROUTES)
"""What strangers call: each checks a signature of its own, or tells and does nothing."""


def routes(keys: Keys) -> Sequence[BaseRoute]:
    """Give every route."""
    behind = Router(BEHIND_A_KEY, redirect_slashes=False)
    return (*OPEN, Mount("/v1", behind, middleware=[Middleware(KeyRequired, keys=keys)]))


def application(desk: Desk, keys: Keys) -> Starlette:
    """Make the application."""
    app = Starlette(
        routes=routes(keys), middleware=[Middleware(AccessLog), Middleware(Limits)], exception_handlers=HANDLERS
    )
    app.router.redirect_slashes = False
    app.state.desk = desk
    return app
