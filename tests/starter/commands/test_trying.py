from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.flows import delay, flow
from tests.starter.conftest import Alone, Office, Perdure, Ran
from tests.world import World
from workflows.model.flow import Settings, Timezone


def data(ran: Ran) -> Any:
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def test_a_condition_is_judged_on_values(alone: Alone) -> None:
    """The sentence, what it reads, the verdict, and why as a tree; no database is asked."""
    ran = alone(
        *("try", "condition", "{all: [{property: stage, is: lead}, {not: {list: vip}}]}"),
        *("--with", '{"stage": "lead"}', "--at", "2026-11-25T12:00", "--zone", "Europe/Helsinki"),
    )
    assert (ran.status, ran.out) == (
        0,
        (
            "stage is lead, and not (a member of list vip)\n"
            "  reads    the record, list vip\n"
            "  at       2026-11-25 10:00:00 UTC; days begin in Europe/Helsinki\n"
            "\n"
            "Met by these values:\n"
            "  + all of\n"
            "    + stage is lead: yes, it is lead\n"
            "    + not\n"
            "      - a member of list vip: no\n"
        ),
    )


def test_without_a_record_a_condition_is_only_said(alone: Alone) -> None:
    """With nothing to judge there is no verdict."""
    ran = alone("try", "condition", "{property: stage, is: lead}")
    assert (ran.status, ran.out.splitlines()[0], "Met" in ran.out) == (0, "stage is lead", False)


@pytest.mark.parametrize(
    ("values", "met"),
    [
        ('{"outputs": {"opened": {"happened": true}}}', True),
        ("outputs: {opened: {happened: false}}", False),
        ('{"company": {"size": 20}}', True),
        ('{"company": [{"size": 3}, {"size": 20}]}', True),
        ('{"company": [{"size": 3}]}', False),
        ('{"company": 20}', False),
        ('{"contact": {"stage": "lead"}}', True),
        ("{}", False),
    ],
)
def test_values_say_all_that_a_condition_asks(alone: Alone, values: str, met: bool) -> None:
    """Outputs and associated records are given as keys and values, the rest are the record's properties."""
    asks = (
        "{any: [{output: opened.happened, is: true}, {property: stage, is: lead},"
        " {associated: company, where: {property: size, greater_than: 10}}]}"
    )
    assert data(alone("try", "condition", asks, "--with", values, "--json"))["verdict"]["met"] is met


def test_a_date_is_judged_at_the_moment_and_in_the_zone_given(alone: Alone) -> None:
    """Half past midnight in Tokyo is still the day before in UTC."""
    words = ("try", "condition", "{property: renewal, before: today}", "--with", "renewal: 2026-11-25", "--json")
    at = ("--at", "2026-11-26T00:30", "--zone", "Asia/Tokyo")
    assert data(alone(*words, *at))["verdict"]["met"] is True
    assert data(alone(*words, "--at", "2026-11-25T15:30:00Z"))["verdict"]["met"] is False


