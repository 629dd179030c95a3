from __future__ import annotations

import json
from pathlib import Path

import pytest

from activities.effects import NewTask, Provenance
from activities.gateways.postgres_crm import PostgresCrm
from tests.starter.conftest import Perdure
from tests.world import World
from workflows.model.records import RecordRef

ANNA = RecordRef.parse("contact:42")


@pytest.fixture(autouse=True)
async def people(world: World) -> None:
    """A contact and a company."""
    await world.record("contact:42", stage="new", firstname="Anna")
    await world.record("company:7", name="Acme")


async def test_a_record_is_set_and_shown(perdure: Perdure) -> None:
    """What was said is there, with what it was, and who did it."""
    ran = await perdure("set", "contact:42", "stage=lead", "firstname=")
    assert (ran.status, ran.out) == (0, "stage is lead now (before: new).\nfirstname is empty now (before: Anna).\n")
    assert (await perdure("set", "contact:42", "stage=lead")).out == "Nothing changed; it was so already.\n"
    shown = await perdure("record", "contact:42")
    assert shown.out.startswith("contact:42, made ")
    assert "(cli)" in shown.out
    assert "before there was a history" in shown.out
    assert "(--history shows more than 1)" in (await perdure("record", "contact:42", "--history", "1")).out


async def test_a_record_is_data_with_json(perdure: Perdure) -> None:
    """All parts of the page, for programs."""
    await perdure("set", "contact:42", "stage=lead")
    await perdure("associate", "contact:42", "company:7", "--label", "billing", "--primary")
    told = json.loads((await perdure("record", "contact:42", "--json")).out)
    assert told["record"] == "contact:42"
    assert told["properties"] == {"stage": "lead", "firstname": "Anna"}
    assert told["associations"] == [{"record": "company:7", "label": "billing", "is_primary": True}]
    assert [(each["name"], each["value"]) for each in told["history"]] == [("stage", "lead"), ("stage", "new")]
    assert (told["lists"], told["tasks"], told["enrollments"]) == ([], [], [])
    edited = json.loads((await perdure("set", "contact:42", "stage=won", "--json")).out)
    assert (edited["before"], edited["after"]) == ({"stage": "lead"}, {"stage": "won"})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("record", "contact:43"), "there is no record contact:43"),
        (("record", "anna"), "names no record"),
        (("record", "contact:42", "--history", "9" * 30), "less than or equal to 1000000"),
        (("list", "--limit", "9" * 30), "less than or equal to 1000000"),
        (("set", "contact:42", "stage"), "write PROPERTY=VALUE"),
        (("set", "contact:42", "=x"), "write PROPERTY=VALUE"),
        (("set", "contact:42", "stag=x"), "did you mean 'stage'?"),
        (("set", "contact:43", "stage=x"), "there is no record contact:43"),
        (("associate", "contact:42", "company:8"), "there is no record company:8"),
        (("associate", "contact:42", "company:7", "--remove"), "are not associated"),
        (("associate", "contact:42", "company:7", "--remove", "--primary"), "one of --primary and --remove"),
        (("complete", "call"), "is no id of a task"),
        (("users", "nowhere.csv"), "nowhere.csv"),
    ],
)
async def test_a_users_mistake_is_told_in_a_sentence(perdure: Perdure, words: tuple[str, ...], told: str) -> None:
    """And the exit status is 2."""
    ran = await perdure(*words)
    assert (ran.status, told in ran.err) == (2, True), ran.err


async def test_a_record_is_deleted_and_restored(perdure: Perdure) -> None:
    """For scripts as JSON, too."""
    deleted = json.loads((await perdure("delete", "contact:42", "--json")).out)
    restored = json.loads((await perdure("restore", "contact:42", "--json")).out)
    assert (deleted, restored["deleted"]) == ({"record": "contact:42", "deleted": True}, False)


@pytest.mark.parametrize(("command", "told"), [("lists", "There is no list yet"), ("sequences", "no sequence yet")])
async def test_nothing_to_list_is_said(perdure: Perdure, command: str, told: str) -> None:
    """In place of a table of titles alone."""
    ran = await perdure(command)
    assert (ran.status, told in ran.out) == (0, True), ran.out


async def test_an_association_comes_and_goes(perdure: Perdure) -> None:
    """Under its label."""
    words = ("associate", "contact:42", "company:7", "--label", "billing")
    assert (await perdure(*words)).out == "contact:42 and company:7 are associated as 'billing'.\n"
    assert (await perdure(*words)).out == "contact:42 and company:7 are associated already as 'billing'.\n"
    assert (await perdure(*words, "--remove")).out == "contact:42 and company:7 are associated no more as 'billing'.\n"


async def test_a_task_is_completed_once(perdure: Perdure, world: World) -> None:
    """It is shown with its record, and its id is what completes it."""
    async with world.pool.acquire() as connection, connection.transaction():
        new = NewTask(subject="Call Anna", records=(ANNA,), source=Provenance("f", "r", "n", "e"))
        task = await PostgresCrm(connection).create_task(new, "k")
    shown = (await perdure("record", "contact:42")).out
    assert "Call Anna" in shown
    assert task in shown
    assert (await perdure("complete", task)).out == "Completed.\n"
    assert (await perdure("complete", task)).out == "It was completed before.\n"


async def test_users_come_from_a_file(perdure: Perdure, tmp_path: Path) -> None:
    """The good rows are in and listed, the bad ones are told with their lines."""
    assert (await perdure("users")).out == "No user. `perdure users FILE` puts some in.\n"
    file = tmp_path / "users.csv"
    rows = ["id,email,name,active,seat,team", "7,ann@acme.example,Ann,true,true,Sales; Support"]
    rows += ["8,bo@acme.example,Bo,no,no,", "9,ann@acme.example,,,,", "10,x,,,,", "11,c@acme.example,,perhaps,,"]
    file.write_text("\n".join(rows) + "\n")
    ran = await perdure("users", file)
    assert (ran.status, ran.out) == (2, "2 users put in.\n")
    assert ran.err.splitlines() == [
        f"{file}:4: another user has the address ann@acme.example",
        f"{file}:5: 'x' is no e-mail address",
        f"{file}:6: active is true or false, not 'perhaps'",
    ]
    listed = json.loads((await perdure("users", "--json")).out)
    assert [(each["id"], each["active"], each["seat"], each["teams"]) for each in listed] == [
        ("7", True, True, ["Sales", "Support"]),
        ("8", False, False, []),
    ]
    assert "inactive, no seat" in (await perdure("users")).out


async def test_a_column_that_means_nothing_is_refused(perdure: Perdure, tmp_path: Path) -> None:
    """Else everybody would be without a team for a letter too many."""
    (tmp_path / "users.csv").write_text("id,email,teams\n7,ann@example.com,sales\n")
    ran = await perdure("users", tmp_path / "users.csv")
    assert (ran.status, "the column 'teams' means nothing here; did you mean 'team'?" in ran.err) == (2, True)


async def test_a_file_of_users_needs_its_columns(perdure: Perdure, tmp_path: Path) -> None:
    """Nothing is put in without an address."""
    (tmp_path / "users.csv").write_text("id,name\n7,Ann\n")
    ran = await perdure("users", tmp_path / "users.csv")
    assert (ran.status, "there is no column email" in ran.err) == (2, True)
