from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.starter.conftest import Perdure
from tests.starter.simple_files import FLOW
from tests.world import World

DAYS = """\
# A flow to edit.
flow: rest
object: contact
steps:
  - {do: delay, id: two-days, for: 2 days}
"""
WRONG = """\
flow: wrong
object: contact
steps:
  - {do: dealy, id: a, for: 2 days}
  - {do: delay, id: b, fro: 2 days}
"""
DRAFT = """\
flow: sketch
name: A sketch
object: contact
steps:
  - {do: placeholder, id: mail, note: a letter of thanks}
  - {do: delay, id: rest, for: 2 days}
"""


@pytest.fixture(autouse=True)
async def crm(world: World) -> None:
    """Contacts, with the property that the flows here ask about."""
    await world.define("contact", stage="text")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for flow files."""
    folder = tmp_path / "flows"
    folder.mkdir()
    return folder


def put(folder: Path, text: str, name: str = "rest.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


async def test_check_needs_no_database(perdure: Perdure, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` looks at files alone."""
    monkeypatch.delenv("PERDURE_DATABASE_URL")
    ran = await perdure("check", FLOW)
    assert (ran.status, ran.out, ran.err) == (0, "1 flow without a mistake.\n", "")


async def test_check_tells_all_mistakes_of_all_files(perdure: Perdure, folder: Path) -> None:
    """Each mistake is one line with file, line, column and path; the status is 2."""
    one, two = put(folder, WRONG, "a.yaml"), put(folder, WRONG.replace("wrong", "other"), "b.yml")
    ran = await perdure("check", folder)
    assert ran.status == 2
    assert [line.split(" ")[:2] for line in ran.out.splitlines()] == [
        [f"{one}:4:10", "steps[0].do:"],
        [f"{one}:5:24", "steps[1].fro:"],
        [f"{two}:4:10", "steps[0].do:"],
        [f"{two}:5:24", "steps[1].fro:"],
    ]
    assert ran.err == "4 mistakes in 2 files.\n"


async def test_check_gives_its_findings_as_data(perdure: Perdure, folder: Path) -> None:
    """With --json each finding has its place, a code that stays, and how grave it is."""
    file = put(folder, WRONG)
    ran = await perdure("check", file, "--json")
    first = json.loads(ran.out)["mistakes"][0]
    assert ran.status == 2
    assert first.keys() == {"file", "line", "column", "path", "code", "message", "severity"}
    assert (first["file"], first["line"], first["path"], first["severity"]) == (str(file), 4, "steps[0].do", "error")


async def test_a_warning_is_marked_and_is_no_mistake(perdure: Perdure, folder: Path) -> None:
    """What is doubtful is told, and the status is 0."""
    put(folder, "flow: a\nobject: contact\nsteps:\n  - {do: wait_for_event, id: w, any_of: [{event: opened}]}\n")
    ran = await perdure("check", folder)
    assert ran.status == 0
    assert "rest.yaml:4:5 steps[0]: warning: " in ran.out
    assert ran.out.endswith("1 flow without a mistake (1 warning).\n")


async def test_a_draft_may_lack_pieces(perdure: Perdure, folder: Path) -> None:
    """With --draft a placeholder is missing, not wrong."""
    file = put(folder, DRAFT)
    assert (await perdure("check", file)).status == 2
    ran = await perdure("check", "--draft", file)
    assert ran.status == 0
    assert f"{file}:5:5 steps[0]: missing: " in ran.out


async def test_two_files_of_one_flow_are_a_mistake(perdure: Perdure, folder: Path) -> None:
    """Which of the two would win must not depend on their names."""
    first, second = put(folder, DAYS, "a.yaml"), put(folder, DAYS, "b.yaml")
    ran = await perdure("check", folder)
    said = f"{first} is the flow 'rest', too; give one of them another key"
    assert (ran.status, ran.out) == (2, f"{second}:2:7 flow: {said}\n")


async def test_a_file_named_twice_is_checked_once(perdure: Perdure, folder: Path) -> None:
    """A file and its folder name the same flow."""
    assert (await perdure("check", put(folder, DAYS), folder)).out == "1 flow without a mistake.\n"


async def test_hidden_files_and_schemas_are_no_flows(perdure: Perdure, folder: Path) -> None:
    """A folder may hold what tools keep there."""
    (folder / ".git").mkdir()
    put(folder / ".git", WRONG)
    put(folder, "{}", "flow.schema.json")
    assert (await perdure("check", folder)).status == 2
    put(folder, DAYS)
    assert (await perdure("check", folder)).out == "1 flow without a mistake.\n"


