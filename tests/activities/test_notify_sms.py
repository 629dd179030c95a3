from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from activities.action import Refused, Retryable
from activities.actions.notify_sms import NotifySms
from activities.effects import Texted
from activities.fakes import fake_outside
from activities.performing import Again
from activities.texting import PATIENCE, provider
from tests.activities.texting_bench import DEAL, PHONE, TextingBench
from workflows.contract import MOST_DEFERRALS, Answer

BO = "+14155550107"
OTHERS = [f"+1415555{n:04}" for n in range(30)]


@pytest.fixture
def bench() -> TextingBench:
    """Texts in a simulation."""
    return TextingBench()


async def test_the_owner_is_texted(bench: TextingBench) -> None:
    """In the words of the flow; the outputs tell the provider's id and how far it came."""
    answer = await bench.texted("notify_sms", owners=["owner"], text="{{ contact.firstname }} called")
    assert answer == Answer(line="sent")
    assert bench.texts == [(BO, "Anna called")]
    [key] = bench.sms.sent
    counts = {"sent": 1, "skipped": 0, "failed": 0, "unknown": 0}
    assert bench.output == {**counts, "sid": f"SM{key}", "status": "sent", "segments": 1}


async def test_each_number_is_texted_once(bench: TextingBench) -> None:
    """Users, the members of teams, owners and given numbers; who has no phone or was named before is left out."""
    given = ["+1 415 555 0107", OTHERS[0]]
    answer = await bench.texted("notify_sms", users=["9"], teams=["sales"], owners=["owner"], to=given, text="Hi")
    assert bench.texts == [(BO, "Hi"), (OTHERS[0], "Hi")]
    assert answer.line == "sent to 2 of 5, 3 skipped"
    notes = sorted(part.note for part in bench.world.ledger.begun["e", 1].values() if part.state == "skipped")
    assert notes == ["inactive_user: ", "no_phone: ", "same_number: "]


async def test_nobody_to_text_is_recorded(bench: TextingBench) -> None:
    """An owner without a phone: the record moves on."""
    answer = await bench.texted("notify_sms", users=["8"], text="Hi")
    assert answer == Answer(outcome="skipped", line="skipped: no_phone")


@pytest.mark.parametrize("code", ["number_refused", "country_refused"])
async def test_a_number_that_costs_is_refused(bench: TextingBench, code: str) -> None:
    """Premium numbers and countries that are not listed: the step fails, and nothing is sent."""
    bench.sms.refused = {OTHERS[0]: code}
    answer = await bench.texted("notify_sms", to=[OTHERS[0]], text="Hi")
    assert (answer.outcome, answer.line, bench.texts) == ("failed", f"failed: {code}", [])


@pytest.mark.parametrize(("text", "code"), [("{{ contact.nothing }} ", "no_text"), ("x" * 1601, "text_too_long")])
async def test_a_text_that_is_none_is_not_sent(bench: TextingBench, text: str, code: str) -> None:
    """It is empty once its tokens are replaced, or longer than a provider takes."""
    assert (await bench.texted("notify_sms", to=OTHERS[:1], text=text)).line == f"failed: {code}"


@pytest.mark.parametrize(
    ("came", "line"),
    [
        (Texted("", "initiated", 2), "initiated, not confirmed yet"),
        (Texted("", "delivered", 2), "sent"),
        (Texted("", "failed", 2, "30003"), "failed: undelivered"),
    ],
)
async def test_what_a_text_came_to_is_told(bench: TextingBench, came: Texted, line: str) -> None:
    """Initiated, sent or failed; the provider's code stays in the ledger."""
    bench.sms.come_to = {OTHERS[0]: came}
    assert (await bench.texted("notify_sms", to=OTHERS[:1], text="Hi")).line == line
    assert (bench.output["status"], bench.output["segments"]) == (came.state, 2)


async def test_of_many_each_came_to_something(bench: TextingBench) -> None:
    """One arrives, one is lost, one is on its way."""
    bench.sms.come_to = {OTHERS[1]: Texted("", "failed", 1, "30003"), OTHERS[2]: Texted("", "initiated", 1)}
    answer = await bench.texted("notify_sms", to=OTHERS[:3], text="Hi")
    assert answer.line == "sent to 2 of 3, 1 failed, 1 not confirmed yet"


async def test_an_attempt_goes_on_where_the_last_one_stopped(bench: TextingBench) -> None:
    """The provider was busy for one of two: the other is not texted again, and the quotas are used once."""
    bench.sms.answers = [Retryable("sms_busy")]
    with pytest.raises(Again):
        await bench.texted("notify_sms", to=OTHERS[:2], text="Hi")
    assert await bench.texted("notify_sms", to=OTHERS[:2], text="Hi") == Answer(line="sent to 2 of 2")
    assert len(bench.texts) == 2
    assert len(bench.store.quotas.used["sms"]) == 2


