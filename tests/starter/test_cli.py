from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.starter.conftest import Alone, Perdure
from tests.starter.simple_files import CONTACTS, FLOW
from tests.world import World

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def flow(perdure: Perdure) -> str:
    """The demo's flow, published and on, with the demo's contacts."""
    for words in (("load", "contact", CONTACTS), ("publish", FLOW), ("on", "demo-request")):
        ran = await perdure(*words)
        assert ran.status == 0, ran.err
    return "demo-request"


async def test_load_says_what_became_of_the_rows(perdure: Perdure) -> None:
    """`load` counts the rows and exits with 0."""
    ran = await perdure("load", "contact", CONTACTS)
    assert (ran.status, ran.out) == (0, "12 good rows: 12 new, 0 changed, 0 as before.\n")


async def test_load_tells_bad_rows_and_exits_with_2(perdure: Perdure, tmp_path: Path) -> None:
    """Each bad row is on standard error with file and line, and so are the properties that are new."""
    file = tmp_path / "people.csv"
    file.write_text("id,city\n1,Turku\n,Oulu\n")
    ran = await perdure("load", "contact", file)
    assert (ran.status, ran.err) == (2, f"{file}:3: has no id\nDefined for contact: city (text).\n")
    assert "1 good row: 1 new, 0 changed, 0 as before. 1 bad row left out." in ran.out


async def test_load_prints_json(perdure: Perdure, tmp_path: Path) -> None:
    """With --json the counts and the bad rows are data."""
    file = tmp_path / "people.csv"
    file.write_text("id,city\n1,Turku\n,Oulu\n")
    told = json.loads((await perdure("load", "contact", file, "--json")).out)
    assert told == {
        "inserted": 1,
        "updated": 0,
        "unchanged": 0,
        "bad": 1,
        "stopped": False,
        "dry_run": False,
        "defined": {"city": "text"},
        "bad_rows": [{"line": 3, "reason": "has no id"}],
        "report": None,
    }


async def test_enroll_lets_everyone_in(perdure: Perdure, flow: str, world: World) -> None:
    """`enroll --all` takes every record of the flow's object type."""
    ran = await perdure("enroll", flow, "--all")
    assert (ran.status, ran.out) == (0, "12 records of 12 entered demo-request.\n")
    assert await world.pool.fetchval("select count(*) from outbox where kind = 'start'") == 12


async def test_enroll_takes_the_records_of_a_file(perdure: Perdure, flow: str, tmp_path: Path) -> None:
    """`enroll --from` names records as `load` does, and a bad row makes the status 2."""
    (tmp_path / "some.csv").write_text("id\n101\n102\na b\n")
    ran = await perdure("enroll", flow, "--from", tmp_path / "some.csv")
    assert (ran.status, ran.out) == (2, "2 records of 2 entered demo-request.\n")
    assert "some.csv:4: 'a b' cannot name a record" in ran.err


async def test_a_refused_record_is_told_with_its_reason(perdure: Perdure, flow: str) -> None:
    """A record that is inside already does not enter, and the status is 2."""
    await perdure("enroll", flow, "contact:101")
    ran = await perdure("enroll", flow, "contact:101", "contact:102")
    assert (ran.status, ran.out) == (2, "1 record of 2 entered demo-request.\n")
    assert ran.err == "contact:101 is in demo-request already.\n"


async def test_a_flow_without_a_record_is_shown_how(perdure: Perdure, flow: str) -> None:
    """`show FLOW` is a half of `show FLOW RECORD`, and is told so."""
    ran = await perdure("show", flow)
    assert (ran.status, "of a flow, name a record too" in ran.err) == (2, True)


async def test_enroll_wants_to_know_whom(perdure: Perdure, flow: str) -> None:
    """Without records, and with two ways to name them, `enroll` does nothing."""
    for words in ((), ("contact:101", "--all")):
        ran = await perdure("enroll", flow, *words)
        assert (ran.status, ran.err[:50]) == (2, "perdure: say whom to enroll, one way: records, --w")


async def test_an_event_is_taken_once(perdure: Perdure, flow: str, world: World) -> None:
    """The same id is the same event; its properties mean what they would in a flow file."""
    words = ("event", "form_submitted", "contact:101", "--set", "form=demo", "--set", "score=7", "--id", "e1")
    assert (await perdure(*words)).out == "form_submitted of contact:101 taken.\n"
    assert (await perdure(*words)).out == "form_submitted of contact:101 was taken before.\n"
    assert await world.pool.fetchval("select properties from event where source = 'cli'") == {
        "form": "demo",
        "score": 7,
    }


