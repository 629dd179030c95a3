"""Files of lists: checked with their places, published beside flows, and read by conditions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from activities.effects import ListContent, PropertyDefinition
from starter.language.definitions import Definitions
from starter.language.flow_file import read
from starter.language.list_file import check_list_file
from tests.starter.conftest import Perdure
from tests.world import World

DEFINED = Definitions(
    {"contact": {"country": PropertyDefinition("text")}}, lists=frozenset({"vip", "finns"}), active=frozenset({"finns"})
)
STATIC = "list: vip\nname: VIPs\nobject: contact\n"
ACTIVE = "list: nordic\nobject: contact\ncondition: {property: country, is_any_of: [FI, SE]}\n"


def told(text: str, definitions: Definitions | None = DEFINED) -> list[str]:
    return [str(each) for each in check_list_file(read(text, "l.yaml"), definitions).mistakes]


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (STATIC, ListContent("vip", "VIPs", "contact")),
        (ACTIVE, ListContent("nordic", "Nordic", "contact", {"property": "country", "is_any_of": ["FI", "SE"]})),
    ],
)
def test_a_list_is_read(text: str, content: ListContent) -> None:
    """With a condition it is active; a name is made where none is given."""
    assert check_list_file(read(text, "l.yaml"), DEFINED).content == content


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("list: a\n", "`object` is missing"),
        (STATIC + "colour: red\n", "colour"),
        (STATIC.replace("contact", "kontact"), "did you mean 'contact'?"),
        (ACTIVE.replace("country", "contry"), "l.yaml:3:23 condition.property: a contact has no property 'contry'"),
        (ACTIVE.replace("property: country", "list: finns").replace(", is_any_of: [FI, SE]", ""), "is an active list"),
        (ACTIVE.replace("property: country", "output: a.b"), "belongs to no flow"),
        (ACTIVE.replace("is_any_of", "is_anyof"), "did you mean 'is_any_of'?"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, wanted: str) -> None:
    """All in one run, as for flows."""
    found = told(text)
    assert any(wanted in each for each in found), found


def test_without_a_database_names_are_not_known() -> None:
    """`perdure check` does without one."""
    assert told(ACTIVE.replace("country", "contry"), None) == []


async def test_lists_are_published_and_listed(tmp_path: Path, perdure: Perdure, world: World) -> None:
    """Together with the flow that names them; a second time nothing changes."""
    await world.record("contact:1", country="FI")
    await world.record("contact:2", country="DE")
    (tmp_path / "vip.yaml").write_text(STATIC)
    (tmp_path / "nordic.yaml").write_text(ACTIVE)
    (tmp_path / "flow.yaml").write_text(
        f"flow: {world.key('join')}\nobject: contact\nsteps:\n  - {{do: add_to_list, id: join, list: vip}}\n"
    )
    first, second = await perdure("publish", str(tmp_path)), await perdure("publish", str(tmp_path))
    assert "The list nordic is published." in first.out
    assert "The list vip says what it said already." in second.out
    assert [
        (each["key"], each["kind"], each["members"]) for each in json.loads((await perdure("lists", "--json")).out)
    ] == [
        ("nordic", "active", 1),
        ("vip", "static", 0),
    ]


async def test_a_flow_adds_to_static_lists_only(tmp_path: Path, perdure: Perdure, world: World) -> None:
    """An active list follows its condition, so the step could never do anything."""
    await world.record("contact:1", country="FI")
    (tmp_path / "nordic.yaml").write_text(ACTIVE)
    (tmp_path / "flow.yaml").write_text(
        "flow: f\nobject: contact\nsteps:\n  - {do: add_to_list, id: join, list: nordic}\n"
    )
    ran = await perdure("publish", str(tmp_path))
    assert (ran.status, "there is no static list 'nordic'" in ran.err) == (2, True), ran.err


async def test_a_list_keeps_the_type_of_its_records(tmp_path: Path, perdure: Perdure, world: World) -> None:
    """Its members would be others."""
    await world.define("contact", country="text")
    await world.define("company", country="text")
    file = tmp_path / "vip.yaml"
    file.write_text(STATIC)
    assert (await perdure("publish", str(file))).status == 0
    file.write_text(STATIC.replace("contact", "company"))
    ran = await perdure("publish", str(file))
    assert (ran.status, "make another list" in ran.err) == (2, True), ran.err
