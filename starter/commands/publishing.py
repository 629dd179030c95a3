"""`publish`: flow files become the current revisions of their flows, or drafts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from starter.commands.flow_checks import MISTAKES, Paths, findings_as_json
from starter.commands.output import Json, as_json, count, told
from starter.commands.progress import Progress, busy

if TYPE_CHECKING:
    from activities.catalogue import Catalogue
    from starter.client import Client
    from starter.contents import PublishedContent
    from starter.drafts import Draft
    from starter.language.differences import Difference
    from starter.language.flow_files import CheckedFile, Source
    from starter.publish import CannotFollow, Published
    from workflows.model.flow import Flow

MOST_TOLD = 40
"""Differences that `publish` tells of one flow; `diff` tells all."""


@dataclass(frozen=True)
class Outcome:
    """What came of publishing a flow, and how it differs from the revision before."""

    published: Published
    differences: Sequence[Difference]


def publish(
    paths: Paths,
    *,
    draft: Annotated[
        bool, typer.Option("--draft", help="Only keep the files; pieces may be missing. What runs, runs on.")
    ] = False,
    json: Json = False,
) -> None:
    """Make flow files the current revisions of their flows: all of them, or none where any has a mistake.

    A file whose top key is `email` is an e-mail; what it says is what the flows that name it send from now on. One
    whose top key is `sequence` is a sequence, which contacts may enter from now on. `list` and `subscription` define
    lists and subscription types.

    A flow whose content is what it was gets no new revision. Of others it is told what changed; records that sleep in
    a step that the edit changed are told, too. A new flow is off: `perdure on FLOW` lets records in.

    Files are checked against the database: its properties, lists, flows and e-mails. `perdure check` does without it.

    Exit status: 0 done, 2 a mistake, and nothing was published.

    Examples:
        perdure publish flows/
        perdure publish welcome.yaml welcome-mail.yaml
        perdure publish welcome.yaml --draft
    """
    from starter.language.flow_files import find, sources
    from starter.settings import Settings

    files = sources(find(paths))
    catalogue = Settings.load().catalogue()
    if draft:
        _tell_drafts(asyncio.run(_keep(files, catalogue, json=json)), json=json)
    else:
        _tell(*asyncio.run(_publish(files, catalogue, json=json)), json=json)


def _tell(outcomes: list[Outcome], contents: list[PublishedContent], *, json: bool) -> None:
    from starter.language.contents import CONTENTS

    if json:
        flows = [{**asdict(each.published), "differences": each.differences} for each in outcomes]
        as_json([*flows, *({each.kind: each.key, "new": each.new} for each in contents)])
        return
    for content in contents:
        what = f"The {CONTENTS[content.kind].noun} {content.key}"
        typer.echo(f"{what} {'is published' if content.new else 'says what it said already'}.")
    for each in outcomes:
        typer.echo(_worded(each.published))
        for one in each.differences[:MOST_TOLD]:
            typer.echo(f"  {one}")
        if (more := len(each.differences) - MOST_TOLD) > 0:
            typer.echo(f"  ... and {more:,} more; `perdure diff {each.published.flow}` tells all.")


def _worded(published: Published) -> str:
    if not published.new:
        return f"{published.flow} is at revision {published.number} already; nothing has changed."
    from activities.sequences import is_sequence

    line = f"{published.flow} is at revision {published.number} now."
    if published.told:
        line += f" {count(published.told, 'record')} asleep in an edited step were told."
    if published.before or is_sequence(published.flow):
        return line
    return f"{line} It is off; `perdure on {published.flow}` lets records in."


def _tell_drafts(drafts: list[Draft], *, json: bool) -> None:
    if json:
        as_json([{"flow": each.key, "draft": True, "missing": each.missing} for each in drafts])
        return
    for each in drafts:
        lacks = f"{count(len(each.missing), 'piece')} missing" if each.missing else "nothing missing"
        typer.echo(f"{each.key} is kept as a draft, with {lacks}.")
        for one in each.missing:
            typer.echo(f"  {one}")


async def _publish(
    files: list[Source], catalogue: Catalogue, *, json: bool
) -> tuple[list[Outcome], list[PublishedContent]]:
    from starter.compose import connect_client
    from starter.locks import refuse_locked_while_on
    from starter.publish import CannotFollow, publish_together

    async with connect_client() as client:
        checked = await _checked(client, files, catalogue, draft=False, json=json)
        flows = [file.found.flow for file in checked if file.found.flow is not None]
        contents = [file.found.content for file in checked if file.found.content is not None]
        await refuse_locked_while_on(client.pool, flows, client.allowed)
        try:
            with busy("writing revisions, and telling the records that sleep in edited steps"):
                published, saved = await publish_together(client.pool, flows, contents, client.revisions)
        except CannotFollow as error:
            _refuse(_with_refusals(checked, error), json=json)
        return [await _outcome(client, flow, each) for flow, each in zip(flows, published, strict=True)], saved


async def _outcome(client: Client, flow: Flow, published: Published) -> Outcome:
    from starter.language.differences import difference

    if not published.new or published.before is None:
        return Outcome(published, ())
    before = await client.revisions.get(published.before)
    return Outcome(published, difference(before.flow, flow))


async def _keep(files: list[Source], catalogue: Catalogue, *, json: bool) -> list[Draft]:
    from starter import drafts
    from starter.compose import connect_client
    from starter.language.contents import CONTENTS

    async with connect_client() as client:
        checked = await _checked(client, files, catalogue, draft=True, json=json)
        kept = [
            drafts.Draft(each.found.key, each.found.name, each.source.name, each.source.text or "", each.found.missing)
            for each in checked
            if each.what == "flow"
        ]
        for each in (each for each in checked if each.what != "flow"):
            told(
                f"{each.source.name} is {CONTENTS[each.what].a}, of which no draft is kept; publish it without --draft."
            )
        await drafts.save(client.pool, kept)
    return kept


async def _checked(
    client: Client, files: list[Source], catalogue: Catalogue, *, draft: bool, json: bool
) -> list[CheckedFile]:
    """Check files against the database; exit with what is wrong in any of them, and say what is doubtful."""
    from starter.language.definitions import read_definitions
    from starter.language.flow_files import check_files, with_files

    definitions = with_files(await read_definitions(client.pool), files)
    with Progress("files", len(files)) as progress:
        checked = check_files(files, catalogue, definitions=definitions, draft=draft, each=progress.at)
    if any(file.found.mistakes for file in checked):
        _refuse(checked, json=json)
    for line in (line for file in checked for line in file.warnings):
        told(line)
    return checked


def _with_refusals(checked: list[CheckedFile], error: CannotFollow) -> list[CheckedFile]:
    from starter.language.flow_files import placed

    files = {file.found.flow.key if file.found.flow else file.source.name: file for file in checked}
    for each in error.refusals:
        file = files[each.flow]
        mistake = placed(file, each.step, "cannot_follow", each.message)
        found = replace(file.found, mistakes=(*file.found.mistakes, mistake))
        files[each.flow] = replace(file, found=found)
    return list(files.values())


def _refuse(checked: list[CheckedFile], *, json: bool) -> NoReturn:
    from workflows.model.errors import FlowError

    if json:
        findings_as_json(checked)
        raise typer.Exit(MISTAKES)
    lines = [line for file in checked for line in file.lines]
    raise FlowError("nothing was published:\n" + "\n".join(lines))


COMMANDS: dict[str, Callable[..., None]] = {"publish": publish}
