"""Running Perdure: `up`, `demo`, `worker`, `migrate`, `doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, told

if TYPE_CHECKING:
    from starter.doctor import Check
    from starter.migrate import Migration

_SIGNS = {"ok": ("ok", "green"), "wrong": ("WRONG", "red"), "off": ("-", "yellow")}


def up(
    *,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Start no worker; run your own.")] = False,
) -> None:
    """Keep a whole stack up for development: PostgreSQL, Temporal with its Web UI, a worker, a mail catcher.

    Everything stays in the data folder (PERDURE_HOME, else .perdure). Ctrl-C stops all of it in order.
    """
    from rich.console import Console

    from starter.settings import Settings
    from starter.up import up as keep_up

    asyncio.run(keep_up(Settings.load(), Console(highlight=False, soft_wrap=True), with_worker=not no_worker))


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the stack up at the end, to look around.")] = False,
) -> None:
    """See a flow run from its first record to its end, in under a minute, on a stack of its own."""
    from rich.console import Console

    from starter.demo import demo as run_demo
    from starter.interrupts import Interrupted
    from starter.settings import Settings

    try:
        asyncio.run(run_demo(Settings.load(), Console(highlight=False, soft_wrap=True), keep=keep))
    except Interrupted:
        told("Stopped before the end.")
        raise typer.Exit(130) from None


def worker(
    *,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Run a worker: it walks the flows and does what they say. Run as many as you need."""
    from starter.worker_process import run

    run(with_parent=with_parent)


def migrate(*, json: Json = False) -> None:
    """Bring the database's schema up to this release. Several may do so at once."""
    applied = asyncio.run(_migrate())
    if json:
        as_json([{"version": each.version, "file": each.name} for each in applied])
    elif not applied:
        typer.echo("The schema is up to date.")
    else:
        typer.echo(f"The schema is at version {applied[-1].version} now.")


async def _migrate() -> list[Migration]:
    from starter import compose
    from starter.migrate import migrate as apply
    from starter.settings import Settings

    return await apply(compose.database_url(Settings.load()), say=told)


def doctor(*, json: Json = False) -> None:
    """Look at every part, and say what is wrong and what to do about it. The exit status is 1 if anything is wrong."""
    from starter.doctor import examine

    checks = asyncio.run(examine())
    if json:
        as_json(checks)
    else:
        for check in checks:
            _print(check)
    if any(check.state == "wrong" for check in checks):
        raise typer.Exit(1)


def _print(check: Check) -> None:
    sign, colour = _SIGNS[check.state]
    typer.echo(f"{typer.style(f'{sign:<6}', fg=colour)} {check.part:<20} {check.what}")
    if check.do:
        typer.echo(f"{'':<27} -> {check.do}")


COMMANDS: dict[str, Callable[..., None]] = {
    "up": up,
    "demo": demo,
    "worker": worker,
    "migrate": migrate,
    "doctor": doctor,
}
