from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from twilio.request_validator import RequestValidator

from activities.catalogue import complete
from activities.effects import TextMessage
from activities.gateways.text_log import TextLog
from starter.crm.users import everyone, load_users
from starter.outside import texts
from starter.settings import Settings
from tests.activities.twilio_stand_in import ACCOUNT, SENDER, TOKEN, TwilioStandIn, call, standing, twilio
from tests.flows import flow
from tests.starter.api.conftest import Api, Serve
from tests.world import World
from workflows.model.nodes import NEXT, Perform, WaitForEvent
from workflows.model.revision import Revision

PUBLIC = "https://crm.example.com"
PHONE = "+358401234567"
FORM = {"MessageSid": "SM1", "From": PHONE, "To": SENDER, "Body": "STOP", "AccountSid": ACCOUNT}
STATUS = "/twilio/status/k1"


@pytest.fixture
async def api(world: World, serve: Serve) -> AsyncIterator[Api]:
    """The API with a Twilio account, called without a key."""
    given = standing(TwilioStandIn()) | {"TWILIO__HELP_TEXT": "Acme <b>&co</b>: call 123", "TWILIO__COUNTRIES": "FI"}
    del given["TWILIO__BASE_URL"]
    async with serve(key=None, PUBLIC_URL=PUBLIC, **given) as caller:
        yield Api(world, caller)


async def texted(api: Api, sid: str, body: str, phone: str = PHONE, **more: str) -> httpx.Response:
    form = FORM | {"MessageSid": sid, "Body": body, "From": phone} | more
    return await call(api.caller, PUBLIC, "/twilio/inbound", **form)


async def opted_out(api: Api) -> list[str]:
    return [row["phone"] for row in await api.world.pool.fetch("select phone from text_opt_out")]


@pytest.mark.parametrize("word", ["STOP", "stop", " StopAll ", "Unsubscribe", "CANCEL", "end", "Quit", "Stop."])
async def test_who_texts_stop_has_opted_out(api: Api, word: str) -> None:
    """Whoever it is, and whatever the case; nothing is answered, for Twilio does that."""
    answer = await texted(api, "SM1", word)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text.endswith("<Response/>")
    assert await opted_out(api) == [PHONE]


@pytest.mark.parametrize("words", ["please stop calling", "I will cancel my order", "the end", "ok"])
async def test_a_sentence_is_no_stop(api: Api, words: str) -> None:
    """As carriers have it, the word stands alone."""
    await texted(api, "SM1", words)
    assert await opted_out(api) == []


async def test_start_opts_in_again(api: Api) -> None:
    """START, or UNSTOP; a STOP that is handed over once more after it changes nothing."""
    for sid, word, wanted in (("SM1", "STOP", [PHONE]), ("SM2", "Unstop", []), ("SM1", "STOP", [])):
        await texted(api, sid, word)
        assert await opted_out(api) == wanted


async def test_what_twilio_made_of_a_text_counts(api: Api) -> None:
    """A word of the account's own, which Twilio tells us of."""
    await texted(api, "SM1", "Lopeta", OptOutType="STOP")
    assert await opted_out(api) == [PHONE]


async def test_help_is_answered_in_the_operators_words(api: Api) -> None:
    """As XML wants them."""
    answer = await texted(api, "SM1", "help")
    assert "<Message>Acme &lt;b&gt;&amp;co&lt;/b&gt;: call 123</Message>" in answer.text


@pytest.mark.parametrize("phone", [PHONE, "040 123 4567", "+358 (40) 1234567", "00358401234567"])
async def test_a_reply_is_an_event_of_the_contact(api: Api, phone: str) -> None:
    """However the contact's number is written; once, however often it is handed over."""
    await api.world.record("contact:1", phone=phone)
    await api.world.record("contact:2", phone="+358401234568")
    for _ in range(2):
        await texted(api, "SM1", "When?")
    assert await api.events() == [("contact:1", "sms_received")]
    said = await api.world.pool.fetchval("select properties from event")
    assert said == {"sid": "SM1", "text": "When?", "to": SENDER}


async def test_a_stop_is_an_event_too(api: Api) -> None:
    """Of the contact that was texted at the number, whatever property it stands in."""
    await api.world.record("contact:1", mobile=PHONE)
    await api.world.record("contact:2", phone=PHONE)
    await TextLog(api.world.pool).begin(TextMessage(PHONE, "Hi", (await api.world.record("contact:3"))), "k1")
    await texted(api, "SM1", "STOP")
    assert await api.events() == [("contact:3", "sms_opted_out"), ("contact:3", "sms_received")]


async def test_a_callback_tells_what_a_lost_answer_would_have(api: Api) -> None:
    """It carries the effect's key: the id of the text is known by it, and its contact has an event, once."""
    contact, log = await api.world.record("contact:1"), TextLog(api.world.pool)
    await log.begin(TextMessage(PHONE, "Hi", contact), "k1")
    for state in ("sent", "delivered", "delivered", "sent"):
        answer = await call(api.caller, PUBLIC, STATUS, MessageSid="SM1", MessageStatus=state)
        assert answer.status_code == 204
    begun = await log.begin(TextMessage(PHONE, "Hi", contact), "k1")
    assert begun.texted is not None
    assert (begun.texted.sid, begun.texted.state) == ("SM1", "delivered")
    assert await api.events() == [("contact:1", "sms_delivered")]


