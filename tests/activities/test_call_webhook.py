from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
import yaml
from pydantic import JsonValue
from standardwebhooks import Webhook

from activities.action import Ambiguous, Retryable
from activities.actions.call_webhook import CallWebhook
from activities.catalogue import Catalogue, complete
from activities.effects import Response
from activities.fakes.flows import FakeEnrollment
from activities.performing import Again
from starter.simulate import Simulation
from tests.flows import flow
from workflows.contract import Answer, Step
from workflows.model.facts import Past
from workflows.model.nodes import Perform
from workflows.model.records import RecordRef

ANNA = RecordRef.parse("contact:42")
URL = "https://hooks.example.com/in"
KEYS = [f"whsec_{b64encode(bytes([n]) * 32).decode()}" for n in (1, 2)]
SECRETS = {"app_secret": "hush-app", "key": "hush-key", "user": "ann:hush", "new": KEYS[0], "old": KEYS[1]}


@pytest.fixture
def world() -> Simulation:
    """A contact with a company, a flow that she is in, and some secrets."""
    world = Simulation(Catalogue.load())
    world.record(str(ANNA), email="anna@example.com", firstname="Änne & Co/..", deals=3, plan=None)
    world.ledger.crm.associations.append((ANNA, world.record("company:9", name="Acme"), ""))
    world.ledger.enrollments["e"] = FakeEnrollment("f", ANNA, world.clock)
    world.secrets.secrets.update(SECRETS)
    return world


def webhook(**settings: Any) -> Perform:
    config = complete(CallWebhook, {"url": URL, **settings})
    node = {"id": "hook", "name": "Hook", "edges": {}, "kind": "call_webhook", "config": config, "place": "outside"}
    return Perform.model_validate(node)


def step(world: Simulation, **settings: Any) -> Step:
    revision = flow("f", webhook(**settings))
    world.publish(revision)
    return Step(enrollment="e", revision=revision.hash, node="hook", visit=1)


async def called(world: Simulation, **settings: Any) -> Answer:
    return await world.performer.perform(step(world, **settings), "a1")


def body(world: Simulation) -> Any:
    return json.loads(world.http.sent[-1].body)


async def test_a_contact_is_sent_with_its_history(world: Simulation) -> None:
    """As HubSpot sends it: each property with its value and its versions, the newest first."""
    world.ledger.crm.pasts[ANNA, "email"] = [Past(value="a@example.com", at=world.clock)]
    assert await called(world) == Answer(line="HTTP 200")
    [request] = world.http.sent
    assert (request.method, request.url, request.headers["Content-Type"]) == ("POST", URL, "application/json")
    sent = body(world)
    assert sent["vid"] == 42
    at = int(world.clock.timestamp() * 1000)
    assert sent["properties"]["email"] == {
        "value": "anna@example.com",
        "versions": [{"value": "anna@example.com", "timestamp": at}, {"value": "a@example.com", "timestamp": at}],
    }
    assert sent["properties"]["deals"]["value"] == 3


async def test_another_record_is_sent_as_it_is_now(world: Simulation) -> None:
    """Only a contact comes with versions."""
    deal = world.record("deal:x-7", amount=12.5)
    world.ledger.enrollments["e"] = FakeEnrollment("f", deal, world.clock)
    await called(world)
    assert body(world) == {"objectId": "x-7", "objectType": "DEAL", "properties": {"amount": {"value": 12.5}}}


async def test_a_body_of_ones_own_is_filled(world: Simulation) -> None:
    """Texts take tokens, references stand for the value as it is, and the rest is sent as written."""
    own: dict[str, JsonValue] = {
        "to": "{{ contact.email }} of {{ company.name }}",
        "n": {"property": "deals"},
        "before": {"output": "score.value"},
        "deep": [{"a": "{{ contact.deals }}"}, 1, True, None],
    }
    await called(world, body=own)
    assert body(world) == {
        "to": "anna@example.com of Acme",
        "n": 3,
        "before": None,
        "deep": [{"a": "3"}, 1, True, None],
    }


async def test_what_a_record_says_is_never_read_again(world: Simulation) -> None:
    """A value that looks like a token, or like the end of a text in JSON, is a value."""
    world.ledger.crm.records[ANNA]["email"] = '{{ contact.deals }}", "admin": "true'
    await called(world, body={"a": "{{ contact.email }}", "b": {"property": "email"}})
    value = world.ledger.crm.records[ANNA]["email"]
    assert body(world) == {"a": value, "b": value}


