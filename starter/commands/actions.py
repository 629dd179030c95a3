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

    For example: perdure actions create_task
    """
    from activities.catalogue import Catalogue
    from activities.pages import book, markdown, page
    from starter.settings import Settings

    catalogue = Catalogue.load(*Settings.load().actions)
    if kind is not None:
        found = page(catalogue[kind])
        as_json(found) if json else typer.echo(markdown(found), nl=False)
    elif json:
        as_json([page(action) for action in catalogue.values()])
    elif whole:
        typer.echo(book(catalogue.values()), nl=False)
    else:
        pages = [page(action) for action in catalogue.values()]
        rows = [(each.kind, each.summary, ", ".join(each.objects or ("any",)), each.place) for each in pages]
        as_table(("Action", "What it does", "For", "Where"), rows)


COMMANDS: dict[str, Callable[..., None]] = {"actions": actions}
