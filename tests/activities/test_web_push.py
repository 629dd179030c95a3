"""Web Push against a push service on loopback, over TLS."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr, ValidationError

from activities.action import Action, Ambiguous, Refused, Skipped
from activities.catalogue import complete
from activities.effects import Pushed
from activities.gateways.http import WebGateway
from activities.gateways.postgres_inbox import Devices
from activities.gateways.push_keys import as_pem, make_keys, read_key
from activities.gateways.push_settings import PushSettings
from activities.gateways.web_push import MOST_BYTES, WebPush, payload
from starter.outside import pushing
from starter.settings import Settings, variables
from tests.activities.push_devices import Browser, from_word, signed
from tests.activities.web_servers import Server, answering, reset, status
from tests.flows import flow
from tests.world import World
from workflows.model.nodes import Perform
from workflows.model.records import RecordRef
from workflows.model.web_addresses import Allowed

KEYS = make_keys()
SETTINGS = PushSettings(private_key=SecretStr(KEYS.private), subscriber="ops@acme.example")
MESSAGE = Pushed("12", "Änne called", "Call her back.", RecordRef.parse("contact:1"))
BROWSER = Browser()
_REGISTER = "insert into device (member, endpoint, p256dh, auth) values ('7', $1, $2, $3) returning id::text"


@pytest.fixture
async def service(tls: ssl.SSLContext) -> AsyncIterator[Server]:
    """A push service, to be told what to answer."""
    async with answering(status(201), tls=tls) as server:
        yield server


@pytest.fixture
async def push(world: World, service: Server, certificate: Path) -> AsyncIterator[WebPush]:
    """What pushes to it, for user 7."""
    await world.pool.execute("insert into crm_user (id, email) values ('7', 'bo@x.fi')")
    web = WebGateway(Allowed.read("127.0.0.1"), ca_file=certificate)
    world.push = gateway = WebPush(SETTINGS, web, Devices(world.pool))
    yield gateway
    await web.close()


async def registered(world: World, service: Server, name: str = "a", **keys: str) -> str:
    """Register a device of user 7; give its id."""
    said = BROWSER.keys | keys
    endpoint = f"https://127.0.0.1:{service.port}/{name}"
    return str(await world.pool.fetchval(_REGISTER, endpoint, said["p256dh"], said["auth"]))


async def known(world: World, device: str) -> tuple[int, str, bool]:
    """Give the failures of a device in a row, the last one, and whether it is gone."""
    query = "select failures, failure, gone_at is not null as gone from device where id = $1"
    row = await world.pool.fetchrow(query, int(device))
    assert row
    return row["failures"], row["failure"], row["gone"]


def test_the_device_of_the_tests_opens_the_example_of_the_standard() -> None:
    """RFC 8291, appendix A: so what it opens below is what every browser opens."""
    key = int.from_bytes(from_word("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    browser = Browser(ec.derive_private_key(key, ec.SECP256R1()), from_word("BTBZMqHH6r4Tts7J_aSIgg"))
    body = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
        "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert browser.opened(from_word(body)) == b"When I grow up, I want to be a watermelon"


async def test_the_device_alone_can_read_it(world: World, service: Server, push: WebPush) -> None:
    """Encrypted for it, signed by our keys, under the key of the effect."""
    device = await registered(world, service)
    assert await push.push(device, MESSAGE, "k" * 20) == "http_201"
    [asked] = service.asked
    said = {"id": "12", "title": "Änne called", "body": "Call her back.", "record": "contact:1"}
    assert json.loads(BROWSER.opened(asked.body)) == said
    assert signed(asked, KEYS.public)["sub"] == "mailto:ops@acme.example"
    assert (asked.line, asked.headers["topic"], asked.headers["ttl"]) == ("POST /a HTTP/1.1", "k" * 20, "86400")
    assert asked.headers["content-encoding"] == "aes128gcm"


async def test_what_the_service_says_is_kept(world: World, service: Server, push: WebPush) -> None:
    """Failures in a row are counted, and a success ends them."""
    device = await registered(world, service)
    service.answers = [status(429), status(500), reset, status(201)]
    for code in ("http_429", "http_500"):
        with pytest.raises(Refused, match=code):
            await push.push(device, MESSAGE, "k")
    with pytest.raises(Ambiguous):
        await push.push(device, MESSAGE, "k")
    assert await known(world, device) == (3, "connection_lost", False)
    await push.push(device, MESSAGE, "k")
    assert await known(world, device) == (0, "", False)


@pytest.mark.parametrize("code", [404, 410])
async def test_a_device_that_is_gone_is_left_alone(world: World, service: Server, push: WebPush, code: int) -> None:
    """Its service is not asked a second time."""
    device = await registered(world, service)
    service.answers = [status(code)]
    for _ in range(2):
        with pytest.raises(Skipped, match="device_gone"):
            await push.push(device, MESSAGE, "k")
    assert (len(service.asked), await known(world, device)) == (1, (0, f"http_{code}", True))


async def test_keys_that_are_none_are_told(world: World, service: Server, push: WebPush) -> None:
    """A point that is on no curve is refused before anything is sent."""
    device = await registered(world, service, p256dh="B" + "A" * 86)
    with pytest.raises(Refused, match="bad_subscription"):
        await push.push(device, MESSAGE, "k")
    assert (service.asked, await known(world, device)) == ([], (1, "bad_subscription", False))


async def test_nothing_is_pushed_into_our_own_network(world: World, service: Server, push: WebPush) -> None:
    """Whoever registers a device writes the address that we call."""
    device = await registered(world, service)
    guarded = WebPush(SETTINGS, WebGateway(), Devices(world.pool))
    with pytest.raises(Refused, match="url_blocked: loopback"):
        await guarded.push(device, MESSAGE, "k")
    assert service.asked == []


@pytest.mark.parametrize("text", ["x" * 9_000, "ä" * 5_000, '"' * 5_000, "\u0001" * 3_000])
def test_a_long_text_is_cut(text: str) -> None:
    """To what every push service takes; the title stays where it can."""
    data = payload(Pushed("12", "Ding", text, MESSAGE.record))
    said = json.loads(data)
    assert MOST_BYTES - 700 < len(data) <= MOST_BYTES
    assert (said["title"], said["body"][-1]) == ("Ding", "…")
    assert len(payload(Pushed("12", text, text, MESSAGE.record))) <= MOST_BYTES


def test_a_key_is_one_word_or_pem() -> None:
    """Both are the same key; what is neither is refused by the settings, which never show it."""
    private, _ = as_pem(read_key(KEYS.private))
    assert as_pem(read_key(private.decode())) == as_pem(read_key(KEYS.private))
    settings = PushSettings(private_key=SecretStr(private.decode()), subscriber="a@b.example")
    assert settings.private_key.get_secret_value() == private.decode()
    with pytest.raises(ValidationError, match="no private key"):
        PushSettings(private_key=SecretStr("short"), subscriber="a@b.example")
    assert KEYS.private not in f"{SETTINGS!r} {KEYS!r}"


def test_two_settings_are_what_it_takes(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Without them nothing is pushed."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    assert pushing(Settings.load(), WebGateway(), world.pool) is None
    monkeypatch.setenv("PERDURE_PUSH__PRIVATE_KEY", KEYS.private)
    monkeypatch.setenv("PERDURE_PUSH__SUBSCRIBER", "ops@acme.example")
    assert isinstance(pushing(Settings.load(), WebGateway(), world.pool), WebPush)


def test_the_library_is_loaded_by_the_first_push() -> None:
    """A worker that pushes nothing never loads it, nor does the command line."""
    loads = "import starter.cli, starter.outside, starter.settings, activities.gateways.web_push, sys"
    asked = f"{loads}; sys.exit(any(name.split('.')[0] in ('webpush', 'cryptography', 'jwt') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


async def test_a_flow_notifies_once_and_pushes(world: World, service: Server, push: WebPush) -> None:
    """On a real worker that dies before it writes down what came of the push: it is repeated under the same topic."""
    await registered(world, service)
    action: type[Action] = world.catalogue["notify_in_app"]
    config = complete(action, {"owners": ["owner"], "title": "{{ contact.firstname }} called"})
    step = {"id": "a", "name": "Tell", "edges": {}, "kind": "notify_in_app", "place": "outside", "config": config}
    revision = await world.publish(flow(world.key("bell"), Perform.model_validate(step)))
    anna, crashes = await world.record("contact:1", firstname="Anna", owner="7"), ["part_sent", "part_sent"]

    def crash(point: str) -> None:
        if point in crashes and service.asked:
            crashes.remove(point)
            raise RuntimeError("crashed")

    async with world.serving(crash):
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("a", "notified 1, pushed to 1 of 1 devices")]
    [row] = await world.pool.fetch("select member, title, record_type, record_id, source, read_at from notification")
    assert tuple(row)[:4] == ("7", "Anna called", "contact", "1")
    assert (row["source"]["enrollment"], row["read_at"], crashes) == (enrollment, None, [])
    assert len({each.headers["topic"] for each in service.asked}) == 1
    assert {json.loads(BROWSER.opened(each.body))["title"] for each in service.asked} == {"Anna called"}
    assert len(service.asked) == 3