async def test_a_callback_may_tell_of_an_opt_out(api: Api) -> None:
    """A messaging service finds out only later that the number had opted out."""
    await TextLog(api.world.pool).begin(TextMessage(PHONE, "Hi", await api.world.record("contact:1")), "k1")
    told = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "21610"}
    await call(api.caller, PUBLIC, STATUS, **told)
    assert (await opted_out(api), await api.events()) == ([PHONE], [("contact:1", "sms_failed")])


async def test_a_callback_for_nobody_is_taken(api: Api) -> None:
    """Of a text that is not ours there is nothing to say."""
    answer = await call(api.caller, PUBLIC, "/twilio/status/nobody", MessageSid="SM1", MessageStatus="sent")
    assert answer.status_code == 204


def signed(url: str = f"{PUBLIC}/twilio/inbound", token: str = TOKEN, **changed: str) -> str:
    signature: str = RequestValidator(token).compute_signature(url, FORM | changed)
    return signature


FORGED: dict[str, dict[str, Any]] = {
    "no signature": {"signature": None},
    "an empty one": {"signature": ""},
    "one that is cut": {"signature": signed()[:-2]},
    "another account's": {"signature": signed(token="another")},
    "an extra field": {"body": urlencode(FORM | {"Extra": "1"})},
    "a field twice": {"body": urlencode([*FORM.items(), ("From", "+1")])},
    "a trimmed space": {"signature": signed(Body="STOP ")},
    "http for https": {"signature": signed("http://crm.example.com/twilio/inbound")},
    "another port": {"signature": signed(f"{PUBLIC}:8443/twilio/inbound")},
    "another path": {"signature": signed(f"{PUBLIC}/twilio/status/k1")},
    "JSON as a form": {"body": json.dumps(FORM), "kind": "application/json"},
    "JSON with a form's signature": {"body": json.dumps(FORM)},
    "an upload": {"kind": "multipart/form-data; boundary=x"},
    "no text": {"body": b"Body=\xff"},
    "a query": {"path": "/twilio/inbound?bodySHA256=0"},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
async def test_what_is_not_signed_is_turned_away(api: Api, forged: dict[str, Any]) -> None:
    """In the same words, whatever is wrong; and nothing is kept."""
    request: dict[str, Any] = {"path": "/twilio/inbound", "body": urlencode(FORM), "signature": signed()}
    request |= {"kind": "application/x-www-form-urlencoded"} | forged
    headers = {"Content-Type": request["kind"]}
    headers |= {"X-Twilio-Signature": request["signature"]} if request["signature"] is not None else {}
    answer = await api.caller.post(request["path"], content=request["body"], headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad_signature")
    assert await opted_out(api) == []
    assert await api.world.pool.fetchval("select count(*) from text_received") == 0


async def test_without_an_account_nobody_is_believed(world: World, serve: Serve) -> None:
    """Where no account is set there is no signature to check."""
    async with serve(key=None, PUBLIC_URL=PUBLIC) as caller:
        answer = await call(caller, PUBLIC, "/twilio/inbound", **FORM)
    assert answer.status_code == 403


async def test_a_stop_while_a_flow_runs_means_no_later_texts(world: World, serve: Serve) -> None:
    """On a real worker: a text, the reply STOP by Twilio's webhook, which the flow waits for, and no second text."""
    step = {"place": "outside", "kind": "send_sms", "name": "Text"}
    config = complete(world.catalogue["send_sms"], {"text": "Hi {{ contact.firstname }}"})
    drawn = flow(
        world.key("texts"),
        Perform.model_validate({**step, "id": "first", "edges": {NEXT: "reply"}, "config": config}),
        WaitForEvent.model_validate(
            {"id": "reply", "name": "Reply", "edges": {NEXT: "second"}, "any_of": [{"event": "sms_received"}]}
        ),
        Perform.model_validate({**step, "id": "second", "edges": {NEXT: None}, "config": config}),
    )
    contact = await world.record("contact:1", firstname="Anna", phone="040 1234567")
    async with twilio() as stand_in:
        given = standing(stand_in) | {"TWILIO__COUNTRIES": "FI"}
        async with serve(key=None, PUBLIC_URL=PUBLIC, **given) as caller:
            sms = texts(Settings.load(), world.pool)
            assert sms is not None
            world.sms = sms
            revision = await world.publish(Revision.of(drawn.flow))
            async with world.serving():
                enrollment = await world.enroll(revision, contact)
                await world.asleep(revision, contact, "reply")
                [message] = stand_in.messages.values()
                path = message["callback"].removeprefix(PUBLIC)
                await call(caller, PUBLIC, path, MessageSid=message["sid"], MessageStatus="delivered")
                await call(caller, PUBLIC, "/twilio/inbound", **FORM)
                assert await world.ended(enrollment) == "completed"
            await sms.close()
    assert stand_in.texts == [(PHONE, "Hi Anna")]
    assert [line for _, line in await world.path(enrollment)] == ["sent", "happened", "skipped: opted_out"]


async def test_users_have_phones(world: World, tmp_path: Path) -> None:
    """From their file, as E.164; without the column they stay, and what is none is a bad row."""
    file = tmp_path / "users.csv"
    file.write_text("id,email,phone\n1,a@x.fi,+358 40 1234567\n2,b@x.fi,\n3,c@x.fi,040 1234567\n", encoding="utf-8")
    good, bad = await load_users(world.pool, file)
    assert (good, [(row.line, "of which country" in str(row.reason)) for row in bad]) == (2, [(4, True)])
    file.write_text("id,email,name\n1,a@x.fi,Aino\n", encoding="utf-8")
    await load_users(world.pool, file)
    assert [(each.user.name, each.user.phone) for each in await everyone(world.pool)] == [("Aino", PHONE), ("", "")]
