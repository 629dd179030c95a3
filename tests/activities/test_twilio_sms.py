"""Texts by Twilio, from the log in PostgreSQL to a stand-in of Twilio on loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from activities.action import Ambiguous, Refused, Retryable, Skipped
from activities.effects import Texted, TextMessage, TextState
from activities.gateways import twilio_transport
from activities.gateways.text_log import TextLog
from activities.gateways.twilio_settings import TwilioSettings
from activities.gateways.twilio_sms import MENDING, MOST_FOLLOWED, Pace, TwilioSms
from tests.activities.twilio_stand_in import ACCOUNT, SENDER, TOKEN, Fault, TwilioStandIn, twilio
from tests.world import World
from workflows.model.records import RecordRef

TO, TEXT = "+14155550123", "Hi Anna — see you at 9? 50 % & more ☕"
HELLO = TextMessage(TO, TEXT, RecordRef.parse("contact:1"))
QUICK = Pace(within=0.5, look=0.01, growth=1.0)


@pytest.fixture
async def stand_in() -> AsyncIterator[TwilioStandIn]:
    """Twilio on loopback."""
    async with twilio() as standing:
        yield standing


@pytest.fixture
async def sms(world: World, stand_in: TwilioStandIn) -> AsyncIterator[TwilioSms]:
    """What sends, with callbacks to our public URL."""
    made = TwilioSms(settings(stand_in), TextLog(world.pool), "https://crm.example.com", QUICK)
    yield made
    await made.close()


def settings(stand_in: TwilioStandIn, **given: Any) -> TwilioSettings:
    standard = {"account_sid": ACCOUNT, "auth_token": SecretStr(TOKEN), "sender": SENDER, "base_url": stand_in.url}
    return TwilioSettings.model_validate({**standard, **given})


async def logged(world: World) -> list[tuple[str, str]]:
    return [tuple(row) for row in await world.pool.fetch("select effect, state from text_message order by effect")]


async def test_a_text_goes_out_as_the_api_wants_it(sms: TwilioSms, stand_in: TwilioStandIn, world: World) -> None:
    """As a form under our account, with the callback that carries the effect's key; the log knows its id."""
    assert await sms.send(HELLO, "k1") == Texted("SM" + "0" * 32, "initiated", 1)
    [message] = stand_in.messages.values()
    assert (message["to"], message["from"], message["body"]) == (TO, SENDER, TEXT)
    assert message["callback"] == "https://crm.example.com/twilio/status/k1"
    assert await logged(world) == [("k1", "initiated")]


async def test_a_messaging_service_sends_by_its_id(stand_in: TwilioStandIn, world: World) -> None:
    """Then Twilio chooses the number; without a public URL nobody is called back."""
    service = f"MG{'a' * 32}"
    sms = TwilioSms(settings(stand_in, sender=service, countries="us"), TextLog(world.pool))
    await sms.send(HELLO, "k1")
    await sms.close()
    [message] = stand_in.messages.values()
    assert (message["messaging_service_sid"], message["from"], message["callback"]) == (service, None, None)


async def test_one_key_is_one_text(sms: TwilioSms, stand_in: TwilioStandIn) -> None:
    """A second attempt gives what the first one knew, without asking Twilio."""
    first = await sms.send(HELLO, "k1")
    assert await sms.send(HELLO, "k1") == first
    assert stand_in.asked == ["POST .json"]


@pytest.mark.parametrize("fault", ["dies_after", "error_after"])
async def test_a_text_whose_answer_was_lost_is_found_again(
    sms: TwilioSms, stand_in: TwilioStandIn, fault: Fault
) -> None:
    """After silence or 5xx it is looked up before anything is sent: there is one text."""
    stand_in.faults = [fault]
    with pytest.raises(Ambiguous):
        await sms.send(HELLO, "k1")
    assert (await sms.send(HELLO, "k1")).sid == "SM" + "0" * 32
    assert stand_in.asked == ["POST .json", "GET .json"]
    assert stand_in.texts == [(TO, TEXT)]


