from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from activities.actions.call_webhook import CallWebhook
from activities.catalogue import complete
from activities.gateways.http import WebGateway
from tests.activities.web_servers import Server, answering, reset, status
from tests.flows import flow
from tests.world import World
from workflows.contract import Step
from workflows.model.nodes import Perform
from workflows.model.web_addresses import Allowed

KEY = f"whsec_{b64encode(bytes(32)).decode()}"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A receiver on loopback, to be told what to answer."""
    async with answering() as server:
        yield server


@pytest.fixture
async def world(world: World) -> AsyncIterator[World]:
    """A world whose flows may call this machine, and in which there are secrets."""
    web = WebGateway(Allowed.read("127.0.0.1"))
    world.http = web
    world.vault.secrets.update(token="hush-token", key=KEY, app_secret="hush-app")
    yield world
    await web.close()


def webhook(server: Server, node: str, **settings: Any) -> Perform:
    given = {name: settings.pop(name) for name in ("retry", "repeat") if name in settings}
    config = complete(CallWebhook, {"url": f"http://127.0.0.1:{server.port}/{node}", **settings})
    fields = {"id": node, "name": node, "edges": {}, "kind": "call_webhook", "config": config, "place": "outside"}
    return Perform.model_validate({**fields, **given})


async def test_a_webhook_outlives_what_its_receiver_does(world: World, server: Server) -> None:
    """Reset, 500, then 200: the same bytes under one key until it is taken, and its answer serves the next one."""
    server.answers = [reset, status(500), status(200, b'{"score": 7.5}'), status(204)]
    retry = {"first": "PT1S", "growth": 1, "most": "PT1S"}
    revision = await world.publish(
        flow(
            world.key("hooks"),
            webhook(server, "first", auth={"bearer": "token"}, sign="key", keep={"score": "score"}, retry=retry),
            webhook(server, "second", body={"n": {"output": "first.score"}, "t": "{{ outputs.first.score }}"}),
        )
    )
    anna = await world.record("contact:1", email="änne@example.com")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("first", "HTTP 200"), ("second", "HTTP 204")]
    tries, second = server.asked[:-1], server.asked[-1]
    assert len(tries) == 3
    assert len({(each.line, each.body, each.headers["idempotency-key"]) for each in tries}) == 1
    assert all(Webhook(KEY).verify(each.body, each.headers)["vid"] == 1 for each in tries)
    assert len({each.headers["webhook-timestamp"] for each in tries}) == 3
    assert json.loads(second.body) == {"n": 7.5, "t": "7.5"}
    assert second.headers["idempotency-key"] != tries[0].headers["idempotency-key"]
    assert [each["repeated"] for each in await world.visits(enrollment)] == [True, False]


async def test_no_secret_is_kept_anywhere(world: World, server: Server) -> None:
    """Neither in the history of Temporal, nor in any table: not the token, not the key in the query, no signature."""
    server.answers = [status(404, b"personal")]
    auths: list[dict[str, Any]] = [{"bearer": "token"}, {"api_key": "token", "name": "k", "in": "query"}]
    steps = [webhook(server, f"step{number}", auth=auth) for number, auth in enumerate(auths)]
    revision = await world.publish(
        flow(world.key("hooks"), *steps, webhook(server, "signed", auth={"signature": True}))
    )
    anna = await world.record("contact:1")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
    assert {line for _, line in await world.path(enrollment)} == {"failed: http_404"}
    assert server.asked[0].headers["authorization"] == "Bearer hush-token"
    assert "hush-token" in server.asked[1].line
    kept = (await world.history(revision, anna)).to_json()
    for table in ("visit", "enrollment", "event", "outbox", "revision"):
        rows = await world.pool.fetch(f"select t::text as text from {table} t")
        kept += "".join(row["text"] for row in rows)
    signature = server.asked[2].headers["x-hubspot-signature"]
    assert not [each for each in ("hush", signature, "personal", "?k=") if each in kept]


class Died(Exception):
    """Stands for the death of a worker."""


@pytest.mark.parametrize(
    ("point", "repeat", "came"),
    [
        ("after_intent", "at_least_once", (1, "done")),
        ("after_send", "at_least_once", (2, "done")),
        ("after_intent", "at_most_once", (0, "unknown")),
        ("after_send", "at_most_once", (1, "unknown")),
    ],
)
async def test_a_worker_that_dies_around_the_call_leaves_it_to_the_policy(
    world: World, server: Server, point: str, repeat: str, came: tuple[int, str]
) -> None:
    """The next attempt has the same bytes out of the ledger, and says that it may be a second copy; or nothing goes."""
    server.answers = [status(200)]
    body = {"b": 1e22, "a": 0.1, "z": [1.0, -0.0, 1e-7, 12345678901234567890], "text": "ä\u2028"}
    revision = await world.publish(flow(world.key("hooks"), webhook(server, "hook", body=body, repeat=repeat)))
    enrollment = await world.enroll(revision, await world.record("contact:1"))
    step = Step(enrollment=enrollment, revision=revision.hash, node="hook", visit=1)

    def die(here: str) -> None:
        if here == point:
            raise Died

    with pytest.raises(Died):
        await world.performer(die).perform(step, "a1")
    answer = await world.performer().perform(step, "a2")
    assert (len(server.asked), answer.outcome) == came
    assert len({(each.body, each.headers["idempotency-key"]) for each in server.asked}) <= 1
    [visit] = await world.visits(enrollment)
    assert visit["repeated"] == (repeat == "at_least_once")
