"""Running Perdure: `up`, `demo`, `worker`, `serve`, `migrate`, `doctor`."""

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
    """Keep a whole stack up for development: PostgreSQL, Temporal and its Web UI, a worker, API and mail catcher.

    Everything stays in the data folder (PERDURE_HOME, else .perdure). Ctrl-C stops all of it in order. Other commands
    find the stack by the same data folder; nothing has to be set.

    Examples:
        perdure up
        perdure up --no-worker
    """
    from rich.console import Console

    from starter.settings import Settings
    from starter.up import up as keep_up

    asyncio.run(keep_up(Settings.load(), Console(highlight=False, soft_wrap=True), with_worker=not no_worker))


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the stack up at the end, to look around.")] = False,
) -> None:
    """See a flow run from its first event to its end, in under a minute, on a stack of its own.

    Nothing leaves this machine: e-mails are caught, and webhooks go to a receiver of the demo's own.

    Examples:
        perdure demo
        perdure demo --keep
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print("Forty people ask for a demo, and a flow follows each of them up. Nothing leaves this machine.")
    from starter.demo import demo as run_demo
    from starter.interrupts import Interrupted
    from starter.settings import Settings

    try:
        asyncio.run(run_demo(Settings.load(), console, keep=keep))
    except Interrupted:
        told("Stopped before the end.")
        raise typer.Exit(130) from None


def worker(
    *,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Run a worker: it walks the flows and does what they say. Run as many as you need.

    It also routes events and starts enrollments. SIGTERM ends it in order: what is under way is finished first.

    Set PERDURE_DATABASE_URL, TEMPORAL_ADDRESS, PERDURE_SMTP__HOST and PERDURE_SMTP__SENDER; `perdure up` has one.

    Examples:
        perdure worker
    """
    from starter.worker_process import run

    run(with_parent=with_parent)


def serve() -> None:
    """Serve the HTTP API: events in, enrollments, and the links to unsubscribe. Run as many as you need.

    It listens on 127.0.0.1:8088 (PERDURE_API__HOST, PERDURE_API__PORT) and takes the keys of PERDURE_API__KEYS; without
    a key it serves this machine alone. Put a proxy with TLS before it. docs/running.md tells what it answers.

    Examples:
        perdure serve
        PERDURE_API__PORT=9000 perdure serve
    """
    import logging

    import uvloop

    from starter.api.server import serve as serve_api
    from starter.settings import Settings

    settings = Settings.load()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_api(settings))


def migrate(*, json: Json = False) -> None:
    """Bring the database's schema up to this release. Several may do so at once.

    `perdure up` does so by itself. A database that a newer release has migrated is refused.

    Examples:
        perdure migrate
    """
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
    """Look at every part, and say what is wrong and what to do about it.

    Exit status: 0 nothing is wrong, 1 something is. Parts that are not used here are told with a dash.

    Examples:
        perdure doctor
        perdure doctor --json
    """
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
    typer.echo(f"{typer.style(f'{sign:<6}', fg=colour)} {check.part:<20} {_beside(check.what)}")
    if check.do:
        typer.echo(f"{'':<27} -> {check.do}")


def _beside(what: str) -> str:
    """Keep the further lines of what was found in its column."""
    return what.replace("\n", f"\n{'':<28}")


COMMANDS: dict[str, Callable[..., None]] = {
    "up": up,
    "demo": demo,
    "worker": worker,
    "serve": serve,
    "migrate": migrate,
    "doctor": doctor,
}
