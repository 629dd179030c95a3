"""Help that teaches: the paragraphs of a command's docstring, and beneath the options its examples.

The examples of a command stand at the end of its docstring, under `Examples:`, a line each; tests read them there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer.models import CommandInfo

_TITLE = "\nExamples:\n"


def teach(commands: Iterable[CommandInfo]) -> None:
    """Give commands their help, from their docstrings."""
    for command in commands:
        command.help = unwrapped((inspect.getdoc(command.callback) or "").partition(_TITLE)[0])
        command.epilog = listed("Examples:", examples(command))


def unwrapped(text: str) -> str:
    """Join the lines of each paragraph: the terminal breaks them where it ends."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def listed(title: str, lines: Iterable[str]) -> str:
    """Write lines under a title, as an epilog has them: what looks like markup is none."""
    return "\n".join([title, *(f"  {line}" for line in lines)]).replace("[", "\\[")


def examples(command: CommandInfo) -> list[str]:
    """Give the examples of a command, as its docstring has them."""
    lines = (inspect.getdoc(command.callback) or "").partition(_TITLE)[2].splitlines()
    return [line.strip() for line in lines if line.strip()]
