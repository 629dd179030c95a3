"""The gateways in memory: they keep what they are given, and answer as they are told."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.action import Refused
from activities.effects import (
    Http,
    Links,
    Mail,
    Mailer,
    Outside,
    OutsideCrm,
    Push,
    Request,
    Response,
    Secrets,
    Sms,
)
from activities.fakes.inbox import FakePush
from activities.fakes.sms import FakeSms
from workflows.model.records import RecordRef


@dataclass
class FakeMailer:
    """Keeps what it is given to send. `answers` are raised, in order, in place of a success."""

    sent: list[tuple[str, Mail]] = field(default_factory=list)
    answers: list[Exception] = field(default_factory=list)

    async def send(self, mail: Mail, key: str) -> str:
        """See Mailer."""
        if self.answers:
            raise self.answers.pop(0)
        self.sent.append((key, mail))
        return f"250 OK queued as {key}"


@dataclass
class FakeHttp:
    """Keeps what it is given to send. `answers` are given, or raised, in order; then all is well."""

    sent: list[Request] = field(default_factory=list)
    answers: list[Response | Exception] = field(default_factory=list)

    async def send(self, request: Request) -> Response:
        """See Http."""
        answer = self.answers.pop(0) if self.answers else Response(200)
        self.sent.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class FakeSecrets:
    """Secrets in a dictionary."""

    secrets: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """See Secrets."""
        if name not in self.secrets:
            raise Refused("unknown_secret", name)
        return self.secrets[name]


class FakeLinks:
    """Gives links that anybody could make."""

    def unsubscribe(self, contact: RecordRef, key: str, subscription: str = "") -> str | None:
        """See Links."""
        return f"https://example.com/unsubscribe/{contact}/{key}/{subscription}".rstrip("/")


def fake_outside(  # noqa: PLR0913 - all of the world, each by its name
    *,
    mail: Mailer | None = None,
    http: Http | None = None,
    secrets: Secrets | None = None,
    links: Links | None = None,
    sms: Sms | None = None,
    push: Push | None = None,
    crm: OutsideCrm | None = None,
) -> Outside:
    """Give the world outside with fakes for all that is not given."""
    return Outside(
        mail=mail or FakeMailer(),
        http=http or FakeHttp(),
        secrets=secrets or FakeSecrets(),
        links=links or FakeLinks(),
        sms=sms or FakeSms(),
        push=push or FakePush(),
        crm=crm,
    )