def test_a_condition_is_shown_as_sql(alone: Alone) -> None:
    """The text has parameters, each with its value; with values and no record nothing is counted."""
    found = data(alone("try", "condition", "{property: stage, is: lead}", "--with", "{}", "--sql", "--json"))[
        "selected"
    ]
    assert "$2" in found["sql"]
    assert (found["parameters"][0], found["meet"]) == ("contact", None)
    assert "stage" in found["parameters"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{property: stage, iz: lead}"], "condition:1:19 iz: this key is not known here; did you mean 'is'?"),
        (["{all: [{property: stage, is: lead},\n {lst: vip}]}"], "condition:2:"),
        (["{property: stage"], "condition:1:17 this is not YAML"),
        (["stage"], "condition:1:1 a condition is written as"),
        ([""], "condition:1:1 "),
        (["@gone.yaml"], "gone.yaml:1:1 the file cannot be read"),
        (["{property: stage, is: lead}", "--with", "[1]"], "--with: write names and values"),
        (["{property: stage, is: lead}", "--with", "{"], "--with:1:2 "),
        (["{property: stage, is: lead}", "--with", "outputs: {a: 3}"], "--with: outputs.a is not written as"),
        (["{property: stage, is: lead}", "--with", "event: 3\nowner: [{}]"], "--with: owner is not written as"),
        (
            ["{property: stage, is: lead}", "--with", "{}", "--zone", "Europe/Helsink"],
            "did you mean 'Europe/Helsinki'?",
        ),
        (["{property: stage, is: lead}", "--with", "{}", "--at", "yesterday"], "--at: 'yesterday' is no date"),
        (["{property: stage, is: lead}", "--record", "42"], "'42' names no record"),
        (["{property: stage, is: lead}", "--record", "contact:1", "--object", "deal"], "contact:1 is no deal"),
        (["{output: a.b, is: 1}", "--with", "{}", "--sql"], "output a.b: only a record that walks the flow"),
    ],
)
def test_a_mistake_says_what_and_where(alone: Alone, words: list[str], said: str) -> None:
    """Whatever is wrong is told in a sentence with its place, and the status is 2."""
    ran = alone("try", "condition", *words)
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_condition_is_read_from_a_file(alone: Alone, tmp_path: Path) -> None:
    """With @, the places of mistakes are those of the file."""
    file = tmp_path / "vip.yaml"
    file.write_text("property: stage\niz: lead\n")
    assert f"{file}:2:1 iz:" in alone("try", "condition", f"@{file}").err
    file.write_text("property: stage\nis: lead\n")
    assert alone("try", "condition", f"@{file}").out.startswith("stage is lead\n")


async def test_a_condition_is_judged_on_a_record(perdure: Perdure, world: World) -> None:
    """The record is read with what the condition needs; values may be laid over it."""
    await world.record("contact:1", stage="lead")
    await world.pool.execute("insert into list (key, name, object) values ('vip', 'VIP', 'contact')")
    await world.pool.execute("insert into list_member (list, id) values ('vip', '1')")
    asks = ("try", "condition", "{all: [{property: stage, is: lead}, {list: vip}]}", "--record", "contact:1", "--json")
    assert data(await perdure(*asks))["verdict"]["met"] is True
    assert data(await perdure(*asks, "--with", "stage: customer"))["verdict"]["met"] is False


async def test_records_that_meet_a_condition_are_counted(perdure: Perdure, world: World) -> None:
    """--sql says how many records of the type meet it now."""
    for number, stage in enumerate(["lead", "lead", "customer"]):
        await world.record(f"contact:{number}", stage=stage)
    ran = await perdure("try", "condition", "{property: stage, is: lead}", "--sql")
    assert ran.status == 0, ran.err
    assert "2 of 3 records of the type contact meet it." in ran.out
    assert "$1 = 'contact'" in ran.out


async def test_a_property_that_is_not_there_is_told(perdure: Perdure, world: World) -> None:
    """With a database at hand, names are looked up in it."""
    await world.record("contact:1", stage="lead")
    ran = await perdure("try", "condition", "{property: stag, is: lead}", "--record", "contact:1")
    assert (ran.status, "a contact has no property 'stag'; did you mean 'stage'?" in ran.err) == (2, True)


async def test_a_record_that_is_not_there_is_told(perdure: Perdure, world: World) -> None:
    """So is one that is archived."""
    await world.record("contact:1", stage="lead")
    await world.pool.execute("update record set archived_at = clock_timestamp()")
    for record, said in (("contact:2", "there is no record contact:2"), ("contact:1", "contact:1 is archived")):
        ran = await perdure("try", "condition", "{property: stage, is: lead}", "--record", record)
        assert (ran.status, said in ran.err) == (2, True)