async def test_a_property_is_a_pair(perdure: Perdure) -> None:
    """`--set` without a value is the user's mistake."""
    ran = await perdure("event", "form_submitted", "contact:101", "--set", "form")
    assert (ran.status, ran.err) == (2, "perdure: --set form: write KEY=VALUE, as --set form=demo-request\n")


async def test_list_and_show_tell_where_a_record_is(perdure: Perdure, flow: str) -> None:
    """A record that was let in is listed as open, and `show` says that it has not started."""
    await perdure("enroll", flow, "contact:101")
    listed = json.loads((await perdure("list", "--flow", flow, "--state", "open", "--json")).out)
    assert [(each["record"], each["standing"]) for each in listed] == [("contact:101", "accepted")]
    shown = await perdure("show", listed[0]["enrollment"])
    assert "contact:101 in demo-request, revision 1: entered" in shown.out
    assert "Now: accepted, not started yet." in shown.out


async def test_unenroll_orders_out(perdure: Perdure, flow: str) -> None:
    """A record that was ordered out is leaving."""
    await perdure("enroll", flow, "contact:101")
    assert (await perdure("unenroll", flow, "contact:101")).out == "contact:101 leaves demo-request.\n"
    shown = json.loads((await perdure("show", flow, "contact:101", "--json")).out)
    assert shown["enrollment"]["standing"] == "leaving"


async def test_pause_and_resume(perdure: Perdure, flow: str, world: World) -> None:
    """A flow is paused by its key."""
    await perdure("pause", flow)
    assert await world.pool.fetchval("select paused from flow")
    assert (await perdure("resume", flow)).out == "demo-request goes on; 0 held records told.\n"
    assert not await world.pool.fetchval("select paused from flow")


async def test_resolve_wants_a_held_enrollment(perdure: Perdure, flow: str) -> None:
    """There is nothing to decide about an enrollment that is not held."""
    await perdure("enroll", flow, "contact:101")
    ran = await perdure("resolve", "retry", flow, "contact:101")
    assert (ran.status, "is not held" in ran.err) == (2, True)


async def test_off_keeps_everyone_out(perdure: Perdure, flow: str) -> None:
    """A flow that is off refuses, with what to do."""
    await perdure("off", flow)
    ran = await perdure("enroll", flow, "--all")
    assert (ran.status, ran.out) == (0, "0 records of 12 entered demo-request.\n")
    assert "12 did not: flow_off (as: demo-request is off" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("on", "demo-requst"),
        ("enroll", "demo-requst", "--all"),
        ("show", "demo-requst", "contact:101"),
        ("list", "--flow", "demo-requst"),
    ],
)
async def test_a_flow_that_is_not_there_is_answered_with_the_nearest(
    words: tuple[str, ...], perdure: Perdure, flow: str
) -> None:
    """A typo in a flow's key is the user's mistake, and the key that was meant is given."""
    ran = await perdure(*words)
    assert ran.status == 2
    assert "did you mean 'demo-request'?" in ran.err