async def test_a_silent_twilio_is_not_waited_for(
    sms: TwilioSms, stand_in: TwilioStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text was taken, and no answer came in time: nobody knows, until it is looked up."""
    monkeypatch.setattr(twilio_transport, "SECONDS", 0.2)
    stand_in.faults = ["stalls_after"]
    with pytest.raises(Ambiguous, match="sms_unanswered"):
        await sms.send(HELLO, "k1")
    await sms.send(HELLO, "k1")
    assert stand_in.texts == [(TO, TEXT)]


async def test_a_text_that_was_never_taken_is_sent_again(sms: TwilioSms, stand_in: TwilioStandIn) -> None:
    """The connection broke before Twilio had it: it is not found there."""
    stand_in.faults = ["dies_before"]
    with pytest.raises(Ambiguous):
        await sms.send(HELLO, "k1")
    await sms.send(HELLO, "k1")
    assert stand_in.asked == ["POST .json", "GET .json", "POST .json"]
    assert stand_in.texts == [(TO, TEXT)]


async def test_a_look_up_never_takes_the_text_of_another(sms: TwilioSms, stand_in: TwilioStandIn) -> None:
    """Two effects send the same words to the same number: each is sent, whatever answers were lost."""
    await sms.send(HELLO, "k1")
    stand_in.faults = ["dies_before", "dies_after"]
    for key in ("k2", "k3"):
        with pytest.raises(Ambiguous):
            await sms.send(HELLO, key)
    sids = {(await sms.send(HELLO, key)).sid for key in ("k1", "k3", "k2")}
    assert len(sids) == len(stand_in.messages) == 3


async def test_attempts_that_look_up_at_once_share_nothing(sms: TwilioSms, stand_in: TwilioStandIn) -> None:
    """Both find the one text that was taken; one has it, and the other sends its own."""
    stand_in.faults = ["dies_after", "dies_before"]
    for key in ("k1", "k2"):
        with pytest.raises(Ambiguous):
            await sms.send(HELLO, key)
    found = await asyncio.gather(sms.send(HELLO, "k1"), sms.send(HELLO, "k2"))
    assert len({each.sid for each in found}) == len(stand_in.messages) == 2


async def test_a_trial_account_is_understood(sms: TwilioSms, stand_in: TwilioStandIn) -> None:
    """It puts words of Twilio's before each text, and the text is still found."""
    stand_in.prefix, stand_in.faults = "Sent from your Twilio trial account - ", ["dies_after"]
    with pytest.raises(Ambiguous):
        await sms.send(HELLO, "k1")
    await sms.send(HELLO, "k1")
    assert len(stand_in.messages) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((429, 20429), (Retryable, "sms_busy")),
        ((401, 20003), (Retryable, "sms_config")),
        ((400, 21606), (Retryable, "sms_config")),
        ((400, 21211), (Refused, "bad_number")),
        ((400, 21408), (Refused, "country_refused")),
        ((400, 21614), (Refused, "not_mobile")),
        ((400, 21699), (Refused, "twilio_21699")),
        ((500, 20500), (Ambiguous, "sms_unanswered")),
        ((503, 20503), (Ambiguous, "sms_unanswered")),
    ],
)
async def test_what_twilio_says_is_told_apart(
    sms: TwilioSms, stand_in: TwilioStandIn, world: World, fault: Fault, said: tuple[type[Exception], str]
) -> None:
    """Busy is tried again, our own mistakes slowly, a bad recipient never; after 5xx nobody knows."""
    (error, code), stand_in.faults = said, [fault]
    with pytest.raises(error) as raised:
        await sms.send(HELLO, "k1")
    assert getattr(raised.value, "code", "") == code
    assert getattr(raised.value, "after", None) == (MENDING if code == "sms_config" else None)
    assert await logged(world) == ([("k1", "intent")] if error is Ambiguous else [])


async def test_nobody_there_is_tried_again(world: World) -> None:
    """Nothing was sent where no connection came about."""
    nowhere = TwilioSms(settings(TwilioStandIn(port=1)), TextLog(world.pool))
    with pytest.raises(Retryable, match="sms_unreachable"):
        await nowhere.send(HELLO, "k1")
    await nowhere.close()


async def test_who_opted_out_at_twilio_has_opted_out_here(
    sms: TwilioSms, stand_in: TwilioStandIn, world: World
) -> None:
    """Twilio's 21610 is kept, and Twilio is not asked again."""
    stand_in.faults = [(400, 21610)]
    for key in ("k1", "k2"):
        with pytest.raises(Skipped, match="opted_out"):
            await sms.send(HELLO, key)
    assert stand_in.asked == ["POST .json"]
    assert await world.pool.fetchval("select why from text_opt_out where phone = $1", TO) == "21610"


async def test_an_opt_out_counts_for_a_text_that_was_put_off(
    sms: TwilioSms, stand_in: TwilioStandIn, world: World
) -> None:
    """Twilio was busy, then STOP came: the next attempt sends nothing."""
    stand_in.faults = [(429, 20429)]
    with pytest.raises(Retryable):
        await sms.send(HELLO, "k1")
    await TextLog(world.pool).opt_out(TO, "STOP")
    with pytest.raises(Skipped, match="opted_out"):
        await sms.send(HELLO, "k1")
    assert stand_in.texts == []


