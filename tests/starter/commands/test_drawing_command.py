from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from starter.cli import app
from starter.publish import publish
from tests.flows import delay
from tests.flows import flow as built
from tests.starter.conftest import Office, Perdure, Ran
from tests.starter.drawing.drawn import chain
from tests.starter.simple_files import CONTACTS, FLOW
from tests.world import World


def draw(*words: object) -> Ran:
    """Run `draw`, where no database is needed."""
    ran = CliRunner().invoke(app, ["draw", *map(str, words)])
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No stack, unless a test has one."""
    monkeypatch.delenv("PERDURE_DATABASE_URL", raising=False)
    monkeypatch.setenv("PERDURE_HOME", str(tmp_path / "nobody"))


def test_a_file_is_mermaid_text() -> None:
    """A file is drawn without a database, on standard output, with status 0."""
    ran = draw(FLOW)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("%%{init:")
    assert '  s_was_it_opened -->|"Opened"| s_mark_interested\n' in ran.out


def test_a_file_becomes_an_svg_file(tmp_path: Path) -> None:
    """The picture is in the file, nothing is beside it, and what was done is said."""
    file = tmp_path / "demo.svg"
    ran = draw(FLOW, "--svg", file)
    assert (ran.status, ran.out) == (0, f"Follow up demo requests: 6 steps drawn in {file}.\n")
    assert ET.parse(file).getroot().tag.endswith("svg")
    assert list(tmp_path.iterdir()) == [file]


def test_a_picture_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    """Also of a longer one."""
    file = tmp_path / "demo.svg"
    file.write_text("x" * 100_000)
    assert draw(FLOW, "--svg", file).status == 0
    assert file.read_text() == draw(FLOW, "--svg", "-").out


def test_svg_goes_to_a_device_as_it_comes() -> None:
    """A device is written to, never replaced."""
    assert draw(FLOW, "--svg", "/dev/null").status == 0
    assert Path("/dev/null").is_char_device()


def test_a_file_with_mistakes_is_not_drawn(tmp_path: Path) -> None:
    """Its mistakes are told with their places, as `check` tells them."""
    file = tmp_path / "wrong.yaml"
    file.write_text("flow: wrong\nobject: contact\nsteps: [{do: fly, id: up}]\n")
    ran = draw(file)
    assert (ran.status, ran.out) == (2, "")
    assert f"{file}:3:" in ran.err
    assert "fly" in ran.err


def test_a_file_that_is_not_there_is_the_users_mistake() -> None:
    """As is a place for the picture that cannot be written."""
    assert draw("nowhere.yaml").status == 2
    ran = draw(FLOW, "--svg", "/nowhere/demo.svg")
    assert (ran.status, ran.err) == (2, "perdure: /nowhere/demo.svg cannot be written: No such file or directory\n")


def test_nobody_stands_in_a_file() -> None:
    """Records stand in published flows."""
    ran = draw(FLOW, "--live")
    assert ran.status == 2
    assert "no record stands in it" in ran.err


async def test_a_key_is_the_published_flow(perdure: Perdure) -> None:
    """Its current revision is drawn, as its file would be."""
    for words in (("load", "contact", CONTACTS), ("publish", FLOW)):
        ran = await perdure(*words)
        assert ran.status == 0, ran.err
    by_key, by_file = await perdure("draw", "demo-request"), await perdure("draw", FLOW)
    assert (by_key.err, by_key.out) == ("", by_file.out)


async def test_a_flow_that_is_not_published_is_the_users_mistake(perdure: Perdure) -> None:
    """It is said where to look."""
    ran = await perdure("draw", "nothing")
    assert (ran.status, ran.err.count("no flow is called 'nothing'")) == (2, 1)


async def test_counts_are_of_those_inside(perdure: Perdure, world: World) -> None:
    """A record counts where it came to last, and no longer when it has left."""
    office, sleepy = Office(world, world.client), built("sleepy", delay("nap", "1 day"), delay("night", "2 days"))
    key = await office.on(sleepy)
    for number, nodes in enumerate((["nap"], ["nap", "night"], ["nap", "night"], ["nap"])):
        admitted = await office.inside(key, await world.record(f"contact:{number}"))
        for visit, node in enumerate(nodes, 1):
            await office.visit(admitted.enrollment, visit, node, admitted.revision)
    await world.pool.execute("update enrollment set closed_at = now(), ending = 'ended' where record = '3'")
    out = (await perdure("draw", key, "--live")).out
    assert "1 day<br/><b>4 came, 1 here now</b>" in out
    assert "2 days<br/><b>2 came, 2 here now</b>" in out


async def test_a_text_too_big_for_github_says_so(perdure: Perdure, world: World) -> None:
    """On standard error, beside the whole text."""
    await publish(world.pool, chain(150), world.revisions)
    ran = await perdure("draw", "chain")
    assert (ran.status, "s_wait_149" in ran.out) == (0, True)
    assert "show only smaller Mermaid texts" in ran.err
