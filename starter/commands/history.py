"""`history`: what happened, the newest first, in one flow, to one record, or everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from starter.commands.crm import source
from starter.commands.drawn_path import ENDINGS
from starter.commands.output import Json, as_json, instant, told
from starter.commands.timeline import DECIDED, ENDED, ENTERED, RESTED, Mark, Row, Timeline, mark_of
from workflows.model.errors import CallerError
from workflows.model.journal import Ending

if TYPE_CHECKING:
    from pydantic import JsonValue

    from starter.history import Asked, Entry

Flow = Annotated[str | None, typer.Option("--flow", metavar="FLOW", help="Only of this flow.")]
Record = Annotated[
    str | None, typer.Option("--record", metavar="RECORD", help="Only of this record, as contact:42; its events, too.")
]
Enrollment = Annotated[
    str | None, typer.Option("--enrollment", metavar="ID", help="Only of this enrollment, which `list` names.")
]
Node = Annotated[str | None, typer.Option("--node", metavar="STEP", help="Only visits to this step.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only this kind of step, as send_email; or enrolled, ended, published, event. May be given again.",
    ),
]
Outcomes = Annotated[
    list[str] | None,
    typer.Option(
        "--outcome",
        metavar="OUTCOME",
        help="Only visits that came out so: done, skipped, failed, unknown, open (not over), trouble (skipped, failed "
        "or unknown); or enrollments that ended so, as goal. May be given again.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="From then on: 2026-11-01, 2026-11-01T09:30, or '2 days' ago."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="Up to then; a date means to the end of that day.")
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many.")]


def history(  # noqa: PLR0913 - each is an option
    *,
    flow: Flow = None,
    record: Record = None,
    enrollment: Enrollment = None,
    node: Node = None,
    kind: Kinds = None,
    outcome: Outcomes = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Tell what happened, the newest first: who entered, what each step came to, who left, what was published.

    A step is told when it was over; while it is not, when it began, as `open`. Of a record, its events are told, too.

    Options narrow it down together. Times are on the wall clock of this machine.

    Examples:
        perdure history --flow demo-request
        perdure history --record contact:42 --since '30 days'
        perdure history --outcome trouble --since 2026-11-01 --until 2026-11-07
        perdure history --kind send_email --outcome skipped --limit 1000 --json
    """
    asked = _asked(flow, record, enrollment, node, kind, outcome, since, until)
    found = asyncio.run(_tell(asked, limit, json=json))
    if not found:
        told(f"Nothing of that kind happened.{_hint(asked)}")
    elif found == limit:
        told(f"These are the newest {limit:,}; --limit shows more, and --until goes on from an earlier time.")


async def _tell(asked: Asked, limit: int, *, json: bool) -> int:
    from starter.compose import connect_client

    timeline, number = Timeline(), 0
    everything: list[Entry] = []
    async with connect_client() as client:
        async for page in client.history(asked, limit):
            number += len(page)
            if json:
                everything.extend(page)
            else:
                timeline.write([row for entry in page for row in _rows(entry, asked)])
    if json:
        as_json(everything)
    return number


def _rows(entry: Entry, asked: Asked) -> Iterator[Row]:
    """Write an entry as a line, and its note as another; what was asked for is not said again."""
    from starter.drawing.text import clean

    columns = [] if asked.record or asked.enrollment else [str(entry.record or "")]
    columns += [] if asked.flow or asked.enrollment else [entry.flow or ""]
    yield Row(entry.at, _mark(entry), (*columns, entry.node or "", entry.kind, clean(_line(entry))))
    if entry.note and entry.kind != "event":
        yield Row(None, Mark(" "), (f"  {clean(entry.note)}",))


def _mark(entry: Entry) -> Mark:
    from starter import history

    match entry.kind:
        case history.ENTERED:
            return ENTERED
        case history.ENDED:
            return ENDED
        case history.PUBLISHED | history.EDITED:
            return DECIDED
        case _:
            return RESTED if entry.outcome == history.OPEN else mark_of(entry.kind, entry.outcome)


