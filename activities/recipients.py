"""Effects with several recipients: who they are, who is left out and why, and what became of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from activities.action import Done, Refused, Skipped
from activities.effects import Part
from workflows.model.addresses import is_address
from workflows.model.journal import Outcome
from workflows.model.records import Record

MOST_RECIPIENTS = 100
"""With more of them none gets it, as in HubSpot: it is rather a slip than a wish."""

ONE: Mapping[str, JsonValue] = {"sent": 1, "skipped": 0, "failed": 0, "unknown": 0}
"""The counts of an effect with one recipient, who was reached."""

LEFT_OUT = "left_out"
"""Stands in what is prepared for somebody who is not reached, with the code that says why."""


@dataclass(frozen=True)
class Addressee:
    """Somebody to write to: as the parts of the effect call them, the address, whether it is a contact, and why not."""

    who: str
    to: str = ""
    contact: str = ""
    left_out: str = ""


def check_number(recipients: Sequence[object]) -> None:
    """Raise Skipped where there is no recipient, and Refused where there are too many."""
    if not recipients:
        raise Skipped("no_contact")
    if len(recipients) > MOST_RECIPIENTS:
        raise Refused("too_many_recipients", f"{len(recipients)} of them; it goes to {MOST_RECIPIENTS} at most")


def at_primary_address(record: Record) -> Addressee:
    """Address a contact at its own address."""
    return Addressee(str(record.ref), str(record.properties.get("email") or "").strip(), contact=str(record.ref))


def addressed(addressees: Sequence[Addressee]) -> list[dict[str, JsonValue]]:
    """Say who is written to and who is left out; of those who share an address only the first is written to."""
    taken: set[str] = set()
    found: list[dict[str, JsonValue]] = []
    for each in addressees:
        code = each.left_out or _left_out(each.to, taken)
        known = {"who": each.who, "to": each.to, "contact": each.contact, LEFT_OUT: code}
        found.append({name: said for name, said in known.items() if said or name == "to"})
        taken.add(each.to.casefold())
    return found


def _left_out(to: str, taken: set[str]) -> str:
    if not to:
        return "no_address"
    if not is_address(to):
        return "bad_address"
    return "same_address" if to.casefold() in taken else ""


def check_address(letter: Mapping[str, Any]) -> None:
    """Raise Skipped or Refused for somebody who is left out."""
    code = letter.get(LEFT_OUT)
    if code == "bad_address":
        raise Refused(code, f"{letter['to'][:300]!r} is not one plain e-mail address")
    if code:
        raise Skipped(code)


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