@pytest.mark.parametrize(
    ("course", "state", "error"),
    [
        (["queued", "sending", "sent"], "sent", ""),
        (["delivered"], "delivered", ""),
        (["sending", "undelivered 30003"], "failed", "30003"),
        (["canceled"], "failed", ""),
        (["a-new-word"], "initiated", ""),
    ],
)
async def test_a_text_is_followed_by_asking(
    sms: TwilioSms, stand_in: TwilioStandIn, course: list[str], state: str, error: str
) -> None:
    """Until it is sent or has failed; and not for ever."""
    stand_in.course = course
    sid = (await sms.send(HELLO, "k1")).sid
    [known] = (await sms.followed([sid])).values()
    assert (known.state, known.error, known.segments) == (state, error, 1)


async def test_a_callback_ends_the_waiting(sms: TwilioSms, stand_in: TwilioStandIn, world: World) -> None:
    """What Twilio has told us is not asked for."""
    stand_in.course = ["queued"]
    sid = (await sms.send(HELLO, "k1")).sid
    await TextLog(world.pool).news(Texted(sid, "delivered"))
    assert (await sms.followed([sid]))[sid].state == "delivered"
    assert stand_in.asked == ["POST .json"]


async def test_a_crowd_of_texts_is_not_waited_for(sms: TwilioSms, stand_in: TwilioStandIn) -> None:
    """Twilio sends one after the other: what is waited for must not take the room of all other effects."""
    stand_in.course = ["queued"]
    sids = [(await sms.send(HELLO, f"k{number}")).sid for number in range(MOST_FOLLOWED + 1)]
    followed = [asyncio.create_task(sms.followed([sid])) for sid in sids]
    done, waiting = await asyncio.wait(followed, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(waiting)) == (1, MOST_FOLLOWED)
    assert {each.state for task in done for each in task.result().values()} == {"initiated"}
    await asyncio.gather(*waiting)
    assert (await sms.followed(sids[:1])).keys() == {sids[0]}


async def test_late_news_change_nothing(sms: TwilioSms, world: World) -> None:
    """Callbacks come in any order: what was delivered is not on its way again."""
    sid, log = (await sms.send(HELLO, "k1")).sid, TextLog(world.pool)
    states: tuple[TextState, ...] = ("delivered", "sent", "initiated")
    for state in states:
        await log.news(Texted(sid, state))
    assert (await log.known([sid]))[sid].state == "delivered"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("+1 900 555 0123", "number_refused"),
        ("+358401234567", "country_refused"),
        ("+870772001234", "country_refused"),
        ("nobody", "bad_number"),
        ("+1415", "bad_number"),
        ("", "bad_number"),
    ],
)
def test_a_number_that_must_not_be_texted_is_refused(stand_in: TwilioStandIn, written: str, code: str) -> None:
    """Premium numbers, other countries than the sender's unless they are listed, and what is no number."""
    sms = TwilioSms(settings(stand_in), TextLog(None))  # type: ignore[arg-type]  # it asks nobody
    with pytest.raises(Refused, match=code):
        sms.number(written)


def test_a_number_is_one_however_it_is_written(stand_in: TwilioStandIn) -> None:
    """Without its country it is of the first that is listed."""
    sms = TwilioSms(settings(stand_in, countries="FI, us"), TextLog(None))  # type: ignore[arg-type]  # as above
    numbers = {sms.number(each) for each in ("+358 40 123 4567", "040 1234567", "00358-40-1234567")}
    assert (numbers, sms.number("+1 (415) 555-2671")) == ({"+358401234567"}, "+14155552671")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sender": f"MG{'a' * 32}"}, "PERDURE_TWILIO__COUNTRIES"),
        ({"countries": "Finland"}, "two letters"),
        ({"account_sid": "AC1"}, "match pattern"),
        ({"base_url": "https://api.twilio.com/v1"}, "without a path"),
        ({"a_minute": 0}, "greater than"),
    ],
)
def test_wrong_settings_are_told(stand_in: TwilioStandIn, given: dict[str, Any], said: str) -> None:
    """Before anything is sent; a messaging service has no country of its own."""
    with pytest.raises(ValidationError, match=said):
        settings(stand_in, **given)


def test_twilio_is_loaded_by_the_first_text() -> None:
    """A worker that sends none never loads the SDK, nor does the command line."""
    loads = "import starter.outside, starter.settings, starter.api.application, activities.gateways.twilio_sms, sys"
    asked = f"{loads}; sys.exit(any(name.split('.')[0] in ('twilio', 'aiohttp', 'requests') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


async def test_what_a_contact_got_is_an_event(sms: TwilioSms, stand_in: TwilioStandIn, world: World) -> None:
    """Whoever learns it first, we by asking or Twilio by telling; a colleague's text is nobody's event."""
    stand_in.course = ["undelivered 30003"]
    sids = [(await sms.send(message, key)).sid for key, message in (("k1", HELLO), ("k2", TextMessage(TO, TEXT)))]
    await sms.followed(sids)
    [event] = await world.pool.fetch("select type, record_type, record_id, properties from event")
    assert tuple(event) == ("sms_failed", "contact", "1", {"sid": sids[0], "error": "30003"})