@pytest.mark.parametrize(
    ("url", "query", "sent"),
    [
        (f"{URL}/{{{{ contact.firstname }}}}/x", {}, f"{URL}/%C3%84nne%20%26%20Co%2F../x"),
        (f"{URL}?a={{{{contact.firstname|lower}}}}", {}, f"{URL}?a=%C3%A4nne%20%26%20co%2F.."),
        (f"{URL}?a={{{{ contact.firstname | urlencode }}}}", {}, f"{URL}?a=%C3%84nne%20%26%20Co%2F.."),
        (f"{URL}?a={{{{ contact.gone | default('}}}}') }}}}", {}, f"{URL}?a=%7D%7D"),
        (
            URL,
            {"z": "{{ contact.firstname }}", "a b": True, "n": 1.5},
            f"{URL}?a%20b=true&n=1.5&z=%C3%84nne%20%26%20Co%2F..",
        ),
        (f"{URL}?a=1#part", {"b": 2}, f"{URL}?a=1&b=2"),
        (f"{URL}?", {"b": 2}, f"{URL}?b=2"),
        ("{{ contact.hook }}", {"b": 2}, "https://own.example.com/x?y=1&b=2"),
    ],
)
async def test_values_are_parts_of_the_address(world: Simulation, url: str, query: Any, sent: str) -> None:
    """None adds a parameter or leaves its folder; one that is all of the address is put in as it stands."""
    world.ledger.crm.records[ANNA]["hook"] = "https://own.example.com/x?y=1"
    assert (await called(world, url=url, query=query, method="GET")).line == "HTTP 200"
    assert (world.http.sent[0].url, world.http.sent[0].body) == (sent, b"")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("{{ contact.hook }}", "url_blocked: scheme"),
        ("https://{{ contact.firstname }}/", "url_blocked: host"),
        ("https://hooks.example.com:{{ contact.deals }}/", "url_blocked: port"),
        ("https://x.example/" + "{{ contact.email }}" * 300, "url_blocked: too long"),
    ],
)
async def test_an_address_that_values_make_wrong_is_refused(world: Simulation, url: str, code: str) -> None:
    """It is known when the values are, and nothing is sent."""
    assert (await called(world, url=url)).line == f"failed: {code}"
    assert world.http.sent == []


@pytest.mark.parametrize("value", ["b\r\nX-C: d", "b\nX-C: d", "b\x00", "b\x7f", "x" * 9000])
async def test_a_value_cannot_begin_another_header(world: Simulation, value: str) -> None:
    """A line break out of a record fails the step with nothing sent."""
    world.ledger.crm.records[ANNA]["firstname"] = value
    assert (await called(world, headers={"X-A": "{{ contact.firstname }}"})).line == "failed: invalid_header"
    assert world.http.sent == []


async def test_headers_are_filled(world: Simulation) -> None:
    """And one for the content's type takes the place of ours."""
    await called(world, headers={"X-N": "{{ contact.deals }}", "X-B": True, "content-type": "application/vnd.a+json"})
    headers = world.http.sent[0].headers
    assert (headers["X-N"], headers["X-B"], headers["content-type"]) == ("3", "true", "application/vnd.a+json")
    assert "Content-Type" not in headers


@pytest.mark.parametrize(
    ("auth", "headers", "query"),
    [
        ({"api_key": "key", "name": "Bearer"}, {"Bearer": "hush-key"}, ""),
        ({"api_key": "key", "name": "k y", "in": "query"}, {}, "?k%20y=hush-key"),
        ({"bearer": "key"}, {"Authorization": "Bearer hush-key"}, ""),
        ({"basic": "user"}, {"Authorization": f"Basic {b64encode(b'ann:hush').decode()}"}, ""),
        (None, {}, ""),
    ],
)
async def test_a_secret_is_put_in_when_it_is_sent(world: Simulation, auth: Any, headers: Any, query: str) -> None:
    """It is in the request, and neither in the flow nor in the ledger, also while the visit waits."""
    world.http.answers = [Retryable("busy")]
    with pytest.raises(Again):
        await called(world, auth=auth)
    [request] = world.http.sent
    assert {**request.headers, **headers} == request.headers
    assert request.url == URL + query
    kept = repr(asdict(world.ledger.visits["e", 1])) + "".join(world.source.texts.values())
    assert "hush" not in kept
    assert URL in kept


