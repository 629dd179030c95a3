from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import starter
from activities.catalogue import Catalogue
from starter.language.compile import check_flow
from starter.language.flow_file import read
from starter.language.flow_schema import flow_schema, printed
from starter.language.steps import CONTROL
from tests.starter.conftest import Perdure
from tests.starter.language.json_schema import refuses

FILE = Path(starter.__file__).parent / "flow.schema.json"
FOLDERS = sorted((Path(starter.__file__).parent / "examples").glob("*/*.yaml"))
EXAMPLES = [file for file in FOLDERS if file.stem == file.parent.name]
SCHEMA = flow_schema(Catalogue.load())


def allows(data: Any) -> list[str]:
    return refuses(SCHEMA, data, SCHEMA)


def test_the_committed_schema_is_fresh() -> None:
    """The schema in the project is what `perdure schema` prints: `perdure schema > starter/flow.schema.json`."""
    assert FILE.read_text() == printed(SCHEMA)


async def test_the_schema_is_printed(perdure: Perdure) -> None:
    """`schema` prints it as it is."""
    ran = await perdure("schema")
    assert (ran.status, json.loads(ran.out)) == (0, SCHEMA)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_examples_are_valid(file: Path) -> None:
    """Each example flow is allowed by the schema, and names it for editors."""
    text = file.read_text()
    assert allows(read(text, file.name).data) == []
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / named).resolve() == FILE.resolve()


def test_every_kind_of_step_is_in_it_with_its_manual() -> None:
    """An editor completes each kind, control steps and actions, and says what it does."""
    kinds = {each["$ref"].rpartition("/do_")[2] for each in SCHEMA["$defs"]["step"]["anyOf"]}
    assert kinds == {*CONTROL, *Catalogue.load()}
    assert all(SCHEMA["$defs"][f"do_{kind}"]["properties"]["do"]["description"] for kind in kinds)


STEPS = [
    {"do": "delay", "id": "a", "for": "2 days"},
    {"do": "delay_until", "id": "a", "on": ["tue", "thu"], "at": "11:00"},
    {"do": "delay_until", "id": "a", "date": "2026-12-24", "at": "09:00", "days": -1, "if_past": "end"},
    {"do": "delay_until", "id": "a", "property": "renewal_date", "days": -3, "if_empty": "end"},
    {"do": "wait_for_event", "id": "a", "any_of": [{"event": "opened", "where": {"mail": "x"}}], "at_most": "7 days"},
    {"do": "wait_for_event", "id": "a", "any_of": [{"event": "scored", "where": {"n": {"at_least": 3}}}]},
    {
        "do": "branch_on_value",
        "id": "a",
        "property": "country",
        "branches": [{"is": "FI", "steps": [{"do": "end", "id": "b"}]}, {"name": "Nordic", "is_any_of": ["SE", "NO"]}],
        "otherwise": [],
    },
    {"do": "split", "id": "a", "branches": [{"name": "A", "percent": 50}, {"name": "B", "percent": 50, "steps": []}]},
    {"do": "go_to", "id": "a", "to": "b"},
    {"do": "placeholder", "id": "a", "note": "to come"},
    {
        "do": "set_property",
        "id": "a",
        "name": "Mark it",
        "property": "stage",
        "value": "lead",
        "on_failure": {"go_to": "b"},
        "retry": {"first": "5 seconds", "growth": 2},
        "repeat": "at_most_once",
        "timeout": "5 seconds",
    },
    {"do": "set_property", "id": "a", "property": "stage", "from": "plan", "how": "append", "on": "company"},
    {"do": "copy_property", "id": "a", "from_output": "b.c", "to": "plan", "on": {"type": "company", "label": "x"}},
    {"do": "clear_property", "id": "a", "property": "plan", "on": "company/employer"},
    {"do": "adjust_property", "id": "a", "property": "score", "by": -2.5},
]
CONDITIONS = [
    {"property": "stage", "is": "lead"},
    {"property": "stage", "is_any_of": ["lead", "customer"], "if_empty": True},
    {"output": "a.happened", "is": True},
    {"all": [{"property": "n", "at_least": 3}, {"not": {"any": [{"list": "vip"}, {"flow": "other", "is": "active"}]}}]},
    {"property": "born", "before": "today - 3 days"},
    {"property": "born", "before": {"property": "renewal", "offset": "- 3 days"}},
    {"property": "born", "between": ["2026-01-01", "today"]},
    {"property": "born", "in": "this quarter"},
    {"property": "born", "within_last": "3 days"},
    {"property": "stage", "has_ever_been": "lead"},
    {"event": "opened", "where": {"mail": "x"}, "times": {"at_least": 2}, "within_last": "7 days"},
    {"associated": "company", "label": "employer", "where": {"property": "size", "greater_than": 50}},
]


def holding(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"flow": "a", "object": "contact", "steps": [*steps], **more}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["do"])
def test_steps_are_allowed_as_people_write_them(step: dict[str, Any]) -> None:
    """What the loader takes, the schema allows; a key more or the kind misspelt, it does not."""
    assert allows(holding(step)) == []
    assert allows(holding({**step, "fro": 1}))
    assert allows(holding({**step, "do": f"{step['do']}s"}))
    assert allows(holding({key: value for key, value in step.items() if key != "id"}))


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_conditions_are_allowed_as_people_write_them(condition: dict[str, Any]) -> None:
    """So are conditions; what the schema allows here, the loader takes as well."""
    whole = holding(
        {"do": "wait_for_event", "id": "a", "any_of": [{"event": "opened"}]},
        {"do": "branch", "id": "b", "branches": [{"name": "Yes", "when": condition}]},
    )
    assert check_flow(json.dumps(whole), Catalogue.load(), "flow.json").mistakes == ()
    assert allows(whole) == []
    whole["steps"][1]["branches"][0]["when"] = {**condition, "iz": "lead"}
    assert allows(whole)


@pytest.mark.parametrize(
    "zone", ["Europe/Helsinki", "record", {"property": "time_zone"}, {"property": "time_zone", "otherwise": "UTC"}]
)
def test_a_zone_is_allowed_in_its_three_forms(zone: Any) -> None:
    """The flow's zone is a name, the record's, or that of a property."""
    assert allows(holding(settings={"timezone": zone, "revisions": "pin"})) == []
    assert allows(holding(settings={"timezone": [zone]}))


def test_triggers_are_allowed() -> None:
    """Who enters, and again or not."""
    enroll = {"on": [{"event": "form_submitted", "where": {"form": "demo"}}], "again": "on_trigger"}
    assert allows(holding(enroll=enroll)) == []
    assert allows(holding(enroll={**enroll, "again": "sometimes"}))
