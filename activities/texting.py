"""Texting several people as one effect: who can be texted, whether the quotas let it through, what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from pydantic import JsonValue

from activities.action import PARTS, Do, Done, NotBefore, Preparing, Refused, Skipped
from activities.effects import NEVER, Limit, Outside, Part, Quota, Sms, Texted, TextLimits, TextMessage
from activities.recipients import LEFT_OUT, summed_up
from workflows.model.records import RecordRef

MOST_CHARACTERS = 1_600
"""Of one text; providers take no longer ones."""

PATIENCE = timedelta(hours=2)
"""How long a text waits for a quota; then the record moves on without it."""

AT_LEAST = timedelta(seconds=30)
"""How long it waits at a time; and never less than half of what it has waited, so that it is tried a few times only."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

OUTPUTS: Mapping[str, str] = {
    "sent": "How many were texted.",
    "skipped": "How many were left out, as those without a number.",
    "failed": "How many could not be texted.",
    "unknown": "How many may have been texted, and nobody can tell.",
    "sid": "With one recipient, the provider's id of the text.",
    "status": "With one recipient, how far it came: initiated, sent, delivered or failed.",
    "segments": "With one recipient, in how many segments it went.",
}


@dataclass(frozen=True)
class Recipient:
    """Somebody to text: as the parts of the effect call them, their number as it is written, and why not, as a code."""

    who: str
    phone: str = ""
    text: str = ""
    left_out: str = ""
    contact: RecordRef | None = None


def provider(outside: Outside) -> Sms:
    """Give what sends texts; raise Refused where nothing is set up."""
    if outside.sms is None:
        raise Refused(
            "no_sms_provider", "set PERDURE_TWILIO__ACCOUNT_SID and what goes with it, and start the worker again"
        )
    return outside.sms


async def prepared(preparing: Preparing, recipients: Sequence[Recipient], *, to_contacts: bool) -> dict[str, JsonValue]:
    """Say who is texted what, as it is written down with the intent, and use up the quotas for it.

    Raise Refused for a text that is none, NotBefore where a quota is used up for now, and Refused where the record need
    not wait for it.
    """
    sms = provider(preparing.outside)
    for text in {each.text for each in recipients if not each.left_out}:
        _check(text)
    known = [_numbered(sms, each) for each in recipients]
    opted_out = await preparing.store.opt_outs.of([str(each["to"]) for each in known if "to" in each])
    taken: set[str] = set()
    for each in known:
        to = str(each.get("to", ""))
        if to and (code := "opted_out" if to in opted_out else "same_number" if to in taken else ""):
            each[LEFT_OUT] = code
        taken.add(to)
    if numbers := [str(each["to"]) for each in known if LEFT_OUT not in each]:
        await _within(_quotas_of(numbers, sms.limits, to_contacts=to_contacts), preparing)
    return {PARTS: [*known]}


def _check(text: str) -> None:
    if not text.strip():
        raise Refused("no_text", "the text is empty once its tokens are replaced")
    if len(text) > MOST_CHARACTERS:
        raise Refused("text_too_long", f"it has {len(text)} characters; a text takes {MOST_CHARACTERS} at most")


def _numbered(sms: Sms, recipient: Recipient) -> dict[str, JsonValue]:
    who: dict[str, JsonValue] = {"who": recipient.who}
    who |= {"contact": str(recipient.contact)} if recipient.contact else {}
    if recipient.left_out or not recipient.phone.strip():
        return {**who, LEFT_OUT: recipient.left_out or "no_phone"}
    try:
        return {**who, "to": sms.number(recipient.phone), "text": recipient.text}
    except Refused as refused:
        return {**who, LEFT_OUT: refused.code, "note": refused.note}


def _quotas_of(numbers: Sequence[str], limits: TextLimits, *, to_contacts: bool) -> list[Quota]:
    """Give what texting these numbers uses up; colleagues and contacts are counted apart, but for each number."""
    if to_contacts:
        account = Quota("sms to contacts", (Limit(limits.a_month_to_contacts),), len(numbers))
    else:
        windows = (Limit(limits.a_minute, MINUTE), Limit(limits.an_hour, HOUR), Limit(limits.a_month))
        account = Quota("sms", windows, len(numbers))
    to_one = (Limit(limits.a_day_to_one, DAY),)
    return [account, *(Quota(f"sms to {_nameless(number)}", to_one) for number in numbers)]


def _nameless(number: str) -> str:
    return sha256(number.encode()).hexdigest()[:16]


async def _within(quotas: Sequence[Quota], preparing: Preparing) -> None:
    free_at = await preparing.store.quotas.take(quotas, preparing.now)
    if free_at is None:
        return
    if free_at == NEVER:
        raise Refused("too_many_recipients", "they are more than the quotas let through at once")
    over = preparing.since + PATIENCE
    if preparing.now >= over or free_at > over:
        raise Refused("rate_limited", f"the quotas let it through at {free_at:%Y-%m-%d %H:%M:%S} UTC or later")
    wait = max(free_at - preparing.now, AT_LEAST, (preparing.now - preparing.since) / 2)
    # Those who wait for the same moment come back one after the other.
    wait += wait / 4 * sha256(preparing.key.encode()).digest()[0] / 256
    raise NotBefore(min(preparing.now + wait, over), "rate_limited")


async def texted(do: Do) -> Done:
    """Text all who are prepared, wait for what comes of it, and sum it up."""
    sms = provider(do.outside)
    entries: list[Any] = do.prepared[PARTS]  # type: ignore[assignment]  # as `prepared` wrote it
    parts = await do.parts.each({each["who"]: partial(_text, sms, each) for each in entries})
    came_to = await sms.followed([part.note for part in parts.values() if part.state == "done"])
    known = {who: _as_known(part, came_to.get(part.note)) for who, part in parts.items()}
    return _told(known, came_to)


async def _text(sms: Sms, entry: Mapping[str, Any], key: str) -> str:
    """Text one; give the provider's id, by which it is followed."""
    code = entry.get(LEFT_OUT)
    if code and "note" in entry:
        raise Refused(code, entry["note"])
    if code:
        raise Skipped(code)
    contact = RecordRef.parse(entry["contact"]) if "contact" in entry else None
    return (await sms.send(TextMessage(entry["to"], entry["text"], contact), key)).sid


def _as_known(part: Part, came_to: Texted | None) -> Part:
    if came_to is None or came_to.state != "failed":
        return part
    return Part("failed", f"undelivered: {came_to.error}")


def _told(parts: Mapping[str, Part], came_to: Mapping[str, Texted]) -> Done:
    done = summed_up(parts, "sent")
    if len(parts) == 1 and len(came_to) == 1:
        [one] = came_to.values()
        output = {**done.output, "sid": one.sid, "status": one.state, "segments": one.segments}
        line = {"failed": done.line, "initiated": "initiated, not confirmed yet"}.get(one.state, "sent")
        return replace(done, line=line, output=output)
    waiting = sum(each.state == "initiated" for each in came_to.values())
    return replace(done, line=f"{done.line}, {waiting} not confirmed yet") if waiting else done
