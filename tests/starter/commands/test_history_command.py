"""`history` as it is typed: what it prints, what it refuses, and what it hints at."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest

from starter.commands.history import moment
from tests.starter.conftest import Perdure
from tests.starter.simple_files import CONTACTS, FLOW


async def test_it_is_printed_a_line_each(perdure: Perdure) -> None:
    """Of a flow: what was published, and who entered it."""
    for words in (("load", "contact", CONTACTS), ("publish", FLOW), ("on", "demo-request")):
        await perdure(*words)
    await perdure("enroll", "demo-request", "contact:101")
    told = (await perdure("history", "--flow", "demo-request")).out.splitlines()
    assert [line.split()[1:] for line in told[1:]] == [
        ["○", "contact:101", "enrolled", "cli"],
        ["◆", "published", "revision", "1"],
    ]
    found = json.loads((await perdure("history", "--flow", "demo-request", "--kind", "enrolled", "--json")).out)
    assert [(each["record"], each["kind"], each["line"]) for each in found] == [("contact:101", "enrolled", "cli")]
    of_record = (await perdure("history", "--record", "contact:101")).out.splitlines()
    assert any("demo-request" in line and "enrolled" in line for line in of_record)
    ran = await perdure("history", "--limit", "1")
    assert (ran.status, "--limit shows more" in ran.err) == (0, True)


async def test_where_nothing_is_found_a_typo_is_answered(perdure: Perdure) -> None:
    """A kind that no step has is told with the nearest."""
    ran = await perdure("history", "--kind", "send_emial")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == "Nothing of that kind happened. No step is of the kind 'send_emial'; did you mean 'send_email'?\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--outcome", "fine"), "--outcome fine: nothing comes out so; there are done, skipped,"),
        (("--since", "soon"), "--since soon: write a date or a moment, as 2026-11-01"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "--since is later than --until"),
        (("--record", "anna"), "anna"),
        (("--enrollment", "42"), "is no enrollment id, which `list` gives"),
        (("--flow", "nowhere"), "no flow is called 'nowhere'"),
    ],
)
async def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], said: str, perdure: Perdure) -> None:
    """With what is wrong and what is right, and status 2."""
    ran = await perdure("history", *words)
    assert (ran.status, said in ran.err) == (2, True), ran.err


def test_a_date_is_its_whole_day() -> None:
    """From its first moment for --since, to its last for --until; a moment is itself, a length is ago."""
    since, until = moment("--since", "2026-03-01", time.min), moment("--until", "2026-03-01", time.max)
    assert since is not None
    assert until is not None
    assert until - since == timedelta(days=1, microseconds=-1)
    assert moment("--since", "2026-03-01T09:30Z", time.min) == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    ago = moment("--since", "2 days", time.min)
    assert ago is not None
    assert timedelta(days=2) <= datetime.now(UTC) - ago < timedelta(days=2, minutes=1)
