"""How `show` draws a path: pure, from visits as the ledger has them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import typer

from starter.commands.drawn_path import drawn
from starter.commands.timeline import Timeline
from starter.inspection import Summary, Visited
from workflows.model.records import RecordRef

T0 = datetime(2026, 3, 1, 9, tzinfo=UTC)
ID = UUID("028bd6c6-d04e-4c99-b36a-261f5c1aa9d3")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine's wall clock show UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def summary(**fields: Any) -> Summary:
    """Make an enrollment that is on its way."""
    usual: dict[str, Any] = {
        "enrollment": ID,
        "flow": "welcome",
        "record": RecordRef.parse("contact:42"),
        "key": "",
        "revision": 1,
        "standing": "active",
        "paused": False,
        "node": None,
        "until": None,
        "accepted_at": T0,
        "closed_at": None,
        "ending": None,
        "cause": "cli",
        "entered_revision": 1,
    }
    return Summary(**{**usual, **fields})


def visit(place: int, node: str, minutes: float, kind: str = "set_property", **fields: Any) -> Visited:
    """Make a visit that began so many minutes after the entrance and was over at once."""
    at = T0 + timedelta(minutes=minutes)
    usual: dict[str, Any] = {
        "revision": "h",
        "number": 1,
        "state": "done",
        "outcome": "done",
        "line": "set x",
        "output": None,
        "note": "",
        "repeated": False,
        "ended_at": at,
        "lay": None,
        "rests": None,
        "until": None,
        "waits_for": (),
    }
    return Visited(visit=place, node=node, kind=kind, began_at=at, **{**usual, **fields})


def picture(
    path: Sequence[Visited], where: Summary | None = None, reason: str = "", now: float = 60, shown: int = 100
) -> list[str]:
    """Draw a path, with each run of spaces as one."""
    rows = drawn(where or summary(), path, reason, T0 + timedelta(minutes=now), shown=shown)
    return [" ".join(line.split()) for line in Timeline().lines(rows)]


def test_each_visit_is_a_mark_with_its_time_and_what_came_of_it() -> None:
    """The day stands above, the entrance comes first, and a note has a line of its own."""
    path = [visit(1, "mail", 1, "send_email", line="sent", note="250 OK"), visit(2, "mark", 2)]
    assert picture(path) == [
        "2026-03-01 UTC",
        "09:00:00 ○ entered: cli",
        "09:01:00 ● mail send_email sent",
        "│ 250 OK",
        "09:02:00 ● mark set_property set x",
        "▶ on its way",
    ]


def test_a_way_that_was_taken_is_told_with_its_reason() -> None:
    """A branch says which arm and why."""
    output = {"taken": "Opened", "because": {"Opened": "opened.happened is true: yes"}}
    path = [visit(1, "ask", 1, "branch", line="took Opened", output=output)]
    assert picture(path)[2:4] == ["09:01:00 ◆ ask branch took Opened", "│ Opened: opened.happened is true: yes"]


def test_a_rest_is_drawn_with_its_length() -> None:
    """A delay that is over shows how long the record rested there, and what it waited for came."""
    path = [
        visit(1, "rest", 0, "delay", line="waited", lay="delay"),
        visit(2, "opened", 60 * 49, "wait_for_event", line="happened", output={"event": "email_opened"}),
        visit(3, "mark", 60 * 49 + 0.5),
    ]
    assert picture(path)[2:] == [
        "09:00:00 ◷ rest delay waited",
        "┊ 2 days 1 hour",
        "2026-03-03 UTC",
        "10:00:00 ◷ opened wait_for_event happened: email_opened",
        "┊ 30 seconds",
        "10:00:30 ● mark set_property set x",
        "▶ on its way",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"rests": "delay", "lay": "delay", "until": T0 + timedelta(hours=3)},
            "asleep here until 2026-03-01 12:00:00, in 2 hours",
        ),
        (
            {"rests": "wait", "waits_for": ("opened", "clicked")},
            "waits here for opened or clicked, however long it takes",
        ),
        ({"rests": "deferred", "until": T0}, "may not act now; asks again until 2026-03-01 09:00:00, due now"),
        (
            {"rests": "held", "line": "failed: no", "outcome": "failed"},
            f"held here; decide: perdure resolve retry|skip|end {ID}",
        ),
        ({"rests": "held", "line": "paused"}, "held here by a pause: perdure resume welcome"),
        ({"state": "retrying"}, "is tried again until it works, or the tries are used up"),
    ],
)
def test_where_it_is_now_is_the_last_mark(fields: dict[str, Any], said: str) -> None:
    """With until when, and the command that decides."""
    assert picture([visit(1, "here", 1, **fields)])[-1] == f"▶ {said}"


def test_a_pause_of_one_enrollment_is_ended_by_its_id() -> None:
    """And one of the flow by the flow's key."""
    held = visit(1, "here", 1, rests="held", line="paused")
    assert picture([held], summary(own_pause=True))[-1] == f"▶ held here by a pause: perdure resume {ID}"


def test_the_end_is_told_in_words_with_the_reason() -> None:
    """What was said when the record was ordered out stands beside its ending."""
    where = summary(standing="ended", ending="unenrolled", closed_at=T0 + timedelta(minutes=5))
    assert picture([], where, "asked us")[-1] == "09:05:00 ■ ended: unenrolled: asked us"


def test_an_edit_is_drawn_where_the_path_goes_on_in_it() -> None:
    """The first visit under another revision has a line before it."""
    path = [visit(1, "a", 1), visit(2, "b", 2, number=3)]
    assert picture(path)[3] == "│ the flow was edited: revision 3 from here"


def test_a_step_that_is_met_again_says_so() -> None:
    """A loop, and a step that was tried again, are told from a first visit."""
    path = [visit(1, "a", 1, line="failed: x", outcome="failed"), visit(2, "a", 2)]
    assert picture(path)[2:4] == ["09:01:00 ✗ a set_property failed: x", "09:02:00 ● a (again) set_property set x"]


def test_of_a_long_path_the_last_visits_are_drawn() -> None:
    """How many came before is said; and that one of them was met before is not forgotten."""
    path = [visit(n, "a", n) for n in range(1, 11)]
    assert picture(path, shown=1)[1:] == [
        "09:00:00 ○ entered: cli",
        "┊ 9 earlier visits; --last shows more",
        "09:10:00 ● a (again) set_property set x",
        "▶ on its way",
    ]


def test_what_a_provider_said_cannot_reach_beyond_its_line() -> None:
    """Line ends and control characters are taken out of notes."""
    assert picture([visit(1, "a", 1, note="no\x1b[31m\nreally")])[3] == "│ no\ufffd[31m really"


def test_an_output_without_our_signs_gets_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log in ASCII is as readable."""
    monkeypatch.setattr("starter.commands.timeline._takes", str.isascii)
    Timeline().write(drawn(summary(), [visit(1, "a", 1, note="x")], "", T0, shown=9))
    assert [line[12:16].strip() for line in capsys.readouterr().out.splitlines()[1:]] == ["o  e", "*  a", "|", ">  o"]


def test_there_are_no_colours_but_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """And there none where NO_COLOR is set."""
    rows = drawn(summary(), [visit(1, "a", 1)], "", T0, shown=9)
    assert not any("\x1b" in line for line in Timeline().lines(rows))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert any(typer.style("●", fg="green") in line for line in Timeline().lines(rows))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not any("\x1b" in line for line in Timeline().lines(rows))
