"""Effects with several recipients: a letter for each, and what became of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from activities.action import Do, Done, Refused, Skipped
from activities.effects import Mail, Part
from workflows.model.addresses import is_address
from workflows.model.journal import Outcome
from workflows.model.records import Record, RecordRef

MOST_RECIPIENTS = 100
"""With more contacts than these none gets it, as in HubSpot: it is rather a slip than a wish."""

MOST_CHARACTERS = 8 * 1024 * 1024
"""Of all letters of an effect together, which are kept until all are sent."""

ONE: Mapping[str, JsonValue] = {"sent": 1, "skipped": 0, "failed": 0, "unknown": 0}
"""The counts of an effect with one recipient, who was reached."""

LEFT_OUT = "left_out"
"""Stands in a letter that is not sent, with the code that says why."""


def check_number(recipients: Sequence[Record]) -> None:
    """Raise Skipped where there is no recipient, and Refused where there are too many."""
    if not recipients:
        raise Skipped("no_contact")
    if len(recipients) > MOST_RECIPIENTS:
        raise Refused("too_many_recipients", f"{len(recipients)} contacts; it goes to {MOST_RECIPIENTS} at most")


def letters(recipients: Sequence[Record], texts: Sequence[Mapping[str, str]]) -> list[dict[str, JsonValue]]:
    """Address a letter to the primary address of each contact; of those who share one only the first gets it.

    Raise Refused where they are too large to be kept.
    """
    if sum(len(text) for filled in texts for text in filled.values()) > MOST_CHARACTERS:
        raise Refused("template_too_large", f"{len(texts)} letters have more than {MOST_CHARACTERS} characters")
    taken: set[str] = set()
    written: list[dict[str, JsonValue]] = []
    for record, filled in zip(recipients, texts, strict=True):
        to = str(record.properties.get("email") or "").strip()
        code = _left_out(to, taken)
        written.append({"contact": str(record.ref), "to": to, **({LEFT_OUT: code} if code else filled)})
        taken.add(to.casefold())
    return written


def _left_out(to: str, taken: set[str]) -> str:
    if not to:
        return "no_address"
    if not is_address(to):
        return "bad_address"
    return "same_address" if to.casefold() in taken else ""


def check_address(letter: Mapping[str, Any]) -> None:
    """Raise Skipped or Refused for a letter that is not sent."""
    code = letter.get(LEFT_OUT)
    if code == "bad_address":
        raise Refused(code, f"{letter['to'][:300]!r} is not one plain e-mail address")
    if code:
        raise Skipped(code)


async def send(do: Do, letter: Mapping[str, Any], key: str) -> str:
    """Send a letter under a key, with the link that ends such e-mail; give what the mailer says."""
    check_address(letter)
    link = do.links.unsubscribe(RecordRef.parse(letter["contact"]), key)
    mail = Mail(to=letter["to"], subject=letter["subject"], text=letter["text"], unsubscribe=link)
    return await do.mail.send(replace(mail, html=letter.get("html"), sender=letter.get("sender") or None), key)


def summed_up(parts: Mapping[str, Part], did: str) -> Done:
    """Say what became of all: it is done where one was reached, else unknown where one may have been."""
    counts = Counter(part.state for part in parts.values())
    output: dict[str, JsonValue] = {
        "sent": counts["done"],
        "skipped": counts["skipped"],
        "failed": counts["failed"],
        "unknown": counts["unknown"],
    }
    outcome = next(state for state in _IN_ORDER if counts[state])
    if outcome != "done":
        first = next(part for part in parts.values() if part.state == outcome)
        return Done(line=code_of(first), output=output, outcome=outcome)
    beside = "".join(f", {counts[state]} {state}" for state in _BESIDE if counts[state])
    return Done(line=f"{did} to {counts['done']} of {len(parts)}{beside}", output=output)


_IN_ORDER: tuple[Outcome, ...] = ("done", "unknown", "failed", "skipped")
_BESIDE: tuple[Outcome, ...] = ("skipped", "failed", "unknown")


def code_of(part: Part) -> str:
    """Give the code that the note of a part begins with, which holds nothing personal."""
    return part.note.partition(":")[0]
