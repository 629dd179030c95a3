"""Trying what leads outside: would a URL be called, and what is known of a telephone number? Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from activities.gateways import phone_numbers
from activities.gateways.outbound import Judged, Resolver, addresses_of, judged
from activities.gateways.phone_numbers import NotANumber, PhoneNumber
from workflows.model.errors import CallerError, ProviderError
from workflows.model.web_addresses import Allowed, Blocked, read


@dataclass(frozen=True)
class Answer:
    """An address of a host, and what speaks for or against it."""

    address: str
    is_refused: bool
    why: str


@dataclass(frozen=True)
class TriedUrl:
    """What the guard says of a URL: how it reads, and each address of its host. `kind` says why it is refused."""

    url: str
    scheme: str = ""
    host: str = ""
    port: int = 0
    target: str = ""
    addresses: Sequence[Answer] = ()
    is_allowed: bool = False
    kind: str = ""
    why: str = ""


async def url(text: str, allowed: Allowed, resolve: Resolver = addresses_of) -> TriedUrl:
    """Judge a URL as the guard would when it connects. Raise ProviderError when its host has no address."""
    try:
        found = read(text)
    except Blocked as error:
        return TriedUrl(text, kind=error.kind, why=str(error))
    parts = (str(found), found.scheme, found.host, found.port, found.target)
    try:
        each = await judged(found.host, found.port, allowed, resolve)
    except Blocked as error:
        return TriedUrl(*parts, kind=error.kind, why=str(error))
    except OSError as error:
        raise ProviderError(f"{found.host} has no address ({error.strerror or error}); is it spelt right?") from None
    answers = [Answer(str(one.address), one.refused is not None, _why(one)) for one in each]
    refused = next((one.refused for one in each if one.refused), None)
    if refused is None:
        return TriedUrl(*parts, answers, is_allowed=True)
    return TriedUrl(*parts, answers, kind=refused.kind, why=str(refused))


def _why(one: Judged) -> str:
    if one.refused is not None:
        return one.refused.kind
    return "listed in PERDURE_OUTBOUND__ALLOW" if one.is_listed else "public"


def phone(text: str, country: str | None) -> PhoneNumber:
    """Read a telephone number. Raise CallerError when it is none."""
    try:
        return phone_numbers.read(text, country and country.upper())
    except NotANumber as error:
        raise CallerError(str(error)) from None
