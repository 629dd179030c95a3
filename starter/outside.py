"""The world outside, as the settings name it: opened once for a whole worker, and closed at its end."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from activities.effects import Outside
from activities.links import NoLinks, SignedLinks
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from activities.effects import Links, OutsideCrm, Secrets
    from activities.gateways.http import WebGateway
    from starter.settings import Settings


@asynccontextmanager
async def outside(settings: Settings) -> AsyncIterator[Outside]:
    """Open the gateways for a block; raise CallerError where a setting leads nowhere."""
    from activities.gateways.smtp import NoMailServer, SmtpMailer

    crm = outside_crm(settings)
    mailer, http = SmtpMailer(settings.smtp) if settings.smtp else NoMailServer(), web(settings)
    try:
        yield Outside(mail=mailer, http=http, secrets=secrets(settings), links=signed_links(settings), crm=crm)
    finally:
        await mailer.close()
        await http.close()


def signed_links(settings: Settings) -> Links:
    """Give what makes the links in e-mail; none are made where the public URL or the signing key is not set."""
    if settings.public_url is None or settings.signing_key is None:
        return NoLinks()
    return SignedLinks(settings.public_url, settings.signing_key.get_secret_value())


def web(settings: Settings) -> WebGateway:
    """Give what speaks HTTP for flows, to the public internet and to what the operator lists."""
    from activities.gateways.http import WebGateway

    return WebGateway(settings.outbound.allowed, ca_file=settings.outbound.ca_file)


def outside_crm(settings: Settings) -> OutsideCrm | None:
    """Give the CRM where it is not in our database; raise CallerError where its gateway cannot be made."""
    if settings.crm is None:
        return None
    module, _, function = settings.crm.partition(":")
    try:
        crm: OutsideCrm = getattr(importlib.import_module(module), function)()
    except Exception as error:
        message = f"PERDURE_CRM: {settings.crm} makes no gateway ({type(error).__name__}: {error})"
        raise CallerError(message) from error
    return crm


def secrets(settings: Settings) -> Secrets:
    """Give the secrets that flows may name."""
    from activities.gateways.named_secrets import NamedSecrets
    from starter.settings import named_secrets

    return NamedSecrets(named_secrets(), settings.secrets_folder)