async def test_a_key_takes_the_place_of_a_header(world: Simulation) -> None:
    """A header is one whatever its capitals, and may have any name that Python has a use for."""
    await called(world, headers={"x-key": "old", "x-b": "b"}, auth={"api_key": "key", "name": "X-Key"})
    assert {name: value for name, value in world.http.sent[0].headers.items() if name.lower() in ("x-key", "x-b")} == {
        "x-b": "b",
        "X-Key": "hush-key",
    }
    world.ledger.visits.clear()
    await called(world, auth={"api_key": "key", "name": "request"})
    assert world.http.sent[1].headers["request"] == "hush-key"


async def test_hubspots_signature_is_over_what_is_sent(world: Simulation) -> None:
    """Version 2 with the app's secret over method, whole URI and body; with another secret where one is named."""
    await called(world, url=f"{URL}?a=1", query={"b": "ä"}, body={"x": "ä"}, auth={"signature": True})
    [request] = world.http.sent
    assert request.url == f"{URL}?a=1&b=%C3%A4"
    plain = b"hush-app" + b"POST" + request.url.encode() + '{"x":"ä"}'.encode()
    assert request.headers["X-HubSpot-Signature"] == sha256(plain).hexdigest()
    assert request.headers["X-HubSpot-Signature-Version"] == "v2"
    assert {"X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"} < request.headers.keys()
    world.ledger.visits.clear()
    await called(world, auth={"signature": "key"}, method="GET")
    expected = sha256(b"hush-key" + b"GET" + URL.encode()).hexdigest()
    assert world.http.sent[1].headers["X-HubSpot-Signature"] == expected


@pytest.mark.parametrize(("sign", "holders"), [("new", 1), (["new"], 1), (["new", "old"], 2)])
async def test_the_reference_library_verifies_what_is_sent(world: Simulation, sign: Any, holders: int) -> None:
    """Beside HubSpot's signature, with every secret while they are exchanged; its id is the key of the effect."""
    world.clock = datetime.now(UTC)  # the library takes nothing that is older than five minutes
    await called(world, sign=sign, auth={"signature": True})
    [request] = world.http.sent
    assert request.headers["webhook-id"] == request.headers["Idempotency-Key"]
    for key in KEYS[:holders]:
        assert Webhook(key).verify(request.body, dict(request.headers))["vid"] == 42


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"auth": {"bearer": "gone"}}, "unknown_secret"),
        ({"auth": {"signature": "gone"}}, "unknown_secret"),
        ({"sign": ["new", "gone"]}, "unknown_secret"),
        ({"sign": "key"}, "bad_secret"),
        ({"auth": {"bearer": "broken"}}, "bad_secret"),
    ],
)
async def test_without_its_secret_nothing_is_sent(world: Simulation, settings: Any, code: str) -> None:
    """A secret that is not there, or is none for this use, fails the step."""
    world.secrets.secrets["broken"] = "a\nb"
    assert (await called(world, **settings)).line == f"failed: {code}"
    assert world.http.sent == []


async def test_a_retry_sends_the_same_under_the_same_key(world: Simulation) -> None:
    """Whatever has changed meanwhile, the bytes are those of the first attempt; the time in the signature is new."""
    world.http.answers = [Ambiguous("connection_lost"), Response(503), Response(200)]
    asked = step(world, sign="new", query={"q": "{{ contact.deals }}"}, headers={"X-N": "{{ contact.deals }}"})
    for attempt in ("a1", "a2"):
        with pytest.raises(Again):
            await world.performer.perform(asked, attempt)
        world.ledger.crm.records[ANNA] = {"deals": 4}
        world.clock += timedelta(hours=1)
    assert (await world.performer.perform(asked, "a3")).line == "HTTP 200"
    assert (
        len({(each.url, each.body, each.headers["X-N"], each.headers["webhook-id"]) for each in world.http.sent}) == 1
    )
    assert len({each.headers["Idempotency-Key"] for each in world.http.sent}) == 1
    assert len({each.headers["webhook-timestamp"] for each in world.http.sent}) == 3
    assert world.http.sent[0].headers["X-N"] == "3"