@pytest.mark.parametrize("name", ["away.yaml", "latin.yaml"])
async def test_what_cannot_be_read_is_a_mistake_like_others(perdure: Perdure, folder: Path, name: str) -> None:
    """A file that is away, or no UTF-8, is told by its name, and the others are checked all the same."""
    (folder / "latin.yaml").write_bytes("flow: caf\xe9\n".encode("latin-1"))
    ran = await perdure("check", folder / name, put(folder, WRONG))
    assert ran.status == 2
    assert f"{folder / name}:1:" in ran.out
    assert "rest.yaml:4:10" in ran.out


async def test_fmt_writes_ids_and_keeps_the_rest(perdure: Perdure, folder: Path) -> None:
    """Ids are written into the file, told with their places, and a second time nothing is to do."""
    file = put(folder, DAYS.replace(" id: two-days,", "") + "  # the end\n  - do: end   # of it\n")
    file.chmod(0o640)
    ran = await perdure("fmt", folder)
    told = [f"{file}:5:5 steps[0]: id: delay", f"{file}:7:5 steps[1]: id: end", "2 ids written into 1 file."]
    assert (ran.status, ran.out.splitlines()) == (0, told)
    expected = DAYS.replace("do: delay, id: two-days", "do: delay, id: delay")
    assert file.read_text() == f"{expected}  # the end\n  - do: end   # of it\n    id: end\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert (await perdure("fmt", folder)).out == "1 file with nothing to do: every step has its id.\n"
    assert [each.name for each in folder.iterdir()] == ["rest.yaml"]


async def test_fmt_check_changes_nothing(perdure: Perdure, folder: Path) -> None:
    """With --check it is told what would be written, and the status is 1."""
    text = DAYS.replace(" id: two-days,", "")
    file = put(folder, text)
    ran = await perdure("fmt", "--check", file)
    assert (ran.status, file.read_text()) == (1, text)
    assert ran.out == f"{file}:5:5 steps[0]: id: delay\n1 id would be written into 1 file.\n"


async def test_fmt_follows_links_and_keeps_the_mark_of_utf8(perdure: Perdure, folder: Path) -> None:
    """What a link leads to is written, with its byte order mark and its line ends; the link stays one."""
    real = folder / "real.yaml"
    real.write_bytes(b"\xef\xbb\xbfflow: a\r\nobject: contact\r\nsteps:\r\n  - do: end\r\n")
    link = folder / "link.yaml"
    link.symlink_to(real)
    assert (await perdure("fmt", link)).status == 0
    assert link.is_symlink()
    assert real.read_bytes().endswith(b"  - do: end\r\n    id: end\r\n")
    assert real.read_bytes().startswith(b"\xef\xbb\xbfflow")


async def test_fmt_goes_on_behind_a_file_that_cannot_be_read(perdure: Perdure, folder: Path) -> None:
    """A file that is no YAML stays as it is, the others are done, and the status is 2."""
    broken = put(folder, "flow: [", "broken.yaml")
    put(folder, DAYS.replace(" id: two-days,", ""))
    ran = await perdure("fmt", folder)
    assert ran.status == 2
    assert f"{broken}:1:" in ran.err
    assert "1 id written into 1 file." in ran.out
    assert broken.read_text() == "flow: ["
    assert (await perdure("fmt", folder)).out == "1 file with nothing to do: every step has its id.\n"
    assert (await perdure("fmt", broken)).out == ""


async def test_publish_takes_a_folder(perdure: Perdure, folder: Path) -> None:
    """Every flow file of a folder is published; a new flow is off, and it is said how to turn it on."""
    put(folder, DAYS)
    ran = await perdure("publish", folder)
    assert (ran.err, ran.out) == ("", "rest is at revision 1 now. It is off; `perdure on rest` lets records in.\n")


async def test_publish_again_changes_nothing(perdure: Perdure, folder: Path) -> None:
    """The same file a second time is no new revision."""
    file = put(folder, DAYS)
    await perdure("publish", file)
    assert (await perdure("publish", file)).out == "rest is at revision 1 already; nothing has changed.\n"


