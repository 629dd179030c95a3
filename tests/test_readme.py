"""The README's blocks, run as they are printed."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
from pathlib import Path

import pytest

from activities.catalogue import Catalogue
from activities.fakes import FakeHttp
from activities.pages import page
from starter.drawing.picture import picture
from starter.drawing.svg import svg
from starter.language.compile import compile_flow
from tests.activities.doing import anna, doing
from tests.starter.command_line import ROOT, command
from tests.until import until
from tests.world import World

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Give the README's blocks of one language, in order."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found
    return found


def test_the_flow_of_the_readme_is_a_flow() -> None:
    """The first thing that a reader sees compiles."""
    flow = compile_flow(blocks("yaml")[0], Catalogue.load(), file="README.md")
    assert set(flow.nodes) == {"thanks", "opened", "was-it-opened", "interested", "five-days", "quiet"}


def test_the_two_commands_are_there() -> None:
    """Each `make` target that the README names is one of the Makefile's."""
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake (\w+)", README)) <= set(targets)


async def test_the_first_flow_of_ones_own_walks(home: Path) -> None:
    """With `up` running, the commands of the README take a person through the example flow, in the order printed."""
    lines = [line.partition("#")[0].strip() for line in blocks("sh")[1].splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("perdure ")]
    async with command(home, "up") as up:
        await up.says("Enrollments 0 inside")
        for words in commands:
            if words[0] == "event":
                await until(lambda: waits(home), what="the wait for the event")
            async with command(home, *relocated(words)) as run:
                assert await run.ends() == 0, (words, run.said)
        assert any("thank " in line and "sent" in line for line in run.said)
        assert await up.ends(signal.SIGTERM) == 0


async def test_the_commands_around_flow_files_do_what_the_readme_says(home: Path, tmp_path: Path) -> None:
    """They run on the example as it is printed; the one that asks the database finds the flow unpublished."""
    lines = [line.partition("#")[0].strip() for line in blocks("sh")[2].splitlines()]
    statuses = {}
    async with command(home, "up", "--no-worker") as up:
        await up.says("Enrollments 0 inside")
        for line in lines:
            words = [str(tmp_path / word) if word == "demo.svg" else word for word in relocated(shlex.split(line)[1:])]
            async with command(home, *words) as run:
                statuses[words[0]] = await run.ends()
        assert await up.ends(signal.SIGTERM) == 0
    assert statuses == {"check": 0, "fmt": 0, "draw": 0, "diff": 1, "try": 0}
    assert (tmp_path / "demo.svg").read_text().startswith("<")


async def waits(home: Path) -> bool:
    """Tell whether the person of the example waits for the event."""
    async with command(home, "show", "demo-request", "contact:101", "--json") as show:
        await show.ends()
    return any('"standing": "waiting"' in line for line in show.said)


def relocated(words: list[str]) -> list[str]:
    """Give a command's words with the README's paths made absolute: the tests run anywhere."""
    return [str(ROOT / word) if word.startswith("starter/") else word for word in words]


async def test_the_crm_code_of_the_readme_works(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function that the README shows writes one event, however often the form is sent, and so does its service."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", world.dsn)
    names: dict[str, object] = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    await world.record("contact:1")
    await world.record("contact:101")
    on_form, serve = names["on_form"], names["serve"]
    assert callable(on_form)
    assert callable(serve)
    await serve()
    await asyncio.gather(*(on_form(world.client, "contact:1", "demo", "17") for _ in range(3)))
    assert await world.pool.fetchval("select count(*) from event where type = 'form_submitted'") == 2


async def test_the_action_of_the_readme_is_one(tmp_path: Path) -> None:
    """Put into a folder as it is printed, it is found, and rings."""
    (tmp_path / "ring_bell.py").write_text(blocks("python")[1])
    catalogue = Catalogue.load(tmp_path)
    action = catalogue["ring_bell"].model_validate({"note": "Anna has signed"})
    http = FakeHttp()
    done = await action.perform(doing(anna(), http=http))
    assert (done.line, http.sent[0].headers["Idempotency-Key"]) == ("rang the bell", "k")
    assert page(catalogue["ring_bell"]).codes.keys() == {"bell_broken"}


def test_what_the_readme_shows_is_there() -> None:
    """Pictures and pages that it links to; the drawing is that of the example as it is now."""
    for name in re.findall(r"(?:\]\(|src=\")((?!https?:)[^)\"]+)", README):
        assert (ROOT / name).exists(), name
    example = (ROOT / "starter/examples/demo-request/demo-request.yaml").read_text()
    drawn = svg(picture(compile_flow(example, Catalogue.load())))
    assert (ROOT / "docs/pictures/demo-request.svg").read_text() == drawn