@pytest.mark.parametrize(
    ("answer", "state", "line"),
    [
        (Response(429, {"retry-after": "90"}), "retrying", "HTTP 200"),
        (Response(503), "retrying", "HTTP 200"),
        (Retryable("no_connection"), "retrying", "HTTP 200"),
        (Response(500), "unknown", "unknown: an earlier attempt may have done it"),
        (Ambiguous("connection_lost"), "unknown", "unknown: an earlier attempt may have done it"),
    ],
)
async def test_at_most_once_is_not_sent_twice(world: Simulation, answer: Any, state: str, line: str) -> None:
    """What was surely not done is tried again; after 5xx and a lost answer nobody knows, and it is left."""
    world.http.answers = [answer]
    asked = step(world)
    revision = flow("f", webhook().model_copy(update={"repeat": "at_most_once"}))
    world.publish(revision)
    asked = asked.model_copy(update={"revision": revision.hash})
    with pytest.raises(Again):
        await world.performer.perform(asked, "a1")
    assert world.ledger.visits["e", 1].visit.state == state
    assert (await world.performer.perform(asked, "a2")).line == line


async def test_the_server_says_when_to_come_again(world: Simulation) -> None:
    """Retry-After counts seconds, or milliseconds where the step says so, as HubSpot reads it."""
    for unit, after in (("seconds", timedelta(minutes=90)), ("milliseconds", timedelta(seconds=5.4))):
        world.http.answers = [Response(429, {"retry-after": "5400"})]
        world.ledger.visits.clear()
        with pytest.raises(Again) as again:
            await called(world, retry_after=unit)
        assert (again.value.code, again.value.after) == ("http_429", after)


async def test_a_failing_server_is_tried_for_three_days(world: Simulation) -> None:
    """First after a minute, then ever more rarely, at most eight hours apart; then the step has failed."""
    world.http.answers = [Response(503)] * 50
    revision = flow("f", webhook(sign="new").model_copy(update={"retry": CallWebhook.retry}))
    world.publish(revision)
    enrollment, _ = await world.walk(revision, ANNA)
    at = [timedelta(seconds=int(each.headers["webhook-timestamp"])) for each in world.http.sent]
    pauses = [later - sooner for sooner, later in pairwise(at)]
    assert (pauses[0], max(pauses), pauses == sorted(pauses)) == (timedelta(minutes=1), timedelta(hours=8), True)
    assert timedelta(days=2, hours=16) < at[-1] - at[0] <= timedelta(days=3)
    visit = world.ledger.visits[enrollment, 1].visit
    assert visit.answer is not None
    assert visit.answer.line == "failed: gave_up"


async def test_the_answer_serves_later_steps(world: Simulation) -> None:
    """What `keep` names is there for tokens; without it the text is."""
    world.http.answers = [Response(200, body=b'{"result": {"score": 7, "tags": ["a"]}}'), Response(201, body=b"ok")]
    await called(world, keep={"score": "result.score", "tag": "result.tags.0", "gone": "x"})
    assert world.ledger.visits["e", 1].output == {"status": 200, "score": 7, "tag": "a"}
    world.ledger.visits.clear()
    await called(world)
    assert world.ledger.visits["e", 1].output == {"status": 201, "body": "ok"}


def test_the_outputs_of_a_step_follow_its_settings() -> None:
    """What it keeps is what it puts out."""
    assert list(CallWebhook.outputs_of({"keep": {"score": "a.b"}})) == ["status", "score"]
    assert list(CallWebhook.outputs_of({})) == ["status", "body"]


async def test_a_body_that_is_too_large_is_not_sent(world: Simulation) -> None:
    """A record may hold more than any server takes."""
    world.ledger.crm.records[ANNA]["note"] = "x" * 2**20
    assert (await called(world)).line == "failed: body_too_large"


@pytest.mark.parametrize("example", CallWebhook.examples)
def test_examples_are_valid(example: str) -> None:
    """Each example is a step whose settings are accepted, and come back unchanged when they are read again."""
    settings = yaml.safe_load(example)
    del settings["do"], settings["id"]
    completed = complete(CallWebhook, settings)
    assert complete(CallWebhook, completed) == completed