async def test_a_record_waits_for_a_quota(bench: TextingBench) -> None:
    """It sleeps until there is room, and is texted then."""
    bench.store.quotas.used["sms"] = [bench.world.clock] * 20
    began = bench.world.clock
    assert await bench.walked("notify_sms", to=OTHERS[:1], text="Hi") == ["deferred: rate_limited", "sent"]
    assert timedelta(minutes=1) <= bench.world.clock - began <= timedelta(seconds=75)


async def test_a_record_waits_for_two_hours_at_most(bench: TextingBench) -> None:
    """Whatever the others use up meanwhile; and it looks so seldom that it is never held for an operator."""
    always = _Used(bench)
    bench.store.quotas.used["sms"] = always
    began = bench.world.clock
    *deferred, last = await bench.walked("notify_sms", to=OTHERS[:1], text="Hi")
    assert (last, {*deferred}) == ("failed: rate_limited", {"deferred: rate_limited"})
    assert (bench.world.clock - began, bench.texts) == (PATIENCE, [])
    assert 5 < len(deferred) < MOST_DEFERRALS - 3


class _Used(list[datetime]):
    """Uses of a quota that others make without end: the last twenty are always of this moment."""

    def __init__(self, bench: TextingBench) -> None:
        super().__init__()
        self.bench = bench

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204 - as a list
        return iter([self.bench.world.clock] * 20)


@pytest.mark.parametrize("limits", [{"a_month": 3}, {"a_day_to_one": 1}])
async def test_what_cannot_be_free_in_time_fails_at_once(bench: TextingBench, limits: dict[str, int]) -> None:
    """The month is used up, or the number had its texts of the day: no record sleeps for that."""
    bench.limit(**limits)
    for visit in range(1, limits.get("a_month", 1) + 1):
        assert (await bench.texted("notify_sms", to=OTHERS[:1], text="Hi", visit=visit)).line == "sent"
    answer = await bench.texted("notify_sms", to=OTHERS[:1], text="Hi", visit=9)
    assert (answer.outcome, answer.line) == ("failed", "failed: rate_limited")


async def test_the_end_of_the_month_may_be_waited_for(bench: TextingBench) -> None:
    """An hour before it the record sleeps until the new one."""
    bench.limit(a_month=1)
    bench.world.clock = datetime.fromisoformat("2026-01-31T23:00:00+00:00")
    bench.store.quotas.used["sms"] = [bench.world.clock]
    lines = await bench.walked("notify_sms", to=OTHERS[:1], text="Hi")
    assert lines == ["deferred: rate_limited", "sent"]


async def test_more_than_a_minute_takes_are_never_texted(bench: TextingBench) -> None:
    """Thirty at once, where twenty a minute are let through, would wait for ever."""
    answer = await bench.texted("notify_sms", to=OTHERS, text="Hi")
    assert (answer.line, bench.texts) == ("failed: too_many_recipients", [])


async def test_contacts_and_colleagues_are_counted_apart(bench: TextingBench) -> None:
    """A campaign to contacts does not silence the alarm to a colleague."""
    bench.limit(a_month_to_contacts=1)
    await bench.texted("send_sms", text="Hi")
    assert (await bench.texted("notify_sms", owners=["owner"], text="Hi", visit=2)).line == "sent"
    assert [to for to, _ in bench.texts] == [PHONE, BO]


async def test_without_a_provider_the_step_fails(bench: TextingBench) -> None:
    """With what to set."""
    with pytest.raises(Refused, match="no_sms_provider") as refused:
        provider(replace(fake_outside(), sms=None))
    assert "PERDURE_TWILIO__ACCOUNT_SID" in refused.value.note


@pytest.mark.parametrize(
    ("config", "said"),
    [({}, "whom"), ({"to": ["0401234567"]}, "pattern"), ({"to": ["+358"]}, "pattern")],
)
def test_a_step_names_somebody(config: dict[str, object], said: str) -> None:
    """At publish: users, teams, owners or numbers with their country."""
    with pytest.raises(ValidationError, match=said):
        NotifySms.model_validate({"text": "Hi", **config})


async def test_a_deal_may_tell_its_owner(bench: TextingBench) -> None:
    """In a flow for any type."""
    await bench.texted("notify_sms", DEAL, owners=["owner"], text="{{ deal.name }} is won")
    assert bench.texts == [(BO, "Big is won")]