async def test_a_database_without_schema_is_told_how_to_get_one(
    perdure: Perdure, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables that are missing are the schema's, and `perdure migrate` brings it."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", world.addresses.dsn)
    ran = await perdure("list")
    assert (ran.status, "perdure migrate" in ran.err) == (2, True)


async def test_a_database_that_is_away_is_not_the_users_mistake(
    perdure: Perdure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 1, and what to do is said."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", "postgresql://127.0.0.1:1/perdure")
    ran = await perdure("list")
    assert (ran.status, "`perdure doctor` looks" in ran.err) == (1, True)


async def test_migrate_says_that_nothing_is_to_do(perdure: Perdure) -> None:
    """A schema that is up to date is left alone."""
    assert (await perdure("migrate")).out == "The schema is up to date.\n"


def program(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m starter` as a process of its own, where no stack runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERDURE_", "TEMPORAL_"))}
    return subprocess.run(
        [sys.executable, "-m", "starter", *words],
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_stack_it_is_said_how_to_start_one(tmp_path: Path) -> None:
    """No database named and no stack running: the user's mistake, in one line without a traceback."""
    ran = program(tmp_path, "list")
    assert ran.returncode == 2
    assert ran.stderr == (
        f"perdure: No stack runs on {tmp_path / '.perdure'}. "
        "Start one with `perdure up`, or set PERDURE_DATABASE_URL to your PostgreSQL.\n"
    )


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    """PERDURE_DEBUG is for those who mend Perdure."""
    assert "Traceback" in program(tmp_path, "list", PERDURE_DEBUG="1").stderr


def test_a_typo_in_a_setting_is_refused(tmp_path: Path) -> None:
    """Every command that reads settings refuses a variable that nothing reads."""
    ran = program(tmp_path, "list", PERDURE_DATABSE_URL="x")
    assert (ran.returncode, "did you mean PERDURE_DATABASE_URL?" in ran.stderr) == (2, True)


def test_the_version_is_shown(tmp_path: Path) -> None:
    """`--version` needs nothing but the program."""
    ran = program(tmp_path, "--version")
    assert (ran.returncode, ran.stdout.split()[0].strip(",")) == (0, "perdure")


def test_help_loads_no_service(tmp_path: Path) -> None:
    """`--help` is quick, for it loads neither Temporal's SDK nor the database's client."""
    code = "import sys\nsys.argv = ['perdure', '--help']\nfrom starter.cli import app\napp(standalone_mode=False)\n"
    code += "print(sorted({'temporalio', 'asyncpg', 'pydantic_settings', 'yaml'} & set(sys.modules)), file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stderr == "[]\n"


def test_what_went_wrong_is_json_too(alone: Alone) -> None:
    """With --json standard output has an object in the shape of the HTTP API; the sentence is on standard error."""
    ran = alone("list", "--json")
    error = json.loads(ran.out)["error"]
    assert (ran.status, error["code"]) == (2, "bad_request")
    assert ran.err == f"perdure: {error['message']}\n"


@pytest.mark.parametrize("words", [("list", "--stat", "x", "--json"), ("show", "--json"), ("shwo", "--json")])
def test_a_wrong_command_line_is_json_too(words: tuple[str, ...], alone: Alone) -> None:
    """What cannot even be parsed is told in the same shape."""
    ran = alone(*words)
    assert (ran.status, json.loads(ran.out)["error"]["code"]) == (2, "bad_request")


async def test_what_is_not_there_has_a_code_of_its_own(perdure: Perdure, flow: str) -> None:
    """A program tells what does not exist from what is wrong."""
    ran = await perdure("show", "demo-requst", "contact:101", "--json")
    assert json.loads(ran.out)["error"]["code"] == "not_found"


@pytest.mark.parametrize("words", [("shwo",), ("histroy",)])
def test_a_typo_in_a_command_is_answered_with_the_nearest(words: tuple[str, ...], alone: Alone) -> None:
    """The command that was meant is named."""
    ran = alone(*words)
    assert (ran.status, "Did you mean" in ran.err) == (2, True)


async def test_what_a_command_did_is_json_too(perdure: Perdure, flow: str) -> None:
    """Commands that change something say what, for programs."""
    assert json.loads((await perdure("on", flow, "--json")).out) == {"flow": flow, "is_on": True}
    assert json.loads((await perdure("pause", flow, "--json")).out) == {"target": flow, "paused": True}
    assert json.loads((await perdure("resume", flow, "--json")).out) == {"target": flow, "paused": False, "told": 0}
    await perdure("enroll", flow, "contact:101")
    left = json.loads((await perdure("unenroll", flow, "contact:101", "--json")).out)
    assert (left["flow"], left["record"], len(left["enrollment"])) == (flow, "contact:101", 36)


async def test_an_enrollment_that_has_been_nowhere_is_drawn(perdure: Perdure, flow: str) -> None:
    """The path is its entrance and that it has not started."""
    await perdure("enroll", flow, "contact:101")
    shown = await perdure("show", flow, "contact:101")
    assert [line.split()[-2:] for line in shown.out.splitlines()[-2:]] == [["entered:", "cli"], ["started", "yet"]]


async def test_a_list_is_paged(perdure: Perdure, flow: str) -> None:
    """`--after` goes on where a page ended, and a record's own are found."""
    await perdure("enroll", flow, "contact:101", "contact:102", "contact:103")
    pages: list[str] = []
    after: tuple[str, ...] = ()
    for _ in range(3):
        ran = await perdure("list", "--limit", "1", "--json", *after)
        (one,) = json.loads(ran.out)
        assert f"--after {one['enrollment']} goes on" in ran.err
        pages.append(one["record"])
        after = ("--after", one["enrollment"])
    assert sorted(pages) == ["contact:101", "contact:102", "contact:103"]
    (one,) = json.loads((await perdure("list", "--record", "contact:102", "--json")).out)
    assert one["record"] == "contact:102"
    assert (await perdure("list", "--record", "contact:104")).out == "No such enrollment.\n"
