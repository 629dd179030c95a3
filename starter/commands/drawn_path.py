"""The path of an enrollment, drawn with letters: a line down the page, and a mark on it for each visit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from starter.commands.output import instant, span
from starter.commands.timeline import ENDED, ENTERED, HERE, OFF, ON, UNKNOWN, Mark, Row, decides, mark_of
from starter.drawing.text import clean

if TYPE_CHECKING:
    from starter.inspection import Summary, Visited

_TOLD_FROM = timedelta(seconds=1)
"""What took less is told without how long."""


def drawn(summary: Summary, path: Sequence[Visited], reason: str, now: datetime, *, shown: int) -> list[Row]:
    """Draw the path: how the record entered, at most so many visits, the last ones, and where it is now."""
    rows = [Row(summary.accepted_at, ENTERED, (f"entered: {clean(summary.cause or 'by a trigger')}",))]
    hidden = max(0, len(path) - shown)
    if hidden:
        rows.append(Row(None, OFF, (f"{hidden:,} earlier visits; --last shows more",)))
    been = {visit.node for visit in path[:hidden]}
    number = path[hidden - 1].number if hidden else summary.entered_revision
    for visit, after in zip_longest(path[hidden:], path[hidden + 1 :]):
        if visit.number is not None and visit.number != number:
            rows.append(Row(None, ON, (f"the flow was edited: revision {visit.number} from here",)))
            number = visit.number
        left = after.began_at if after else summary.closed_at
        rows += _visit(visit, left, again=visit.node in been)
        been.add(visit.node)
    return [*rows, _last(summary, path[-1] if path else None, reason, now)]


def _visit(visit: Visited, left: datetime | None, *, again: bool) -> Iterator[Row]:
    node = f"{visit.node} (again)" if again else visit.node
    yield Row(visit.began_at, _mark(visit), (node, visit.kind, f"{outcome(visit)}{_took(visit)}"))
    for reason in (*_because(visit), clean(visit.note)):
        if reason:
            yield Row(None, ON, (f"  {reason}",))
    if left is not None and _rested(visit) and left - visit.began_at >= _TOLD_FROM:
        yield Row(None, OFF, (f"  {span(left - visit.began_at)}",))


def _mark(visit: Visited) -> Mark:
    if visit.state in {"retrying", "unknown"}:
        return UNKNOWN
    return mark_of(visit.kind, visit.outcome, rested=_rested(visit))


def _rested(visit: Visited) -> bool:
    return visit.lay is not None or visit.kind == "wait_for_event"


def _took(visit: Visited) -> str:
    """Say how long an effect took, where that is worth saying."""
    if _rested(visit) or visit.ended_at is None or visit.ended_at - visit.began_at < _TOLD_FROM:
        return ""
    return f", in {span(visit.ended_at - visit.began_at)}"


def _because(visit: Visited) -> Iterator[str]:
    """Give the reason of the way that a record took."""
    output = visit.output or {}
    if not decides(visit.kind):
        return
    because = output.get("because")
    for name, reason in because.items() if isinstance(because, dict) else (("", because),):
        if isinstance(reason, str):
            yield clean(f"{name}: {reason}" if name and len(output) > 1 else reason)


def _last(summary: Summary, visit: Visited | None, reason: str, now: datetime) -> Row:
    """Say where the record is now."""
    if summary.closed_at is not None:
        why = f": {clean(reason)}" if reason else ""
        return Row(summary.closed_at, ENDED, (f"ended: {ENDINGS.get(summary.ending or '', summary.ending)}{why}",))
    if summary.standing == "leaving":
        return Row(None, HERE, (f"is leaving: {clean(reason)}" if reason else "is leaving",))
    if summary.standing == "accepted":
        return Row(None, HERE, ("not started yet",))
    if visit is None or visit.rests is None:
        return Row(None, HERE, (_under_way(visit),))
    return Row(None, HERE, (resting(visit, summary, now),))


def _under_way(visit: Visited | None) -> str:
    match visit.state if visit else "":
        case "retrying":
            return "is tried again until it works, or the tries are used up"
        case "intent":
            return "is being done"
        case "unknown":
            return "may have been done; nobody knows"
        case _:
            return "on its way"


def resting(visit: Visited, summary: Summary, now: datetime) -> str:
    """Say in what way a record rests in a visit, until when, and who may end that."""
    until = ""
    if visit.until is not None:
        ahead = visit.until - now
        until = f" until {instant(visit.until)}, {f'in {span(ahead)}' if ahead > timedelta() else 'due now'}"
    match visit.rests:
        case "wait":
            events = " or ".join(visit.waits_for)
            return f"waits here for {events}{until or ', however long it takes'}"
        case "deferred":
            return f"may not act now; asks again{until or ' soon'}"
        case "held" if visit.line == "paused":
            return (
                f"held here by a pause: perdure resume {summary.flow if not summary.own_pause else summary.enrollment}"
            )
        case "held":
            return f"held here; decide: perdure resolve retry|skip|end {summary.enrollment}"
        case _:
            return f"asleep here{until}"


ENDINGS = {
    "completed": "completed",
    "goal": "unenrolled, the goal is met",
    "unenrolled": "unenrolled",
    "record_gone": "unenrolled, the record is gone",
    "stopped": "stopped by a failure",
    "edited_away": "an edit deleted all that lay ahead",
    "closed": "closed already",
    "terminated": "ended in Temporal, from outside",
}


def outcome(visit: Visited) -> str:
    """Say what came of a visit: its line, or its state while it is not over."""
    told = visit.line or visit.state if visit.state == "done" else f"{visit.state} {visit.line}".strip()
    event = (visit.output or {}).get("event")
    if told == "happened" and isinstance(event, str):
        told = f"happened: {clean(event)}"
    return f"{told} (perhaps twice)" if visit.repeated else told
