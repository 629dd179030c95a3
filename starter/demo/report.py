"""What became of everybody, as the database, the mail catcher and the web server have it; and how to go on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from starter.commands.drawn_path import drawn
from starter.commands.output import count
from starter.commands.timeline import Timeline
from starter.inspection import by_id
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from starter.demo.stage import Stage
    from starter.inspection import Summary


MOST_SHOWN = 100


class Lost(NamedTuple):
    """When the worker was killed, by the flow's days, and how many people were inside."""

    day: float
    inside: int


async def report(stage: Stage, lost: Lost | None, console: Console) -> None:
    """Say in words what became of everybody, where it is seen, and show the path of one."""
    console.print("\n[bold]What happened[/]")
    for number, words in await _stories(stage):
        console.print(f"  {number:>3} {words}")
    console.print("\n[bold]Each once[/]")
    for words in await _once(stage, lost):
        console.print(f"  {words}")
    one = await by_id(stage.client.pool, await stage.counting.longest())
    console.print(f"\n[bold]The path of one[/], {one.record}, as `perdure show` draws it")
    await _show(stage, one, console)
    console.print("\n[bold]To look at[/]")
    for name, place in (
        ("The e-mails", str(stage.mails.folder)),
        ("The web calls", str(stage.receiver.folder)),
        ("The picture", await _drawn(stage)),
        ("The Web UI", f"{link_to(stage.web_ui, one)} (while it runs)"),
    ):
        console.print(f"  {name:<14} {place}")


async def _show(stage: Stage, one: Summary, console: Console) -> None:
    from rich.text import Text

    found = await stage.client.describe(one.enrollment)
    for line in Timeline().lines(drawn(found.summary, found.path, found.reason, datetime.now(UTC), shown=MOST_SHOWN)):
        console.print(Text.from_ansi(f"  {line}"))


async def _stories(stage: Stage) -> list[tuple[int, str]]:
    came = {place.node: place.came for place in await stage.counting.places()}
    inside, endings = await stage.counting.inside(), await stage.counting.endings()
    sent = await stage.client.pool.fetchval("select count(*) from event where type = 'form_submitted'")
    stories = [
        (sent, "people sent the form: as many rows in the table `event`."),
        (inside.entered, "entered the flow."),
        (sent - inside.entered, "did not, for they are customers, and that is the flow's goal."),
        (came["call"], "opened the e-mail; the owner of each has a call to make."),
        (came["answer"], "answered the reminder; the owner of each has an e-mail to write."),
        (came["tell-marketing"], "stayed quiet; they are marked so, and the marketing system was told."),
        (came["find-address"], "have no e-mail address; the owner of each is to find one."),
        (endings.get("goal", 0), "bought while they were inside, and left at once, in the middle of a wait."),
    ]
    return [story for story in stories if story[0]]


async def _once(stage: Stage, lost: Lost | None) -> list[str]:
    letters, calls = _letters(stage.mails.folder), stage.receiver.kept
    twice, repeated = sum(letters.values()) - len(letters), await stage.counting.repeated()
    told = [
        f"{count(len(letters), 'e-mail')} arrived"
        + (
            f", {twice} of them twice: the ledger knows {repeated} that a crash left open."
            if twice
            else ", none twice."
        )
    ]
    if stage.receiver.busy:
        told.append("The marketing system was busy at first (503, come again in 1 s): it was called again, same key.")
    told.append(f"It took {count(sum(calls.values()), 'call')} under {count(len(calls), 'key')}.")
    if lost:
        told.append(
            f"The worker was killed on day {lost.day:.1f}, with {lost.inside} people inside; another went on with them."
        )
    return told


def _letters(folder: Path) -> Counter[tuple[str, str]]:
    """Count what arrived, by recipient and subject: nobody is meant to get the same twice."""
    mails = (message_from_bytes(file.read_bytes(), policy=policy.default) for file in folder.glob("*.eml"))
    return Counter((str(mail["to"]), str(mail["subject"])) for mail in mails)


async def _drawn(stage: Stage) -> str:
    """Draw the flow with how many came by each step; give where the picture is, or why there is none."""
    from starter.drawing.picture import picture
    from starter.drawing.svg import svg

    file = stage.home.path / f"{stage.put.flow.key}.svg"
    came = {place.node: place.came for place in await stage.counting.places()}
    try:
        file.write_text(svg(picture(stage.put.flow, came)), encoding="utf-8")
    except CallerError as error:
        return f"not drawn: {error}"
    return f"{file} (a number says how many came by)"


def link_to(web_ui: str, summary: Summary) -> str:
    """Give the link to an enrollment in the Web UI."""
    return f"{web_ui}/{quote(summary.workflow_id, safe='')}"


async def invite(stage: Stage, console: Console) -> None:
    """Say how to look around while the stack stays up."""
    one = await by_id(stage.client.pool, await stage.counting.longest())
    key = stage.put.flow.key
    console.print(
        f"\n[bold]It all stays up until Ctrl-C.[/] One enrollment in the Web UI: {link_to(stage.web_ui, one)}"
    )
    console.print("In another terminal:")
    for command in (
        ". .venv/bin/activate",
        f"export PERDURE_HOME={stage.home.path}",
        f"perdure list --flow {key}",
        f"perdure show {key} {one.record}",
        f"perdure record {one.record}",
        f"perdure enroll {key} {one.record}",
        f"perdure draw {key} --live --svg now.svg",
    ):
        console.print(f"  {command}")


def how_to_go_on(console: Console) -> None:
    """Say what to do next."""
    console.print("\n[bold]To go on[/]")
    for command, what in (
        ("make demo ARGS=--keep", "the same, and it stays up: look around in it, and in the Web UI"),
        ("make up", "a stack for flows of your own; the README goes on from there"),
        ("less starter/examples/demo-request/demo-request.yaml", "the flow that you have just seen"),
    ):
        console.print(f"  {command:<55} {what}")
