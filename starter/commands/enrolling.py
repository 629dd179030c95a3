"""`enroll`: records into a flow by hand, a few by name or many by a file or a condition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, count, told
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from starter.admission import Admission, Refusal
    from starter.client import Client
    from starter.crowd import Crowd, Page
    from starter.loading.rows import BadRow

CAUSE = "cli"
SHOWN = 20
"""Bad rows that are told one by one."""

FAILED, REFUSED, STOPPED = 1, 2, 130

FlowKey = Annotated[str, typer.Argument(metavar="FLOW", help="The flow's key, as demo-request.")]
Records = Annotated[list[str] | None, typer.Argument(metavar="RECORD...", help="Records, as contact:42.")]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="CONDITION", help="Those that meet a condition, as a flow has it, or @FILE."),
]
From = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="Those in a CSV or JSON Lines file, as `load` names them.")
]
Everyone = Annotated[bool, typer.Option("--all", help="Every record of the flow's object type.")]
After = Annotated[
    str | None, typer.Option("--after", metavar="RECORD", help="Only those after this one: where another run stopped.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Let nobody in; say how many would be, and why not the others.")
]


def enroll(  # noqa: PLR0913 - each is an option
    flow: FlowKey,
    records: Records = None,
    *,
    where: Where = None,
    file: From = None,
    everyone: Everyone = False,
    after: After = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let records into a flow by hand, under its entry rules.

    A condition is judged on each record as it is when its turn comes; days begin where the flow says.

    Nobody who is inside is let in again: a command that was stopped may be repeated, or go on with --after.

    Exit status: 0 done, 1 some remain, for the database failed, 2 a record or row that was named did not get in, 130
    stopped by Ctrl-C after the thousand under way.

    Examples:
        perdure enroll welcome contact:42 contact:43
        perdure enroll welcome --where '{property: country, is: FI}' --dry-run
        perdure enroll welcome --from people.csv
    """
    if [bool(records), where is not None, file is not None, everyone].count(True) != 1:
        raise CallerError("say whom to enroll, one way: records, --where CONDITION, --from FILE or --all")
    if after and records:
        raise CallerError("--after goes with --where, --from or --all")
    if records and not dry_run:
        _tell_each(flow, asyncio.run(_enroll(flow, records)), json=json)
        return
    run = _Run(flow, records or [], where, file, after, dry_run)
    crowd = asyncio.run(run.run())
    if json:
        as_json(run.data(crowd))
    else:
        run.print(crowd)
    if status := run.status(crowd):
        raise typer.Exit(status)


async def _enroll(flow: str, records: list[str]) -> Sequence[Admission]:
    from starter.compose import connect_client
    from workflows.model.records import RecordRef

    async with connect_client() as client:
        return await client.enroll(flow, [RecordRef.parse(each) for each in records], cause=CAUSE)


def _tell_each(flow: str, admissions: Sequence[Admission], *, json: bool) -> None:
    from starter.admission import Refusal

    refused = [each for each in admissions if isinstance(each, Refusal)]
    if json:
        as_json({"admitted": [each for each in admissions if each not in refused], "refused": refused})
    else:
        typer.echo(f"{count(len(admissions) - len(refused), 'record')} of {len(admissions):,} entered {flow}.")
        for refusal in refused:
            _tell_one(refusal)
    if refused:
        raise typer.Exit(REFUSED)


def _tell_one(refusal: Refusal) -> None:
    is_named = str(refusal.record) in refusal.sentence
    told(f"{refusal.sentence}." if is_named else f"{refusal.record}: {refusal.sentence}.")


@dataclass
class _Run:
    """Many records into a flow, as the command line asks for them, and the bad rows of the file."""

    flow: str
    records: list[str]
    where: str | None
    file: Path | None
    after: str | None
    dry: bool
    bad: int = 0
    shown: list[BadRow] = field(default_factory=list)

    async def run(self) -> Crowd:
        """Let them in."""
        from starter.commands.progress import Progress
        from starter.compose import connect_client
        from starter.crowd import Gate
        from starter.interrupts import interrupts

        async with AsyncExitStack() as parts:
            client = await parts.enter_async_context(connect_client())
            pages, total = await self._pages(client)
            progress = parts.enter_context(Progress("records", total))
            stop = parts.enter_context(interrupts())
            gate = Gate(client, self.flow, CAUSE, self.dry, stop)
            return await gate.let_in(pages, lambda crowd: progress.at(crowd.looked_at))

    async def _pages(self, client: Client) -> tuple[AsyncIterator[Page], int]:
        """Give the records by pages, and how many will be looked at."""
        from starter.crowd import Chosen, listed, named
        from starter.loading.rows import record_names
        from starter.overview import current
        from workflows.model.records import RecordRef

        flow = await current(client.pool, client.revisions, self.flow)
        after = RecordRef.parse(self.after) if self.after else None
        if self.records:
            return listed([RecordRef.parse(each) for each in self.records]), len(self.records)
        if self.file is not None:
            return named(self.file, flow.object, self._tell, after), sum(
                1 for _ in record_names(self.file, flow.object)
            )
        chosen = Chosen(client.pool, flow.object)
        if self.where is not None:
            await chosen.narrow(*_text(self.where), flow.settings.timezone.zone)
        return chosen.pages(after), await chosen.count()

    def _tell(self, row: BadRow) -> None:
        self.bad += 1
        if len(self.shown) < SHOWN:
            self.shown.append(row)
            told(f"{self.file}:{row.line}: {row.reason}")

    def status(self, crowd: Crowd) -> int:
        """Give the exit status."""
        if crowd.failure:
            return FAILED
        if crowd.stopped:
            return STOPPED
        is_named = self.file is not None or self.records
        return REFUSED if self.bad or (is_named and crowd.refused) else 0

    def data(self, crowd: Crowd) -> dict[str, object]:
        """Give it all for a program."""
        rows = [{"line": row.line, "reason": row.reason} for row in self.shown]
        return {"flow": self.flow, "dry_run": self.dry, **vars(crowd), "bad": self.bad, "bad_rows": rows}

    def print(self, crowd: Crowd) -> None:
        """Say it."""
        if self.where is not None:
            told(f"{crowd.asked:,} of {count(crowd.looked_at, 'record')} meet the condition.")
        would = "would enter" if self.dry else "entered"
        typer.echo(f"{count(crowd.entered, 'record')} of {crowd.asked:,} {would} {self.flow}.")
        for code, number in crowd.refused.most_common():
            told(f"{number:,} {'would' if self.dry else 'did'} not: {code} (as: {crowd.examples[code]}).")
        if self.bad > len(self.shown):
            told(f"... and {count(self.bad - len(self.shown), 'bad row')} more.")
        if crowd.remaining:
            told(f"{count(crowd.remaining, 'record')} remain, for the database failed ({crowd.failure}).")
        if crowd.stopped:
            told(f"Stopped after {count(crowd.looked_at, 'record')}{f': {crowd.failure}' if crowd.failure else ''}.")
        if crowd.remaining or (crowd.stopped and not crowd.after):
            told("To go on, run the same command again: those inside are not let in twice.")
        elif crowd.stopped:
            told(f"To go on, run the same command with --after {crowd.after}.")


def _text(given: str) -> tuple[str, str]:
    """Give the text of a condition and what its places are counted in: the option, or the file that it names."""
    from starter.language.flow_file import read_file

    return (read_file(Path(given[1:])), given[1:]) if given.startswith("@") else (given, "--where")
