"""`schema`: the JSON Schema of flow files."""

from __future__ import annotations

from collections.abc import Callable

import typer


def schema() -> None:
    """Print the JSON Schema of flow files, with the actions that are there, your own as well.

    With it, an editor completes kinds, fields and operators. Put it into a file, and name that in the first line of a
    flow file: # yaml-language-server: $schema=flow.schema.json

    Examples:
        perdure schema > flow.schema.json
    """
    from activities.catalogue import Catalogue
    from starter.language.flow_schema import flow_schema, printed
    from starter.settings import Settings

    typer.echo(printed(flow_schema(Catalogue.load(*Settings.load().actions))), nl=False)


COMMANDS: dict[str, Callable[..., None]] = {"schema": schema}
