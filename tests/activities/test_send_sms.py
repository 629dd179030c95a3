from __future__ import annotations

from typing import Any

import pytest

from activities.action import Retryable
from activities.performing import Again
from tests.activities.texting_bench import ANNA, DEAL, PHONE, TextingBench
from workflows.contract import Answer


@pytest.fixture
def bench() -> TextingBench:
    """Texts in a simulation."""
    return TextingBench()


def contacts(bench: TextingBench, *phones: Any) -> None:
    """Associate new contacts with the deal, one for each phone."""
    for number, phone in enumerate(phones, 100):
        ref = bench.world.record(f"contact:{number}", firstname=f"C{number}", phone=phone)
        bench.world.ledger.crm.associations.append((DEAL, ref, ""))


async def test_the_contact_is_texted(bench: TextingBench) -> None:
    """At its own number, which is kept with the message, so that a reply finds it."""
    assert await bench.texted("send_sms", text="Hi {{ contact.firstname }}") == Answer(line="sent")
    [message] = bench.sms.sent.values()
    assert (message.to, message.text, message.contact) == (PHONE, "Hi Anna", ANNA)


async def test_each_contact_of_a_deal_is_texted(bench: TextingBench) -> None:
    """With its own values, once for each number."""
    contacts(bench, "+1 415 555 0111", "+14155550112", "+14155550111", None, "no number")
    answer = await bench.texted("send_sms", DEAL, text="{{ contact.firstname }}: {{ deal.name }}")
    assert bench.texts == [("+14155550111", "C100: Big"), ("+14155550112", "C101: Big")]
    assert answer.line == "sent to 2 of 5, 2 skipped, 1 failed"


async def test_another_number_may_be_named(bench: TextingBench) -> None:
    """A property of any name."""
    bench.world.record("contact:1", mobile="+14155550113")
    await bench.texted("send_sms", text="Hi", to="{{ contact.mobile }}")
    assert [to for to, _ in bench.texts] == ["+14155550113"]


@pytest.mark.parametrize(
    ("phone", "outcome", "code"), [(None, "skipped", "no_phone"), ("call me", "failed", "bad_number")]
)
async def test_a_contact_that_cannot_be_texted_moves_on(
    bench: TextingBench, phone: str | None, outcome: str, code: str
) -> None:
    """Without a number it is skipped; with a bad one the step fails."""
    bench.world.record("contact:1", phone=phone)
    answer = await bench.texted("send_sms", text="Hi")
    assert (answer.outcome, answer.line) == (outcome, f"{outcome}: {code}")


async def test_a_deal_without_contacts_is_skipped(bench: TextingBench) -> None:
    """There is nobody to text."""
    assert (await bench.texted("send_sms", DEAL, text="Hi")).line == "skipped: no_contact"


async def test_who_opted_out_gets_nothing(bench: TextingBench) -> None:
    """And uses up no quota."""
    bench.store.opt_outs.numbers.add(PHONE)
    assert await bench.texted("send_sms", text="Hi") == Answer(outcome="skipped", line="skipped: opted_out")
    assert (bench.texts, bench.store.quotas.used) == ([], {})


async def test_who_opts_out_while_a_text_is_put_off_gets_nothing(bench: TextingBench) -> None:
    """It is asked again right before the text is handed over."""
    bench.sms.answers = [Retryable("sms_busy")]
    with pytest.raises(Again):
        await bench.texted("send_sms", text="Hi")
    bench.store.opt_outs.numbers.add(PHONE)
    assert (await bench.texted("send_sms", text="Hi")).line == "skipped: opted_out"
    assert bench.texts == []


async def test_the_spend_of_a_month_is_bounded(bench: TextingBench) -> None:
    """More texts to contacts than the operator lets through fail at once."""
    bench.limit(a_month_to_contacts=1)
    await bench.texted("send_sms", text="Hi")
    assert (await bench.texted("send_sms", text="Hi", visit=2)).line == "failed: rate_limited"
