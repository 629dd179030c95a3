"""An effect of several parts: each is done once, wherever the others stand.

A part has a row of its own, written before it is done and after. So a worker that dies between two recipients has
another one go on with the next, and of all of them only the one that was under way may be done twice, or be unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import JsonValue

from activities.action import PARTS, Ambiguous, Done, Refused, Retryable, Skipped
from activities.effects import Part
from activities.faults import no_fault
from activities.ledger import Ledger, PartRow, PartState, VisitTaken, effect_key
from activities.recipients import summed_up
from workflows.contract import Step
from workflows.model.nodes import Perform

MOST_PUT_OFF = 10
"""Parts in a row that are put off before the rest is left for a later attempt: it is hardly about the recipients."""

SHARE_OF_TIME = 0.6
"""After this share of an attempt's time no further part is begun, so that none is cut off in the middle."""

AT_ONCE = timedelta(milliseconds=100)
"""How long after an attempt that ran out of time the next one goes on."""

_LEFT = "parts_left"

Act = Callable[[str], Awaitable[str]]


def given_up(begun: Mapping[str, PartRow], content: Mapping[str, JsonValue] | None) -> Done:
    """Sum up the parts of an effect that is given up: what was put off or never begun has failed."""
    parts = {name: _left(row) for name, row in begun.items()}
    names = (content or {}).get(PARTS)
    never = len(names) - len(parts) if isinstance(names, list) else 0
    return summed_up(parts | {f"{n}": Part("failed", "gave_up") for n in range(never)}, "sent")


def _left(row: PartRow) -> Part:
    if row.state in ("done", "failed", "skipped"):
        return Part(row.state, row.note)
    return Part("failed", "gave_up") if row.state == "retrying" else Part("unknown", "gave_up")


@dataclass
class VisitParts:
    """The parts of a visit, as one attempt does them, in order."""

    ledger: Ledger
    step: Step
    node: Perform
    attempt: str
    insist: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
    """Tries to write for as long as can be: only this attempt knows."""
    crash_point: Callable[[str], None] = no_fault
    put_off: list[Retryable | Ambiguous] = field(default_factory=list)
    """Why parts are left for another attempt."""
    in_a_row: int = 0

    async def each(self, parts: Mapping[str, Act]) -> dict[str, Part]:
        """See Parts."""
        clock = asyncio.get_running_loop().time
        until = clock() + SHARE_OF_TIME * self.node.timeout.total_seconds()
        rows = await self.ledger.parts(self.step)
        found: dict[str, Part] = {}
        for name, act in sorted(parts.items(), key=lambda part: part[0] in rows):  # none waits for one put off before
            row = rows.get(name)
            if row and (over := await self._over(name, row)):
                found[name] = over
            elif self.in_a_row == MOST_PUT_OFF:
                break
            elif clock() > until:
                self.put_off.append(Retryable(_LEFT, f"{len(parts) - len(found)} of {len(parts)}", AT_ONCE))
                break
            elif (done := await self._do(name, act, row)) is not None:
                found[name] = done
        if self.put_off:
            raise self._again()
        return found

    async def _over(self, name: str, row: PartRow) -> Part | None:
        """Give what a part came to earlier; one that may have been done is left where it must not be repeated."""
        if row.state in ("done", "failed", "skipped"):
            return Part(row.state, row.note)
        if row.state == "retrying" or self.node.repeat != "at_most_once":
            return None
        note = row.note or "lost: an earlier attempt may have done it"
        await self.ledger.settle_part(self.step, name, row.attempt, "unknown", note)
        return Part("unknown", note)

    async def _do(self, name: str, act: Act, row: PartRow | None) -> Part | None:
        """Do a part; None where it is put off."""
        unsure = row is not None and row.state in ("intent", "unknown")
        seen = row.attempt if row else None
        if not await self.ledger.intend_part(self.step, name, self.attempt, seen, repeated=unsure):
            raise VisitTaken  # another attempt goes on with the rest
        self.crash_point("part_intended")
        try:
            part, error = Part("done", await act(effect_key(self.step.enrollment, self.step.visit, name))), None
        except Refused as refused:
            part, error = Part("failed", f"{refused.code}: {refused.note}"), None
        except Skipped as skipped:
            # It was done before, maybe, by an attempt that may not be made again: nobody knows.
            part, error = Part("unknown" if unsure else "skipped", f"{skipped.code}: {skipped.note}"), None
        except (Retryable, Ambiguous) as trouble:
            part, error = Part("unknown", f"{trouble.code}: {trouble.note}"), trouble
        self.crash_point("part_sent")
        state: PartState = "retrying" if isinstance(error, Retryable) else part.state
        await self.insist(lambda: self.ledger.settle_part(self.step, name, self.attempt, state, part.note))
        self.crash_point("part_settled")
        return self._is_put_off(part, error)

    def _is_put_off(self, part: Part, error: Retryable | Ambiguous | None) -> Part | None:
        if error is None or (isinstance(error, Ambiguous) and self.node.repeat == "at_most_once"):
            self.in_a_row = 0
            return part
        self.put_off.append(error)
        self.in_a_row += 1
        return None

    def _again(self) -> Retryable | Ambiguous:
        """Give one reason for all: that a part may have been done outweighs that others surely were not."""
        unsure = next((each for each in self.put_off if isinstance(each, Ambiguous)), None)
        if unsure:
            return unsure
        surely = [each for each in self.put_off if isinstance(each, Retryable)]
        first = min(surely, key=lambda each: each.code == _LEFT)
        waits = [each.after for each in surely if each.after is not None and each.code != _LEFT]
        return Retryable(first.code, first.note, max(waits, default=first.after))
