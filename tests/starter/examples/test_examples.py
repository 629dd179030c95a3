from __future__ import annotations

from tests.starter.examples.conftest import TYPES, Examples, checked, rows
from workflows.model.nodes import Delay, DelayUntil, Perform, WaitForEvent


def test_they_check_without_a_doubt() -> None:
    """No mistake and no warning in any flow or e-mail."""
    assert [line for file in checked() for line in file.lines] == []


def test_every_email_is_sent_by_some_flow(examples: Examples) -> None:
    """And each flow's e-mails are there."""
    steps = [node for flow in examples.flows.values() for node in flow.flow.nodes.values()]
    sent = {node.config["email"] for node in steps if isinstance(node, Perform) and node.config.get("email")}
    assert sent == set(examples.emails)


def test_their_pauses_are_real(examples: Examples) -> None:
    """The files are what one would run: every delay and wait takes days."""
    steps = [node for flow in examples.flows.values() for node in flow.flow.nodes.values()]
    pauses = [node.for_ for node in steps if isinstance(node, Delay)]
    pauses += [node.at_most for node in steps if isinstance(node, WaitForEvent) and node.at_most]
    assert min(pauses).days >= 1
    assert any(isinstance(node, DelayUntil) for node in steps)


def test_there_are_a_hundred_records_with_gaps() -> None:
    """Every file is read without a bad row, names stand in many scripts, and not every cell is filled."""
    found = {type_: rows(name) for type_, name in TYPES.items()}
    assert sum(map(len, found.values())) >= 100
    contacts = found["contact"]
    assert sum(not str(each.get("firstname", "")).isascii() for each in contacts) > 15
    assert len({each["timezone"] for each in contacts if "timezone" in each}) > 25
    for name in ("firstname", "lastname", "email", "timezone", "lead_score", "owner"):
        assert any(name not in each for each in contacts), name
