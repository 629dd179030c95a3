"""One flow with a step of every kind, published from files, against real PostgreSQL and SMTP, and all else on loopback.

What the settings say is what is used: the gateways are those that a worker opens.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from typer.testing import CliRunner

from activities.effects import User
from activities.gateways.push_keys import make_keys
from starter.cli import app
from starter.outside import outside
from starter.settings import Settings
from tests.activities.mail_servers import Catcher, catching
from tests.activities.push_devices import Browser
from tests.activities.twilio_stand_in import TwilioStandIn, standing, twilio
from tests.activities.web_servers import Server, answering, status
from tests.until import until
from tests.world import World
from workflows.model.records import RecordRef

FILES = Path(__file__).parent / "every_kind"
ANNA, PHONE, BO = RecordRef.parse("contact:1"), "+14155550101", "+14155550107"
BROWSER = Browser()

CAME_TO = {
    "property": "set city",
    "copied": "copied to earlier_city",
    "cleared": "cleared city",
    "score": "increased score",
    "half": "formatted",
    "note": "wrote a note",
    "deal": "created a deal",
    "buyer": "associated with 1 of 1 of the type deal",
    "company": "associated with 1 of 1 of the type company",
    "owner": "set owner in turn",
    "task": "created a task",
    "onto": "joined vip",
    "off": "left vip",
    "onboard": "entered onboard-{name}",
    "chase": "entered chase-{name}",
    "no-chase": "left chase-{name}",
    "sign-up": "opted in",
    "marketing": "marketing",
    "mail": "sent",
    "copy": "sent",
    "tell": "sent",
    "bell": "notified 1, pushed to 1 of 1 devices",
    "alarm": "sent",
    "text": "sent",
    "hook": "HTTP 200",
    "gone": "deleted the contact",
}
"""What the journal says of each step."""


@dataclass
class Abroad:
    """The servers that a worker speaks to, beside our own."""

    mail: Catcher
    texts: TwilioStandIn
    hooks: Server
    pushes: Server

    @property
    def settings(self) -> dict[str, str]:
        """Give the settings that lead to them."""
        smtp = {"HOST": "127.0.0.1", "PORT": str(self.mail.port), "SENDER": "Acme <hello@acme.example>"}
        push = {"PRIVATE_KEY": make_keys().private, "SUBSCRIBER": "ops@acme.example"}
        nested = {"SMTP": smtp, "PUSH": push, "OUTBOUND": {"ALLOW": "127.0.0.1"}, "SECRETS": {"TOKEN": "hush"}}
        flat = {f"{name}__{key}": value for name, each in nested.items() for key, value in each.items()}
        return {**flat, **standing(self.texts), "PUBLIC_URL": "https://acme.example", "SIGNING_KEY": "s" * 32}


@pytest.fixture
async def abroad() -> AsyncIterator[Abroad]:
    """An SMTP server, a stand-in of Twilio, a receiver of webhooks and a push service."""
    async with (
        catching() as mail,
        twilio() as texts,
        answering(status(200, b'{"result": {"score": 7}}')) as hooks,
        answering(status(201)) as pushes,
    ):
        yield Abroad(mail, texts, hooks, pushes)


@pytest.fixture
async def real(world: World, abroad: Abroad, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[World]:
    """The world, with the gateways that its settings lead to, and somebody to write to."""
    ours = {"DATABASE_URL": world.dsn, "HOME": str(tmp_path / "home"), **abroad.settings}
    for name, value in ours.items():
        monkeypatch.setenv(f"PERDURE_{name}", value)
    monkeypatch.setenv("TEMPORAL_ADDRESS", world.addresses.temporal)
    async with outside(Settings.load(), world.pool) as opened:
        for name, gateway in vars(opened).items():
            setattr(world, {"mail": "mailer", "secrets": "vault"}.get(name, name), gateway)
        await populate(world, abroad)
        yield world


async def populate(world: World, abroad: Abroad) -> None:
    """Put Anna there, her company, and Bo of the team sales, with a telephone and a browser."""
    await world.client.put_user(User("7", "bo@acme.example", "Bo", phone=BO), ("Sales",))
    device = "insert into device (member, endpoint, p256dh, auth) values ('7', $1, $2, $3)"
    keys = BROWSER.keys
    await world.pool.execute(device, f"http://127.0.0.1:{abroad.pushes.port}/bo", keys["p256dh"], keys["auth"])
    await world.define("contact", score="number", owner="user", city="text", earlier_city="text")
    await world.define("deal", name="text", amount="number")
    given = {"firstname": "Anna", "email": "anna@example.com", "email_domain": "example.com", "phone": PHONE}
    await world.record(str(ANNA), **given, owner="", score=3)
    await world.record("company:acme", name="Acme", domain="example.com")


async def perdure(*words: object) -> str:
    """Run a command, which must succeed; give what it says."""
    ran = await asyncio.to_thread(CliRunner().invoke, app, [str(word) for word in words])
    assert ran.exit_code == 0, ran.output
    return ran.output


async def published(world: World, folder: Path, abroad: Abroad) -> str:
    """Check, publish and turn on what the files say; give the key of the flow."""
    folder.mkdir()
    for file in FILES.iterdir():
        text = file.read_text().replace("WORLD", world.name).replace("PORT", str(abroad.hooks.port))
        (folder / file.name).write_text(text)
    await perdure("check", folder)
    await perdure("publish", folder)
    for flow in ("onboard", "every-kind"):
        await perdure("on", world.key(flow))
    return world.key("every-kind")


async def test_a_flow_with_a_step_of_every_kind_runs_to_its_end(real: World, abroad: Abroad, tmp_path: Path) -> None:
    """Every visit is done, and all that the steps were to bring abroad is there."""
    flow = await published(real, tmp_path / "files", abroad)
    async with real.serving():
        await perdure("enroll", flow, ANNA)
        enrollment = str(await real.pool.fetchval("select id from enrollment where flow = $1", flow))
        assert await real.ended(enrollment, within=40) == "record_gone"
        await until(lambda: real.pool.fetchval(_ALL_OVER), what="the end of the other walks")
    visits = await real.visits(enrollment)
    assert {each["kind"] for each in visits} == set(real.catalogue), "a kind has no step in flow.yaml"
    assert await real.path(enrollment) == [(node, line.format(name=real.name)) for node, line in CAME_TO.items()]
    assert {each["answer"].get("outcome", "done") for each in visits} == {"done"}
    assert await endings(real) == {"every": "record_gone", "onboard": "record_gone", "sequence": "unenrolled"}
    all_came_abroad(abroad)


_ALL_OVER = "select bool_and(closed_at is not null) from enrollment"


async def endings(world: World) -> dict[str, str]:
    """Give how the walks ended, each by the first word of its flow."""
    rows = await world.pool.fetch("select split_part(flow, '-', 1) as flow, ending from enrollment")
    return {row["flow"]: row["ending"] for row in rows}


def all_came_abroad(abroad: Abroad) -> None:
    """Look at what the servers have: three e-mails, two texts, a push and a webhook."""
    anna, desk, bo = (message_from_bytes(each, policy=policy.default) for each in abroad.mail.contents)
    assert [each["To"] for each in (anna, desk, bo)] == ["anna@example.com", "desk@acme.example", "bo@acme.example"]
    assert [each["Subject"] for each in (anna, desk, bo)] == ["Dear Anna", "Dear Anna", "Ding"]
    assert anna["List-Unsubscribe"].startswith("<https://acme.example/")
    assert desk["List-Unsubscribe"] is None
    assert abroad.texts.texts == [(BO, "Anna is here"), (PHONE, "Hi Anna")]
    (push,), (hook,) = abroad.pushes.asked, abroad.hooks.asked
    assert json.loads(BROWSER.opened(push.body))["title"] == "Anna is here"
    assert (hook.line, hook.headers["authorization"]) == ("POST /hook HTTP/1.1", "Bearer hush")
    assert json.loads(hook.body)["properties"]["earlier_city"]["value"] == "Annaville"