async def test_a_flow_lends_its_zone_and_the_outputs_of_its_steps(perdure: Perdure, world: World) -> None:
    """With --flow a record is judged where it stands in the flow; an unknown flow is told."""
    office = Office(world, world.client)
    zoned = Settings(timezone=Timezone(zone="Europe/Helsinki", property="time_zone"))
    key = await office.on(flow("f", delay("d", "1 day"), settings=zoned))
    record = await world.record("contact:1", time_zone="Asia/Tokyo")
    admitted = await office.inside(key, record)
    await office.visit(admitted.enrollment, 1, "d", admitted.revision)
    await world.pool.execute("update visit set output = $1", {"score": 7})
    asks = ("try", "condition", "{output: d.score, greater_than: 5}", "--record", "contact:1", "--json")
    found = data(await perdure(*asks, "--flow", key))
    assert (found["zone"], found["verdict"]["met"]) == ("Asia/Tokyo", True)
    assert data(await perdure(*asks))["verdict"]["met"] is False
    ran = await perdure(*asks, "--flow", "gone")
    assert (ran.status, "no flow is called 'gone'" in ran.err) == (2, True)


def test_the_tokens_of_a_text_are_filled_from_values(alone: Alone) -> None:
    """All that a token may begin with is given by that word."""
    values = {
        "firstname": "Anna",
        "company": {"name": "Acme"},
        "owner": {"email": "bo@example.com", "manager": {"name": "Cia Dee"}},
        "outputs": {"a": {"b": 3}},
        "event": {"form": "demo"},
    }
    text = (
        "{{ contact.firstname }} {{ contact.lastname | default('Nobody') }} {{ company.name }} {{ owner.email }}"
        " {{ owner.manager.name }} {{ outputs.a.b }} {{ event.form }}"
    )
    ran = alone("try", "tokens", text, "--with", json.dumps(values))
    assert (ran.status, ran.out) == (0, "Anna Nobody Acme bo@example.com Cia Dee 3 demo\n")


def test_values_are_escaped_in_html(alone: Alone) -> None:
    """With --html a value is text, whatever it holds."""
    ran = alone("try", "tokens", "<p>{{ contact.firstname }}</p>", "--with", "firstname: <b>", "--html")
    assert ran.out == "<p>&lt;b&gt;</p>\n"


def test_the_mistakes_of_a_text_are_told_with_line_and_column(alone: Alone) -> None:
    """Every mistake is told, and the status is 2."""
    ran = alone("try", "tokens", 'Hi {{ contact.firstname | defalt("x") }},\n{{ contcat.firstname }}')
    first, second = ran.err.splitlines()
    assert (ran.status, ran.out) == (2, "")
    assert first.startswith("perdure: text:1:4 no filter is called 'defalt'; did you mean 'default'?")
    assert second.startswith("text:2:1 ")


async def test_the_tokens_of_a_text_are_filled_from_a_record(perdure: Perdure, world: World) -> None:
    """What the text names is read: the record, its owner, an associated record."""
    await world.record("contact:1", firstname="Anna", owner="7")
    await world.record("company:9", name="Acme")
    await world.pool.execute("insert into crm_user (id, email, name) values ('7', 'bo@example.com', 'Bo')")
    await world.pool.execute(
        "insert into association (from_type, from_id, to_type, to_id) values ('contact', '1', 'company', '9')"
    )
    ran = await perdure(
        *("try", "tokens", "{{ contact.firstname }}, {{ company.name }}, {{ owner.email }}"),
        *("--record", "contact:1", "--json"),
    )
    assert data(ran) == {
        "text": "Anna, Acme, bo@example.com",
        "reads": ["the user in owner", "associated company"],
        "record": "contact:1",
        "zone": "UTC",
    }


async def test_a_token_of_a_property_that_is_not_there_is_told(perdure: Perdure, world: World) -> None:
    """With a database at hand, names are looked up in it."""
    await world.record("contact:1", firstname="Anna")
    ran = await perdure("try", "tokens", "Hi {{ contact.firstnam }}", "--record", "contact:1")
    assert (ran.status, "text:1:4 a contact has no 'firstnam'" in ran.err) == (2, True)


@pytest.mark.parametrize("piece", ["condition", "tokens", "when", "url", "phone"])
def test_each_piece_explains_itself(alone: Alone, piece: str) -> None:
    """Its help has an example and the exit statuses."""
    ran = alone("try", piece, "--help")
    assert ran.status == 0
    assert all(words in ran.out for words in ("Examples:", f"perdure try {piece} ", "Exit status: 0"))
