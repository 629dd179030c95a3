from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activities.catalogue import Catalogue
from activities.effects import EmailContent, PropertyDefinition
from starter.language.compile import Checked
from starter.language.definitions import Definitions
from starter.language.email_file import check_email
from starter.language.flow_file import read
from starter.language.flow_files import Source, check_files, with_files
from tests.starter.conftest import Perdure
from tests.world import World

CATALOGUE = Catalogue.load()
DEFINED = Definitions({"contact": {"firstname": PropertyDefinition("text")}, "deal": {}}, flows=frozenset())
WELCOME = """\
# What a new contact reads first.
email: welcome
subject: "Welcome, {{ contact.firstname }}"
text: |
  Hello {{ contact.firstname }}
html: <p>Hello {{ contact.firstname }}</p>
"""
FLOW = """\
flow: greet
object: contact
steps:
  - {do: send_email, id: hello, email: welcome}
"""


def checked(text: str, name: str = "welcome.yaml", definitions: Definitions | None = DEFINED) -> Checked:
    return check_email(read(text, name), definitions)


def put(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture(autouse=True)
async def crm(world: World) -> None:
    """Contacts, with the property that the e-mails here name."""
    await world.define("contact", firstname="text")


async def emails(world: World) -> dict[str, Any]:
    return {row["key"]: row for row in await world.pool.fetch("select * from email_content")}


def test_an_email_is_read() -> None:
    """Its name is made of its key, it is automated, and flows may send it."""
    found = checked(WELCOME)
    assert (found.mistakes, found.flow, found.key) == ((), None, "welcome")
    assert found.content == EmailContent(
        key="welcome",
        name="Welcome",
        subject="Welcome, {{ contact.firstname }}",
        text="Hello {{ contact.firstname }}\n",
        html="<p>Hello {{ contact.firstname }}</p>",
    )


@pytest.mark.parametrize(
    ("more", "kind", "may"),
    [
        ("", "automated", True),
        ("kind: automated\nfor_automation: false\n", "automated", False),
        ("kind: regular\n", "regular", False),
        ("kind: regular\nfor_automation: true\n", "regular", True),
        ("kind: membership\n", "membership", False),
    ],
)
def test_what_flows_may_send_is_said(more: str, kind: str, may: bool) -> None:
    """What is automated may be sent, and what the file says so of; nothing that members get."""
    found = checked(WELCOME + more).content
    assert isinstance(found, EmailContent)
    assert (found.kind, found.for_automation) == (kind, may)


@pytest.mark.parametrize(
    ("old", "new", "place", "code"),
    [
        ("subject:", "subjekt:", "3:1", "unknown_key"),
        ("email: welcome", "email: No Key", "2:8", "bad_name"),
        ("{{ contact.firstname }}</p>", "{{ contact.fristname }}</p>", "6:16", "token_error"),
        ("Hello {{ contact.firstname }}\n", "Hello {{ contact.firstname\n", "5:9", "token_error"),
        ("<p>Hello", "<script>Hello", "6:21", "token_error"),
        ("{{ contact.firstname }}</p>", "{{ outputs.a.b }}</p>", "6:16", "token_error"),
        ("html:", "kind: secret\nhtml:", "6:7", "unknown_value"),
        ("html:", "kind: membership\nfor_automation: true\nhtml:", "7:17", "not_for_automation"),
        ("html:", "for_automation: maybe\nhtml:", "6:17", "wrong_type"),
        ("html:", "for_automation: 7\nhtml:", "6:17", "wrong_type"),
        ("html:", "sender: Acme\nhtml:", "6:9", "bad_address"),
        ("html:", "sender: Acme <news>\nhtml:", "6:9", "bad_address"),
        ("html: <p>", "html: [<p>", "", ""),
        ('subject: "Welcome, {{ contact.firstname }}"', 'subject: ""', "3:10", "bad_value"),
        ("subject: ", "other: ", "2:1", "missing_key"),
    ],
)
def test_what_is_wrong_has_its_place(old: str, new: str, place: str, code: str) -> None:
    """Each mistake is told with line and column, as in a flow; there is no e-mail then."""
    assert old in WELCOME
    found = checked(WELCOME.replace(old, new))
    told = [(f"{each.line}:{each.column}", each.code) for each in found.mistakes]
    assert (place, code) in told if place else told
    assert found.content is None


def test_an_email_may_be_json() -> None:
    """Where a program writes it."""
    text = json.dumps({"email": "a", "subject": "Hi", "text": "x"}, indent=2)
    assert checked(text, "a.json").content == EmailContent(key="a", name="A", subject="Hi", text="x")


def test_a_flow_names_what_is_published_with_it() -> None:
    """A flow may name an e-mail that is there, or comes with it; nothing is said of e-mails that nobody knows of."""
    files = [Source(Path("a.yaml"), FLOW), Source(Path("b.yaml"), WELCOME)]

    def told(files: list[Source], definitions: Definitions | None) -> list[str]:
        return [str(each) for file in check_files(files, CATALOGUE, definitions=definitions) for each in file.lines]

    assert told(files, with_files(DEFINED, files)) == []
    assert told(files[:1], DEFINED.with_emails({"welcome": True})) == []
    assert told(files[:1], None) == []
    assert told(files[:1], with_files(DEFINED, files[:1])) == [
        "a.yaml:4:40 steps[0].email: there is no email 'welcome'; there are none"
    ]
    assert told(files[:1], DEFINED.with_emails({"wellcome": True})) == [
        "a.yaml:4:40 steps[0].email: there is no email 'welcome'; did you mean 'wellcome'?"
    ]
    shy = [files[0], Source(Path("b.yaml"), WELCOME + "for_automation: false\n")]
    assert told(shy, with_files(DEFINED, shy)) == [
        "a.yaml:4:40 steps[0].email: the e-mail 'welcome' is not saved for automation, so no flow sends it"
    ]


async def test_emails_are_published_beside_flows(perdure: Perdure, world: World, tmp_path: Path) -> None:
    """One command takes the folder; a second time it says that nothing is new, and an edit is."""
    folder = put(tmp_path, greet=FLOW, welcome=WELCOME)
    ran = await perdure("publish", folder)
    assert (ran.status, ran.out.splitlines()[0]) == (0, "The e-mail welcome is published.")
    first = (await emails(world))["welcome"]
    assert (first["subject"], first["html"], first["for_automation"]) == (
        *("Welcome, {{ contact.firstname }}", "<p>Hello {{ contact.firstname }}</p>", True),
    )
    again = await perdure("publish", folder)
    assert again.out.splitlines()[0] == "The e-mail welcome says what it said already."
    assert (await emails(world))["welcome"] == first
    put(tmp_path, welcome=WELCOME.replace("html:", "sender: a@b.fi\nhtml:"))
    ran = await perdure("publish", folder / "welcome.yaml", "--json")
    assert json.loads(ran.out) == [{"email": "welcome", "new": True}]
    second = (await emails(world))["welcome"]
    assert second["sender"] == "a@b.fi"
    assert second["published_at"] > first["published_at"]


async def test_all_is_published_or_nothing(perdure: Perdure, world: World, tmp_path: Path) -> None:
    """A mistake in the e-mail keeps the flow back, and one in the flow the e-mail, whatever it is noticed by."""
    put(tmp_path, greet=FLOW, welcome=WELCOME.replace("contact.", "kontact."))
    ran = await perdure("publish", tmp_path)
    assert ran.status == 2
    assert "welcome.yaml:3:20 subject: 'kontact' is not known here" in ran.err
    put(tmp_path, welcome=WELCOME, greet=FLOW.replace("do: send_email", "do: end").replace(", email: welcome", ""))
    assert (await perdure("publish", tmp_path)).status == 0
    put(tmp_path, greet=FLOW, welcome=WELCOME.replace("Hello", "Hi"))
    ran = await perdure("publish", tmp_path)
    assert (ran.status, "greet.yaml:4:10 steps[0].do: was 'end'" in ran.err) == (2, True)
    assert (await emails(world))["welcome"]["text"] == "Hello {{ contact.firstname }}\n"


async def test_a_flow_without_its_email_is_not_published(perdure: Perdure, tmp_path: Path) -> None:
    """It would fail for every record."""
    ran = await perdure("publish", put(tmp_path, greet=FLOW))
    assert (ran.status, "greet.yaml:4:40 steps[0].email: there is no email 'welcome'" in ran.err) == (2, True)


async def test_check_counts_emails(perdure: Perdure, tmp_path: Path) -> None:
    """They are checked like flows, and are none."""
    assert (await perdure("check", put(tmp_path, greet=FLOW, welcome=WELCOME))).out == (
        "1 flow and 1 e-mail without a mistake.\n"
    )
    assert (await perdure("check", tmp_path / "welcome.yaml")).out == "1 e-mail without a mistake.\n"
    (tmp_path / "news.yaml").write_text("subscription: news\n")
    assert (await perdure("check", tmp_path)).out.startswith("1 flow, 1 e-mail and 1 subscription type without")


async def test_two_files_of_one_email_are_a_mistake(perdure: Perdure, tmp_path: Path) -> None:
    """A flow and an e-mail may have one key, two e-mails may not."""
    put(tmp_path, a=WELCOME, b=FLOW.replace("flow: greet", "flow: welcome"))
    assert (await perdure("check", tmp_path)).status == 0
    ran = await perdure("check", put(tmp_path, c=WELCOME))
    said = f"{tmp_path / 'a.yaml'} is the email 'welcome', too; give one of them another key"
    assert (ran.status, ran.out) == (2, f"{tmp_path / 'c.yaml'}:2:8 email: {said}\n")


async def test_an_email_has_no_drafts(perdure: Perdure, world: World, tmp_path: Path) -> None:
    """With --draft only the flows are kept, and it is said."""
    ran = await perdure("publish", "--draft", put(tmp_path, greet=FLOW, welcome=WELCOME))
    assert (ran.status, ran.out) == (0, "greet is kept as a draft, with nothing missing.\n")
    assert "welcome.yaml is an e-mail, of which no draft is kept" in ran.err
    assert await emails(world) == {}


@pytest.mark.parametrize("command", ["draw", "diff"])
async def test_an_email_is_no_flow(perdure: Perdure, tmp_path: Path, command: str) -> None:
    """What is for flows alone says so."""
    ran = await perdure(command, put(tmp_path, welcome=WELCOME) / "welcome.yaml")
    assert (ran.status, "is an e-mail" in ran.err) == (2, True)
