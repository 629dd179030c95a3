"""docs/running.md: its tables are of what is there, and its example does what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from starter.api.application import BEHIND_A_KEY
from starter.settings import variables
from tests.starter.api.conftest import Api

PAGE = (Path(__file__).parents[3] / "docs" / "running.md").read_text()


def test_every_setting_is_told_in_its_own_words() -> None:
    """The table has each variable that is read, in the order and with the words of the settings, and no other."""
    told = re.findall(r"^\| `(PERDURE_\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    wanted = list(variables().items())
    rows = "\n".join(f"| `{name}` | {what} |" for name, what in wanted)
    assert told == wanted, f"the table in docs/running.md should be:\n{rows}"


def test_no_setting_is_named_that_is_not_there() -> None:
    """Also in the text, a PERDURE_ variable is one that is read."""
    assert set(re.findall(r"PERDURE_[A-Z_]*[A-Z]", PAGE)) <= set(variables())


def test_every_route_is_told() -> None:
    """Each request to /v1 is in the table of the API, and no other."""
    told = re.findall(r"`([A-Z]+) (/v1/\S+)`", PAGE)
    there = [
        (method, re.sub(r"{(\w+)}", lambda name: _placeholder(name[1]), f"/v1{route.path}"))
        for route in BEHIND_A_KEY
        for method in (route.methods or set()) - {"HEAD"}
    ]
    assert sorted(set(told)) == sorted(there)


def _placeholder(name: str) -> str:
    return "ID" if name in {"id", "enrollment"} else name.upper()


async def test_the_example_is_taken(api: Api) -> None:
    """The body that the page posts is an event."""
    body = json.loads(re.findall(r"--data '(.+)'", PAGE)[0])
    await api.world.record(body["record"])
    assert (await api.caller.post("/v1/events", json=body)).status_code == 201
