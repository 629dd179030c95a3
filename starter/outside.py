"""The world outside, as the settings name it: opened once for a whole worker, and closed at its end."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from activities.effects import Outside
from activities.links import NoLinks, SignedLinks
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    import asyncpg

    from activities.effects import Http, Links, OutsideCrm, Push, Secrets
    from activities.gateways.http import WebGateway
    from activities.gateways.push_keys import PushKeys
    from activities.gateways.twilio_sms import TwilioSms
    from starter.settings import Settings


@asynccontextmanager
async def outside(settings: Settings, pool: asyncpg.Pool[Any]) -> AsyncIterator[Outside]:
    """Open the gateways for a block; raise CallerError where a setting leads nowhere.

    `pool` is that of our database, where it is written down what is texted, and which devices are pushed to.
    """
    from activities.gateways.smtp import NoMailServer, SmtpMailer

    crm, sms = outside_crm(settings), texts(settings, pool)
    mailer, http = SmtpMailer(settings.smtp) if settings.smtp else NoMailServer(), web(settings)
    try:
        yield Outside(
            mail=mailer,
            http=http,
            secrets=secrets(settings),
            links=signed_links(settings),
            sms=sms,
            push=pushing(settings, http, pool),
            crm=crm,
        )
    finally:
        await mailer.close()
        await http.close()
        if sms is not None:
            await sms.close()


def texts(settings: Settings, pool: asyncpg.Pool[Any]) -> TwilioSms | None:
    """Give what sends text messages; None where no account is set."""
    if settings.twilio is None:
        return None
    from activities.gateways.text_log import TextLog
    from activities.gateways.twilio_sms import TwilioSms

    return TwilioSms(settings.twilio, TextLog(pool), settings.public_url)


def pushing(settings: Settings, http: Http, pool: asyncpg.Pool[Any]) -> Push | None:
    """Give what pushes to devices; None where no keys are set."""
    if settings.push is None:
        return None
    from activities.gateways.postgres_inbox import Devices
    from activities.gateways.web_push import WebPush

    return WebPush(settings.push, http, Devices(pool))


def new_push_keys() -> PushKeys:
    """Make a pair of keys to push with."""
    from activities.gateways.push_keys import make_keys

    return make_keys()


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