async def test_publish_tells_what_changed(perdure: Perdure, folder: Path) -> None:
    """A new revision comes with its differences, in words and as data."""
    file = put(folder, DAYS)
    await perdure("publish", file)
    put(folder, DAYS.replace("for: 2", "for: 5"))
    ran = await perdure("publish", file)
    sentence = "step 'two-days' now waits 5 days instead of 2 days"
    assert ran.out == f"rest is at revision 2 now.\n  {sentence}\n"
    put(folder, DAYS)
    (told,) = json.loads((await perdure("publish", file, "--json")).out)
    assert (told["flow"], told["number"], told["new"]) == ("rest", 1, True)
    assert told["differences"] == [
        {
            "change": "changed",
            "path": "steps.two-days.for",
            "sentence": "step 'two-days' now waits 2 days instead of 5 days",
        }
    ]


async def test_publish_is_all_or_nothing(perdure: Perdure, world: World, folder: Path) -> None:
    """One file with a mistake keeps all of them out; the mistake is told with its place."""
    put(folder, DAYS)
    wrong = put(folder, WRONG, "wrong.yaml")
    ran = await perdure("publish", folder)
    assert ran.status == 2
    assert ran.err.startswith(f"perdure: nothing was published:\n{wrong}:4:10 steps[0].do: ")
    assert await world.pool.fetchval("select count(*) from flow") == 0


async def test_a_changed_kind_keeps_all_flows_out(perdure: Perdure, world: World, folder: Path) -> None:
    """What cannot follow its earlier revision is told at its place, and nothing else of the folder is published."""
    file = put(folder, DAYS)
    await perdure("publish", folder)
    put(folder, DAYS.replace("{do: delay, id: two-days, for: 2 days}", "{do: end, id: two-days}"))
    put(folder, DAYS.replace("flow: rest", "flow: another"), "another.yaml")
    ran = await perdure("publish", folder)
    said = "was 'delay' and cannot become 'end'; give the new step an id of its own"
    assert (ran.status, ran.err) == (2, f"perdure: nothing was published:\n{file}:5:10 steps[0].do: {said}\n")
    assert await world.pool.fetchval("select array_agg(key) from flow") == ["rest"]
    ran = await perdure("publish", folder, "--json")
    assert json.loads(ran.out)["mistakes"][0]["code"] == "cannot_follow"


async def test_flows_of_one_folder_may_name_each_other(perdure: Perdure, folder: Path) -> None:
    """A flow that asks about another, which is published in the same run, is no mistake."""
    goal = "goal: {flow: other, is: active}\n"
    put(folder, DAYS.replace("steps:", f"{goal}steps:"))
    assert (await perdure("publish", folder)).status == 2
    put(folder, DAYS.replace("flow: rest", "flow: other"), "other.yaml")
    assert (await perdure("publish", folder)).status == 0


async def test_a_draft_is_kept_and_not_turned_on(perdure: Perdure, folder: Path) -> None:
    """`on` of a flow that is only a draft refuses, and lists what is missing with its place."""
    file = put(folder, DRAFT)
    ran = await perdure("publish", "--draft", file)
    assert (ran.status, ran.out.splitlines()[0]) == (0, "sketch is kept as a draft, with 1 piece missing.")
    ran = await perdure("on", "sketch")
    assert ran.status == 2
    assert ran.err.startswith(
        f"perdure: sketch is a draft and not published yet; what is missing:\n{file}:5:5 steps[0]"
    )
    assert ran.err.endswith(f"Write it, then `perdure publish {file}`.\n")


async def test_a_flow_runs_on_beside_its_draft(perdure: Perdure, world: World, folder: Path) -> None:
    """A draft leaves the current revision alone, is seen in `flows`, and ends when the flow is published."""
    file = put(folder, DAYS)
    for words in (
        ("publish", file),
        ("on", "rest"),
        ("publish", "--draft", put(folder, DAYS.replace("2 days", "1 day"))),
    ):
        assert (await perdure(*words)).status == 0
    (told,) = json.loads((await perdure("flows", "--json")).out)
    assert (told["revision"], told["state"], told["has_draft"]) == (1, "on, draft saved", True)
    await perdure("publish", file)
    assert await world.pool.fetchval("select count(*) from flow_draft") == 0


