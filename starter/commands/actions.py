"""`actions`: what the steps of a flow can do, and the page of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from starter.commands.output import Json, as_json, as_table


def actions(
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="A kind of action, to read its page.")] = None,
    *,
    whole: Annotated[bool, typer.Option("--markdown", help="Print the pages of all as one Markdown file.")] = False,
    json: Json = False,
) -> None:
    """List the actions, your own as well; or print the page of one: its settings, outputs, failures and examples.

    An action is what a step of a flow does: `do: create_task`. It needs no database. One that the operator
    has locked (PERDURE_ALLOWED_ACTIONS) is marked; a flow with it cannot be turned on.

    Examples:
        perdure actions
        perdure actions create_task
        perdure actions --json
    """
    from activities.pages import book, markdown, page
    from starter.settings import Settings

    catalogue = Settings.load().catalogue()
    if kind is not None:
        found = page(catalogue[kind], locked=catalogue.is_locked(kind))
        as_json(found) if json else typer.echo(markdown(found), nl=False)
    elif json:
        as_json([page(action, locked=catalogue.is_locked(action.kind)) for action in catalogue.values()])
    elif whole:
        typer.echo(book(catalogue.values()), nl=False)
    else:
        pages = [page(action, locked=catalogue.is_locked(action.kind)) for action in catalogue.values()]
        rows = [
            (
                f"{each.kind} (locked)" if each.locked else each.kind,
                each.summary,
                ", ".join(each.objects or ("any",)),
                each.place,
            )
            for each in pages
        ]
        as_table(("Action", "What it does", "For", "Where"), rows)


COMMANDS: dict[str, Callable[..., None]] = {"actions": actions}
