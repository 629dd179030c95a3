"""The command line, `perdure`: its commands, and how what went wrong is told.

Exit status 0: done. 1: our fault, or that of a service. 2: the user's mistake. A command's own modules are loaded
when it runs, so that `perdure --help` is quick.
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
    actions,
    crm,
    differing,
    drawing,
    enrollments,
    flow_checks,
    flows,
    publishing,
    records,
    schema,
    services,
    trying,
)
from workflows.model.errors import PerdureError

OURS, THEIRS, INTERRUPTED = 1, 2, 130


class Commands(TyperGroup):
    """All commands; an error becomes a sentence and an exit status."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - click's context and the command's answer
        """Run the command that was given."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except (PerdureError, LocalServerError) as error:
            if os.environ.get("PERDURE_DEBUG"):
                raise
            fault = getattr(error, "fault", "us")
            raise _failed(str(error), OURS if fault in {"us", "provider"} else THEIRS) from None
        except Exception as error:
            # Click's own are exceptions as well: it words a wrong option itself, and `Exit` is how a command ends.
            if os.environ.get("PERDURE_DEBUG") or type(error).__module__.startswith(("click.", "typer.")):
                raise
            if isinstance(error, BrokenPipeError):
                raise typer.Exit(OURS) from None
            if isinstance(error, OSError) and error.filename:
                raise _failed(f"{error.filename}: {error.strerror}.", OURS) from None
            told = f"{type(error).__name__}: {error}"
            raise _failed(f"This should not have happened: {told}\nPERDURE_DEBUG=1 shows where.", OURS) from None


def _failed(told: str, status: int) -> typer.Exit:
    typer.echo(f"perdure: {told}", err=True)
    return typer.Exit(status)


app = typer.Typer(
    name="perdure",
    cls=Commands,
    help="Durable CRM workflow automation on Temporal.",
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
    ("Flows", flows.COMMANDS | drawing.COMMANDS),
    ("Records and events", records.COMMANDS | crm.COMMANDS),
    ("Enrollments", enrollments.COMMANDS),
    ("Running", services.COMMANDS),
):
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
app.add_typer(trying.app, rich_help_panel="Flow files")


def main() -> None:
    """Run the command line and exit."""
    # A pipe's reader must see a line when it is said, also from a command that goes on for days.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    app(prog_name="perdure")


if __name__ == "__main__":
    main()
