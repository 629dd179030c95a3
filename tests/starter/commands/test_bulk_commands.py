from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from starter.commands.progress import Progress
from starter.loading import batches
from tests.flows import delay, flow
from tests.starter.command_line import environment
from tests.starter.conftest import Office, Perdure
from tests.until import until
from tests.world import World

PEOPLE = "id,email,country\n" + "".join(f"{n},p{n}@example.com,{('FI', 'SE')[n % 2]}\n" for n in range(10))


@pytest.fixture
async def people(office: Office, world: World, perdure: Perdure, tmp_path: Path) -> Path:
    """Ten contacts from a file, and a flow `rest` that is on."""
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    assert (await perdure("load", "contact", path)).status == 0
    await world.publish(flow("rest", delay("nap", "1 day")))
    return path


async def test_a_load_is_tried_without_writing(perdure: Perdure, world: World, tmp_path: Path) -> None:
    """--dry-run says what would become of the rows, and what would be defined."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    ran = await perdure("load", "contact", tmp_path / "people.csv", "--dry-run")
    assert ran.out == "Nothing was written. 10 good rows: 10 new, 0 changed, 0 as before.\n"
    assert ran.err == "It would define for contact: email (text), country (text).\n"
    assert await world.pool.fetchval("select count(*) from record") == 0


async def test_a_load_takes_its_wishes(perdure: Perdure, world: World, tmp_path: Path) -> None:
    """Columns, types, the property that tells whose row it is and the report are options."""
    (tmp_path / "x.csv").write_text("E-Mail,Score,Since,junk\na@b.c,5,2026-01-31,x\nb@b.c,high,2026-01-31,x\n")
    options = ("--by", "email", "--map", "E-Mail=email", "--map", "junk=", "--type", "score=number", "--infer")
    ran = await perdure("load", "contact", tmp_path / "x.csv", *options, "--report", tmp_path / "bad.csv")
    assert (ran.status, ran.out) == (2, "1 good row: 1 new, 0 changed, 0 as before. 1 bad row left out.\n")
    assert "Defined for contact: email (text), score (number), since (date)." in ran.err
    assert (tmp_path / "bad.csv").read_text().startswith("line,reason,E-Mail,Score,Since,junk\n3,")


async def test_many_bad_rows_are_told_in_short(perdure: Perdure, tmp_path: Path) -> None:
    """The first twenty are told, all are in the report."""
    (tmp_path / "x.csv").write_text("id\n" + "a b\n" * 25)
    ran = await perdure("load", "contact", tmp_path / "x.csv", "--report", tmp_path / "bad.csv")
    assert ran.err.count("cannot name a record") == 20
    assert ran.err.endswith(f"... and 5 bad rows more; all are in {tmp_path / 'bad.csv'}.\n")
    assert len((tmp_path / "bad.csv").read_text().splitlines()) == 26


async def test_a_pair_has_two_halves(perdure: Perdure, tmp_path: Path) -> None:
    """`--map` without a property is told how it is written."""
    ran = await perdure("load", "contact", tmp_path / "x.csv", "--map", "junk")
    assert (ran.status, ran.err) == (2, "perdure: --map junk: write a pair, as --map 'Job title=role'\n")


async def test_enroll_where_a_condition_is_met(perdure: Perdure, people: Path, world: World) -> None:
    """Those that meet it enter, nobody else; a second run lets nobody in twice."""
    words = ("enroll", "rest", "--where", "{property: country, is: FI}")
    ran = await perdure(*words)
    assert (ran.status, ran.out) == (0, "5 records of 5 entered rest.\n")
    assert ran.err == "5 of 10 records meet the condition.\n"
    inside = await world.pool.fetch("select record from enrollment order by record")
    assert [row["record"] for row in inside] == ["0", "2", "4", "6", "8"]
    again = await perdure(*words)
    assert (again.status, again.out) == (0, "0 records of 5 entered rest.\n")
    assert "5 did not: inside (as: contact:0 is in rest already)." in again.err


async def test_a_condition_may_be_in_a_file(perdure: Perdure, people: Path, tmp_path: Path) -> None:
    """@FILE reads it, and a mistake is told with its place in the file."""
    file = tmp_path / "nordic.yaml"
    file.write_text("property: country\nis_any_of: [FI, SE]\n")
    assert (await perdure("enroll", "rest", "--where", f"@{file}", "--dry-run")).out.startswith(
        "10 records of 10 would"
    )
    file.write_text("property: country\niz: FI\n")
    ran = await perdure("enroll", "rest", "--where", f"@{file}")
    assert (ran.status, f"{file}:2:1" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("{property: cuntry, is: FI}", "did you mean 'country'?"),
        ("{output: step.key, is: 1}", "only a record that walks the flow has outputs"),
        ("FI", "a condition is written as"),
    ],
)
async def test_a_condition_that_chooses_nobody_is_refused(
    condition: str, told: str, perdure: Perdure, people: Path
) -> None:
    """What is no condition on a record is the user's mistake."""
    ran = await perdure("enroll", "rest", "--where", condition)
    assert (ran.status, told in ran.err) == (2, True), ran.err