def _line(entry: Entry) -> str:
    from starter import history

    if entry.kind == history.ENDED:
        return ENDINGS.get(entry.line, entry.line)
    if entry.outcome == history.OPEN:
        until = f" until {instant(entry.until)}" if entry.until else ""
        return f"{'waiting' if entry.kind == 'wait_for_event' else _STATES.get(entry.line, entry.line)}{until}"
    if entry.kind == history.EVENT:
        return _event(entry.line, entry.properties or {})
    return entry.line


_STATES = {"intent": "is being done", "retrying": "is tried again", "unknown": "may have been done; nobody knows"}


def _event(type_: str, properties: Mapping[str, JsonValue]) -> str:
    """Write an event: an edit as its author would, others with their properties."""
    from workflows.model.phrases import quoted

    by = properties.get("by")
    if type_ == "property_changed" and "name" in properties and isinstance(by, dict):
        before, after = (quoted(properties.get(name)) for name in ("before", "value"))
        return f"{properties['name']} is {after} now, was {before} ({source(by)})"
    pairs = ", ".join(f"{name} {quoted(value)}" for name, value in properties.items())
    return f"{type_}: {pairs}" if pairs else type_


def _asked(  # noqa: PLR0913, PLR0917 - each is an option
    flow: str | None,
    record: str | None,
    enrollment: str | None,
    node: str | None,
    kinds: Sequence[str] | None,
    outcomes: Sequence[str] | None,
    since: str | None,
    until: str | None,
) -> Asked:
    from starter.client import ref, uuid
    from starter.history import OUTCOMES, Asked, outcomes_of

    asked = Asked(
        flow=flow,
        record=ref(record) if record else None,
        enrollment=uuid(enrollment) if enrollment else None,
        node=node,
        kinds=tuple(kinds or ()),
        outcomes=outcomes_of(outcomes or ()),
        since=moment("--since", since, time.min),
        until=moment("--until", until, time.max),
    )
    for outcome in asked.outcomes:
        if outcome not in (*OUTCOMES, *get_args(Ending)):
            there_are = ", ".join((*OUTCOMES, "trouble", *get_args(Ending)))
            raise CallerError(f"--outcome {outcome}: nothing comes out so; there are {there_are}")
    if asked.since and asked.until and asked.since > asked.until:
        raise CallerError("--since is later than --until; nothing can lie between them")
    return asked


def moment(option: str, text: str | None, of_day: time) -> datetime | None:
    """Read a date, a moment, or how long ago; what names no zone is on this machine's wall clock."""
    from workflows.model.durations import duration

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.now().astimezone() - duration(text)
        except (ValueError, OverflowError):
            message = f"{option} {text}: write a date or a moment, as 2026-11-01 or 2026-11-01T09:30, or '2 days' ago"
            raise CallerError(message) from None
    is_day = len(text) == len("2026-11-01")
    try:
        return (datetime.combine(found, of_day) if is_day else found).astimezone()
    except (ValueError, OverflowError):
        raise CallerError(f"{option} {text}: no clock shows that") from None


def _hint(asked: Asked) -> str:
    """Say what may be wrong where nothing is found: a kind that no step has."""
    import difflib

    from starter.history import KINDS
    from starter.settings import Settings
    from workflows.model.nodes import AnyNode

    steps = [node.model_fields["do"].default for node in get_args(get_args(AnyNode)[0])]
    known = [*Settings.load().catalogue(), *steps, *KINDS]
    for kind in asked.kinds:
        if kind not in known:
            near = difflib.get_close_matches(kind, known, 1)
            return f" No step is of the kind {kind!r}" + (f"; did you mean {near[0]!r}?" if near else ".")
    return ""


COMMANDS: dict[str, Callable[..., None]] = {"history": history}
