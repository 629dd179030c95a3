"""The command line, `perdure`: its commands, and how what went wrong is told.

Exit status 0: done. 1: our fault, or that of a service. 2: the user's mistake. With `--json` what went wrong is on
standard output as well, in the shape that the HTTP API has. A command's own modules are loaded when it runs, so that
`perdure --help` is quick.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deploy.local.errors import LocalServerError
from starter.commands import (
    absence,
    actions,
    associating,
    consent,
    crm,
    deleting,
    differing,
    drawing,
    enrollments,
    flow_checks,
    flows,
    history,
    lists,
    notifying,
    publishing,
    records,
    reporting,
    schema,
    sequences,
    services,
    trying,
)
from starter.commands.teaching import listed, teach, unwrapped
from workflows.model.errors import Conflict, NotThere, PerdureError

OURS, THEIRS, INTERRUPTED = 1, 2, 130
JSON = "perdure.json"

HELP = """
Durable CRM workflow automation on Temporal: what a flow says happens to each record that enters it, once, for weeks or
years, through crashes, deploys and edits.

A flow is a file: `check` it, `publish` it, turn it `on`. Records enter by its triggers or by `enroll`; `show` draws the
path that one took, `history` tells what happened to all.

Settings are environment variables; `doctor` says which part lacks what. Exit status: 0 done, 1 our fault or that of a
service, 2 a mistake of yours. With --json, what went wrong is an object with an `error` on standard output.
"""

FIRST_STEPS = (
    "perdure load contact starter/examples/records/contacts.csv --infer",
    "perdure load company starter/examples/records/companies.csv --infer",
    "perdure users starter/examples/records/users.csv",
    "perdure publish starter/examples/demo-request",
    "perdure on demo-request",
    "perdure enroll demo-request contact:101",
    "perdure show demo-request contact:101",
    "perdure history",
)


class Commands(TyperGroup):
    """All commands; an error becomes a sentence and an exit status."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's context
        """Read the arguments; whether JSON is asked for must be known also where they are wrong."""
        ctx.meta[JSON] = "--json" in args
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - click's context and the command's answer
        """Run the command that was given."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if os.environ.get("PERDURE_DEBUG"):
                raise
            if type(error).__module__.startswith(("click.", "typer.")):
                # Click's own are exceptions as well: it words a wrong option itself, and `Exit` is how a command ends.
                if ctx.meta[JSON] and hasattr(error, "format_message"):
                    _print_json("bad_request", error.format_message())
                raise
            if isinstance(error, BrokenPipeError):
                raise typer.Exit(OURS) from None
            code, message, status = _worded(error)
            if ctx.meta[JSON]:
                _print_json(code, message)
            typer.echo(f"perdure: {message}", err=True)
            raise typer.Exit(status) from None


def _worded(error: Exception) -> tuple[str, str, int]:
    """Give the code, the sentence and the exit status of an error."""
    match error:
        case NotThere():
            return "not_found", str(error), THEIRS
        case Conflict():
            return "conflict", str(error), THEIRS
        case PerdureError() if error.fault in {"us", "provider"}:
            return "unavailable", str(error), OURS
        case PerdureError():
            return "bad_request", str(error), THEIRS
        case LocalServerError():
            return "unavailable", str(error), OURS
        case OSError() if error.filename:
            return "unavailable", f"{error.filename}: {error.strerror}.", OURS
        case _:
            told = f"This should not have happened: {type(error).__name__}: {error}"
            return "failed", f"{told}\nPERDURE_DEBUG=1 shows where.", OURS


def _print_json(code: str, message: str) -> None:
    import json

    typer.echo(json.dumps({"error": {"code": code, "message": message}}, indent=2, ensure_ascii=False))


app = typer.Typer(
    name="perdure",
    cls=Commands,
    help=unwrapped(HELP),
    epilog=listed("First steps, while `perdure up` runs in another terminal:", FIRST_STEPS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"perdure {version('perdure')}")
        except PackageNotFoundError:
            typer.echo("perdure, not installed: run from its source")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version.", is_eager=True, callback=lambda asked: _version(asked=asked)
        ),
    ] = False,
) -> None:
    pass


for panel, commands in (
    ("Flow files", flow_checks.COMMANDS | publishing.COMMANDS | differing.COMMANDS),
    ("Flow files", actions.COMMANDS | schema.COMMANDS),
    ("Flows", flows.COMMANDS | drawing.COMMANDS | sequences.COMMANDS),
    (
        "Records and events",
        records.COMMANDS
        | crm.COMMANDS
        | associating.COMMANDS
        | consent.COMMANDS
        | absence.COMMANDS
        | deleting.COMMANDS
        | lists.COMMANDS
        | notifying.COMMANDS,
    ),
    ("Enrollments", enrollments.COMMANDS | history.COMMANDS | reporting.COMMANDS),
    ("Running", services.COMMANDS | notifying.RUNNING),
):
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
app.add_typer(trying.app, rich_help_panel="Flow files")
teach([*app.registered_commands, *trying.app.registered_commands])


def main() -> None:
    """Run the command line and exit."""
    # A pipe's reader must see a line when it is said, also from a command that goes on for days. A name that the
    # output's encoding lacks is no reason to fail.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, errors="replace")
    app(prog_name="perdure")


if __name__ == "__main__":
    main()
