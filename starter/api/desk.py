"""What the endpoints work with."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from activities.links import SignedLinks
from starter.client import Client
from starter.settings import Settings


@dataclass(frozen=True)
class Desk:
    """The client, the links that were signed here (None where none are), and the settings."""

    client: Client
    links: SignedLinks | None
    settings: Settings


def desk_of(request: Request) -> Desk:
    """Give what the application was made with."""
    desk: Desk = request.app.state.desk
    return desk