async def test_flows_are_listed_with_who_is_inside(perdure: Perdure, world: World, folder: Path) -> None:
    """`flows` tells key, object, revision, state and counts; a draft has neither revision nor object."""
    put(folder, DRAFT)
    await perdure("publish", "--draft", folder)
    (folder / "rest.yaml").unlink()
    await perdure("publish", put(folder, DAYS))
    await perdure("on", "rest")
    for number in range(3):
        await perdure("enroll", "rest", await world.record(f"contact:{number}"))
    await world.pool.execute("update enrollment set closed_at = clock_timestamp() where record = '1'")
    told = json.loads((await perdure("flows", "--json")).out)
    seen = [
        (each["key"], each["object"], each["revision"], each["state"], each["inside"], each["ever"]) for each in told
    ]
    assert seen == [("rest", "contact", 1, "on", 2, 3), ("sketch", None, None, "draft", 0, 0)]
    table = (await perdure("flows")).out
    assert [line.split()[0] for line in table.splitlines() if line.strip()][2:] == ["rest", "sketch"]


async def test_flows_of_an_empty_database_say_what_to_do(perdure: Perdure) -> None:
    """Without a flow, the way to one is told."""
    assert (await perdure("flows")).out == "No flow. `perdure publish FILE` makes one.\n"


@pytest.fixture
async def edited(perdure: Perdure, folder: Path) -> Path:
    """A flow with three revisions, whose waits last 2, 3 and 4 days; the file is at the last."""
    for days in (2, 3, 4):
        file = put(folder, DAYS.replace("for: 2", f"for: {days}"))
        assert (await perdure("publish", file)).status == 0
    return file


async def test_flows_of_a_key_are_its_revisions(perdure: Perdure, edited: Path) -> None:
    """`flows KEY` tells each revision, which is current, and what it changed."""
    told = json.loads((await perdure("flows", "rest", "--json")).out)
    assert [(each["number"], each["is_current"], len(each["differences"])) for each in told] == [
        (3, True, 1),
        (2, False, 1),
        (1, False, 0),
    ]
    ran = await perdure("flows", "rset")
    assert (ran.status, "did you mean 'rest'?" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ((), "revision 3 differs from revision 2.\n  step 'two-days' now waits 4 days instead of 3 days"),
        ((1,), "revision 3 differs from revision 1.\n  step 'two-days' now waits 4 days instead of 2 days"),
        ((3, 2), "revision 2 differs from revision 3.\n  step 'two-days' now waits 3 days instead of 4 days"),
    ],
)
async def test_diff_compares_revisions(perdure: Perdure, edited: Path, words: tuple[int, ...], change: str) -> None:
    """Two revisions, one and the current one, or the current one and that before it; the status is 1."""
    ran = await perdure("diff", "rest", *words)
    assert (ran.status, ran.out) == (1, f"rest: {change}\n")


async def test_diff_compares_a_file(perdure: Perdure, edited: Path) -> None:
    """A file is compared with the current revision, or with the one that is named."""
    ran = await perdure("diff", edited)
    assert (ran.status, ran.out) == (0, f"{edited} is the same as revision 3.\n")
    ran = await perdure("diff", edited, 1, "--json")
    assert ran.status == 1
    told = json.loads(ran.out)
    assert (told["old"], told["new"]) == ("revision 1", str(edited))
    assert told["differences"][0]["path"] == "steps.two-days.for"


async def test_diff_of_a_new_flow_is_all_of_it(perdure: Perdure, folder: Path) -> None:
    """A file whose flow is not published differs from nothing."""
    ran = await perdure("diff", put(folder, DAYS))
    assert (ran.status, ran.out) == (1, "rest is not published yet: all of it is new.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rest", 7), "rest has no revision 7; there are 1 to 3"),
        (("rset", 1), "did you mean 'rest'?"),
        (("away.yaml",), "away.yaml:1:1"),
        (("away.yaml", 1, 2), "name one revision to compare it with"),
    ],
)
async def test_diff_tells_the_users_mistakes(
    perdure: Perdure, edited: Path, words: tuple[str | int, ...], said: str
) -> None:
    """What is not there is the user's mistake, and what there is is told."""
    ran = await perdure("diff", *words)
    assert (ran.status, said in ran.err) == (2, True), ran.err


async def test_diff_of_a_first_revision_wants_another(perdure: Perdure, folder: Path) -> None:
    """There is nothing before the first revision."""
    await perdure("publish", put(folder, DAYS))
    ran = await perdure("diff", "rest")
    assert (ran.status, "is at its first revision" in ran.err) == (2, True)
