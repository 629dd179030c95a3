"""The help of every command: what it is for, its options, and examples that can be typed as they stand."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from starter.cli import FIRST_STEPS, app
from starter.commands import trying
from starter.commands.teaching import examples
from tests.starter.conftest import Alone

COMMANDS = {
    **{str(each.name): each for each in app.registered_commands},
    **{f"try {each.name or each.callback.__name__}": each for each in trying.app.registered_commands if each.callback},
}
EXAMPLES = [line for each in COMMANDS.values() for line in examples(each)]
NEEDS_NOTHING = [
    line
    for line in EXAMPLES
    if line.startswith(("perdure actions", "perdure schema", "perdure try when", "perdure try phone"))
    or (line.startswith("perdure try") and "--with" in line)
]


def words(line: str) -> list[str]:
    """Split an example as a shell does: from the program, after settings, to where its output is led into a file."""
    found = shlex.split(line.partition(" > ")[0])
    return found[found.index("perdure") :]


def parsed(line: str) -> None:
    """Let the command line read an example, as far as to before it would do anything."""
    _, *rest = words(line)
    command: Any = typer.main.get_command(app)
    context = command.make_context("perdure", list(rest), resilient_parsing=False)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, list(rest), parent=context)


def options(command: Any) -> Iterator[Any]:
    """Give the options and arguments that a command shows."""
    yield from (each for each in command.params if not getattr(each, "hidden", False))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples(name: str) -> None:
    """They stand at the end of its docstring, under `Examples:`."""
    found = examples(COMMANDS[name])
    assert found
    assert all(f"perdure {name}" in line for line in found)


@pytest.mark.parametrize("line", [*EXAMPLES, *FIRST_STEPS])
def test_every_example_is_a_command_line(line: str) -> None:
    """Its command, options and arguments are there."""
    parsed(line)


@pytest.mark.parametrize("line", NEEDS_NOTHING)
def test_examples_that_need_no_database_run(line: str, alone: Alone) -> None:
    """They do what they say."""
    ran = alone(*words(line)[1:])
    assert (ran.status, ran.err) == (0, "")
    assert ran.out


def test_every_option_is_described() -> None:
    """Each says what it is for, in a sentence."""
    group: Any = typer.main.get_command(app)
    commands = [*group.commands.values(), *group.commands["try"].commands.values()]
    lacking = [
        f"{command.name} {option.name}"
        for command in commands
        if command.name != "try"
        for option in options(command)
        if not (option.help or "").strip().endswith((".", "?"))
    ]
    assert lacking == []


def test_help_shows_the_paragraphs_and_the_examples(alone: Alone) -> None:
    """And braces and brackets as they are."""
    shown = alone("try", "tokens", "--help").out
    assert "Examples:" in [line.strip() for line in shown.splitlines()]
    assert """perdure try tokens 'Hello {{ contact.firstname | default("there") }}'""" in shown
    shown = alone("--help").out
    assert "First steps, while `perdure up` runs in another terminal:" in shown
