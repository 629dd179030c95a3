"""The world outside our database, as a worker is connected to it."""

from __future__ import annotations

from dataclasses import dataclass

from activities.effects.crm import OutsideCrm
from activities.effects.inbox import Push
from activities.effects.mail import Links, Mailer
from activities.effects.sms import Sms
from activities.effects.web import Http, Secrets


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The gateways to the world outside, opened once for a worker; `crm` is None where the CRM is in our store.

    `sms` is None where no provider of text messages is set, and `push` where there are no keys to push with.
    """

    mail: Mailer
    http: Http
    secrets: Secrets
    links: Links
    sms: Sms | None = None
    push: Push | None = None
    crm: OutsideCrm | None = None