async def test_a_dry_run_of_enroll_lets_nobody_in(perdure: Perdure, people: Path, world: World) -> None:
    """It counts who would enter, and who would not and why."""
    await perdure("enroll", "rest", "contact:1", "contact:2")
    ran = await perdure("enroll", "rest", "--all", "--dry-run", "--json")
    told = json.loads(ran.out)
    assert (told["entered"], told["refused"], told["dry_run"]) == (8, {"inside": 2}, True)
    named = await perdure("enroll", "rest", "contact:1", "contact:3", "--dry-run")
    assert (named.status, named.out) == (2, "1 record of 2 would enter rest.\n")
    assert await world.pool.fetchval("select count(*) from enrollment") == 2


async def test_enroll_goes_on_after_a_record(perdure: Perdure, people: Path, tmp_path: Path) -> None:
    """--after leaves out those that an earlier run came to, of a condition and of a file."""
    assert (await perdure("enroll", "rest", "--all", "--after", "contact:7")).out == "2 records of 2 entered rest.\n"
    ran = await perdure("enroll", "rest", "--from", people, "--after", "contact:4")
    assert (ran.status, ran.out) == (2, "3 records of 5 entered rest.\n")
    lost = await perdure("enroll", "rest", "--from", people, "--after", "contact:99")
    assert (lost.status, "has no such row" in lost.err) == (2, True)


async def test_what_remains_is_said(
    perdure: Perdure, people: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand that meet a lock which does not pass are set aside; the command says so, and how to go on."""
    monkeypatch.setattr(batches, "PAUSES", ())
    monkeypatch.setattr("activities.gateways.postgres.COMMAND_TIMEOUT", 0.5)
    async with world.transaction() as (connection, _):
        await connection.execute("select from record where id = '5' for update")
        ran = await perdure("enroll", "rest", "--all")
    assert (ran.status, ran.out) == (1, "0 records of 10 entered rest.\n")
    assert "10 records remain, for the database failed (TimeoutError)." in ran.err
    assert (await perdure("enroll", "rest", "--all")).out == "10 records of 10 entered rest.\n"


def test_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no terminal is, it is said how far it is and how fast, and not too often."""
    clock = iter([0.0, 0.0, 1.0, 6.0, 7.0])
    monkeypatch.setattr("starter.commands.progress.time.monotonic", lambda: next(clock))
    with Progress("rows", 10_000) as shown:
        for done in (1_000, 6_000, 7_000):
            shown.at(done)
    assert capsys.readouterr().err == "6,000 of 10,000 rows, 1,000 a second\n"


async def test_ctrl_c_loses_nothing(world: World, perdure: Perdure, tmp_path: Path) -> None:
    """The batch under way is finished, it is said how far that was, and the same command goes on."""
    people = tmp_path / "many.csv"
    people.write_text("id,city\n" + "".join(f"{n},Turku\n" for n in range(5_001)))
    await world.record("contact:7", city="Oulu")
    program = [sys.executable, "-m", "starter", "load", "contact", str(people)]
    env = environment(tmp_path, PERDURE_DATABASE_URL=world.dsn)
    async with world.transaction() as (connection, transaction):
        await connection.execute("select from record for update")
        load = await asyncio.create_subprocess_exec(*program, env=env, stdout=PIPE, stderr=PIPE)
        await until(world.blocked, what="the load to meet the lock")
        load.send_signal(signal.SIGINT)
        await asyncio.sleep(0)
        await transaction.commit()
    out, err = await asyncio.wait_for(load.communicate(), 60)
    assert (load.returncode, out.decode()) == (130, "5,000 good rows: 4,999 new, 1 changed, 0 as before.\n")
    assert "Stopped after 5,000 of 5,001 rows. Run the same command again to go on" in err.decode()
    assert (await perdure("load", "contact", people)).out == "5,001 good rows: 1 new, 0 changed, 5,000 as before.\n"
