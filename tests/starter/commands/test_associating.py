from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.starter.conftest import Perdure
from tests.world import World

ROWS = """\
record,other,label,primary
contact:1,company:7,,true
contact:1,company:8,billing,
contact:1,company:9,,
contact,company:8,,
contact:1,,,
contact:1,company:8,,maybe
"""


@pytest.fixture
async def file(world: World, tmp_path: Path) -> Path:
    """A file of which two rows are good, one names a record that is not there, and three say nothing sound."""
    for name in ("contact:1", "company:7", "company:8"):
        await world.record(name)
    file = tmp_path / "beside.csv"
    file.write_text(ROWS)
    return file


async def test_a_file_of_associations_is_taken_row_by_row(perdure: Perdure, world: World, file: Path) -> None:
    """Good rows are in, under label and as primary; each bad one is told with its line; the status is 2."""
    ran = await perdure("associate", "--from", file)
    assert (ran.status, ran.out) == (2, "2 associations made, 0 as before. 4 bad rows left out.\n")
    assert ran.err.splitlines() == [
        f"{file}:4: there is no record company:9, or it was deleted",
        f"{file}:5: 'contact' names no record; write TYPE:ID, as contact:42",
        f"{file}:6: has no other",
        f"{file}:7: primary is true or false, not 'maybe'",
    ]
    rows = await world.pool.fetch("select to_id, label, is_primary from association order by to_id")
    assert [tuple(row) for row in rows] == [("7", "", True), ("8", "billing", False)]


async def test_a_second_run_changes_nothing(perdure: Perdure, file: Path) -> None:
    """The same rows are as before, also in JSON."""
    file.write_text("\n".join(ROWS.splitlines()[:3]))
    assert (await perdure("associate", "--from", file)).status == 0
    ran = await perdure("associate", "--from", file, "--json")
    assert json.loads(ran.out) == {"made": 0, "as_before": 2, "bad_rows": [], "stopped": False}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name two records"),
        (("contact:1",), "name two records"),
        (("contact:1", "company:7", "--from", "x.csv"), "--from takes all of it from the file"),
        (("contact:1", "company:7", "--primary", "--remove"), "say one of --primary and --remove"),
    ],
)
async def test_what_is_unclear_is_refused(perdure: Perdure, words: tuple[str, ...], told: str) -> None:
    """Nothing is guessed."""
    ran = await perdure("associate", *words)
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.err


async def test_a_file_without_the_columns_is_refused(perdure: Perdure, tmp_path: Path) -> None:
    """It is said which ones a file has."""
    file = tmp_path / "x.csv"
    file.write_text("a,b\n1,2\n")
    ran = await perdure("associate", "--from", file)
    assert ran.status == 2
    assert "there is no column record and no column other; it has record and other" in ran.err
