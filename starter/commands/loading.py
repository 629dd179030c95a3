"""`load`: records from a file."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, count, told
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from starter.loading.load import Loaded
    from starter.loading.load_plan import Plan, Wish
    from starter.loading.rows import BadRow, RowFile

SHOWN = 20
"""Bad rows that are told one by one."""

BAD, STOPPED = 2, 130


ObjectType = Annotated[str, typer.Argument(metavar="TYPE", help="Type of the records, as contact.")]
File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A CSV file in UTF-8 whose first line names the columns, or FILE.jsonl.")
]
IdColumn = Annotated[
    str | None,
    typer.Option("--id", metavar="COLUMN", help="The column that names the record; else `id`, else the first."),
]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="PROPERTY", help="The unique property that tells whose row it is, as email."),
]
Unique = Annotated[bool, typer.Option("--unique", help="Let no two records share the property of --by from now on.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=PROPERTY", help="Which property a column is; COLUMN= leaves it out."),
]
Infer = Annotated[bool, typer.Option("--infer", help="Find the types of new properties in their values.")]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type", metavar="PROPERTY=TYPE", help="A new property's type: text, number, boolean, date, datetime, user."
    ),
]
NewType = Annotated[bool, typer.Option("--new-type", help="Define the type of the records, if it is new.")]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.csv", help="Where the bad rows go, each with the reason.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would become of the rows.")]


def load(  # noqa: PLR0913 - each is an option
    object_type: ObjectType,
    file: File,
    *,
    id_column: IdColumn = None,
    by: By = None,
    unique: Unique = False,
    map_: Map = None,
    infer: Infer = False,
    type_: Types = None,
    new_type: NewType = False,
    report: ReportFile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put the rows of a file into the CRM, new or over what is there. A second run changes nothing.

    Every column is a property; one that is unknown is defined. An empty cell leaves the value as it is.

    With --by email a row is that record's which has the e-mail address, and a new record gets an id.

    Ctrl-C ends it after the 5,000 rows under way, and the same command goes on. Good rows are in, whatever others are.

    Exit status: 0 done, 2 there were bad rows, which are told on standard error, 130 stopped by Ctrl-C.

    Examples:
        perdure load contact people.csv --by email --map 'Job title=role' --infer --report bad.csv
    """
    from starter.loading.load_plan import Wish

    wish = Wish(object_type, id_column, by, unique, _pairs("--map", map_), _pairs("--type", type_), infer, new_type)
    run = asyncio.run(_load(file, wish, report, dry=dry_run))
    if json:
        as_json(run.data())
    else:
        run.print()
    if run.loaded.stopped:
        raise typer.Exit(STOPPED)
    if run.loaded.bad:
        raise typer.Exit(BAD)


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in given or []:
        left, equals, right = each.rpartition("=")
        if not equals or not left.strip():
            example = "'Job title=role'" if option == "--map" else "score=number"
            raise CallerError(f"{option} {each}: write a pair, as {option} {example}")
        pairs[left.strip()] = right.strip()
    return pairs


@dataclass
class _Run:
    """A load as it is told: what was planned, what became of it, and the first bad rows."""

    file: RowFile
    plan: Plan
    report: Path | None
    dry: bool
    loaded: Loaded
    shown: list[BadRow] = field(default_factory=list)

    def tell(self, row: BadRow) -> None:
        """Tell a bad row, unless there are too many."""
        if len(self.shown) < SHOWN:
            self.shown.append(row)
            told(f"{self.file.path}:{row.line}: {row.reason}")

    def data(self) -> dict[str, object]:
        """Give it all for a program."""
        rows = [{"line": row.line, "reason": row.reason} for row in self.shown]
        return {
            **vars(self.loaded),
            "dry_run": self.dry,
            "defined": dict(self._defined()),
            "bad_rows": rows,
            "report": self.report,
        }

    def _defined(self) -> list[tuple[str, str]]:
        return [(column.name, column.type) for column in self.plan.defines if self.loaded.good]

    def print(self) -> None:
        """Say it."""
        from starter.loading.load import AGAIN

        loaded, dry = self.loaded, self.dry
        if loaded.bad > len(self.shown):
            more = f"all are in {self.report}" if self.report else "--report FILE.csv keeps them all"
            told(f"... and {count(loaded.bad - len(self.shown), 'bad row')} more; {more}.")
        if defined := [f"{name} ({type_})" for name, type_ in self._defined()]:
            told(f"{'It would define' if dry else 'Defined'} for {self.plan.object}: {', '.join(defined)}.")
        bad = f" {count(loaded.bad, 'bad row')} left out." if loaded.bad else ""
        typer.echo(
            f"{'Nothing was written. ' if dry else ''}{count(loaded.good, 'good row')}: {loaded.inserted:,} new, "
            f"{loaded.updated:,} changed, {loaded.unchanged:,} as before.{bad}"
        )
        if loaded.stopped:
            told(f"Stopped after {loaded.rows:,} of {self.plan.rows:,} rows. {'' if dry else AGAIN}".rstrip())


async def _load(file: Path, wish: Wish, report: Path | None, *, dry: bool) -> _Run:
    from starter import compose
    from starter.commands.progress import Progress
    from starter.interrupts import interrupts
    from starter.loading.bad_rows import report as report_to
    from starter.loading.load import Load, Loaded
    from starter.loading.load_plan import plan
    from starter.loading.rows import open_rows
    from starter.settings import Settings

    with ExitStack() as parts:
        opened = open_rows(file)
        async with compose.database(Settings.load()) as pool:
            planned = await plan(pool, opened, wish)
            run = _Run(opened, planned, report, dry, Loaded())
            kept = parts.enter_context(report_to(report, opened.titles, file)) if report else None
            progress = parts.enter_context(Progress("rows", planned.rows))

            def tell(row: BadRow) -> None:
                run.tell(row)
                if kept:
                    kept.add(row)

            with interrupts() as stop:
                moved = lambda loaded: progress.at(loaded.rows)  # noqa: E731 - a callback in a word
                await Load(pool, opened, planned, tell, moved, stop, dry, run.loaded).run()
            return run
