"""`notifications` and `push-keys`: what users were notified of, and the keys that it is pushed to devices with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, as_table, count, instant
from workflows.model.errors import CallerError, NotThere

if TYPE_CHECKING:
    from starter.crm.notifications import Page

MOST = 2**63 - 1
"""The greatest id that there can be."""


def notifications(
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")],
    *,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are read.")] = False,
    read: Annotated[int | None, typer.Option("--read", metavar="ID", help="Mark one as read.")] = None,
    read_all: Annotated[bool, typer.Option("--read-all", help="Mark all as read.")] = False,
    json: Json = False,
) -> None:
    """List what flows have notified a user of, the newest first: the unread, or all; or mark them as read.

    Examples:
        perdure notifications 7
        perdure notifications 7 --all
        perdure notifications 7 --read 12
    """
    if [all_, read is not None, read_all].count(True) > 1:
        raise CallerError("say one of --all, --read and --read-all")
    if read is not None and abs(read) > MOST:
        raise NotThere(f"the user {user!r} has no notification {read}")
    if read is not None:
        at = asyncio.run(_mark_read(user, read))
        as_json({"id": read, "read_at": at}) if json else typer.echo(f"Read at {instant(at)}.")
    elif read_all:
        number = asyncio.run(_mark_all_read(user))
        as_json({"read": number}) if json else typer.echo(f"{count(number, 'notification')} marked as read.")
    else:
        page = asyncio.run(_page(user, read=all_))
        as_json(page) if json else _print(page, user)


def push_keys(*, json: Json = False) -> None:
    """Make the pair of keys that notifications are pushed to devices with. Nothing is kept: do so once, and keep them.

    Give the private one to the worker as PERDURE_PUSH__PRIVATE_KEY, with an address of yours as
    PERDURE_PUSH__SUBSCRIBER; the web page of your CRM gives the public one to `pushManager.subscribe`. With another
    pair every device has to be registered anew.

    Examples:
        perdure push-keys
    """
    from starter.outside import new_push_keys

    keys = new_push_keys()
    if json:
        as_json({"private_key": keys.private, "application_server_key": keys.public})
        return
    typer.echo(f"PERDURE_PUSH__PRIVATE_KEY={keys.private}")
    typer.echo(f"applicationServerKey={keys.public}")


async def _page(user: str, *, read: bool) -> Page:
    from starter import compose
    from starter.crm.notifications import notifications as newest
    from starter.settings import Settings

    async with compose.database(Settings.load()) as pool:
        return await newest(pool, user, read=read)


async def _mark_read(user: str, notification: int) -> datetime:
    from starter import compose
    from starter.crm.notifications import mark_read
    from starter.settings import Settings

    async with compose.database(Settings.load()) as pool:
        return await mark_read(pool, user, notification)


async def _mark_all_read(user: str) -> int:
    from starter import compose
    from starter.crm.notifications import mark_all_read
    from starter.settings import Settings

    async with compose.database(Settings.load()) as pool:
        return await mark_all_read(pool, user)


def _print(page: Page, user: str) -> None:
    if not page.notifications:
        typer.echo(f"{user} has nothing unread. `perdure notifications {user} --all` lists what was read, too.")
        return
    rows = [
        (str(each.id), instant(each.created_at), "" if each.read_at else "unread", each.record, each.title, each.body)
        for each in page.notifications
    ]
    as_table(("Id", "At", "", "Record", "Title", "Body"), rows, last="Body")
    if (more := page.unread - sum(each.read_at is None for each in page.notifications)) > 0:
        typer.echo(f"... and {count(more, 'unread one')} more, older.")


COMMANDS: dict[str, Callable[..., None]] = {"notifications": notifications}
RUNNING: dict[str, Callable[..., None]] = {"push-keys": push_keys}
