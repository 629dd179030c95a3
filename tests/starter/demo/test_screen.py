from __future__ import annotations

import io

from rich.console import Console

from starter.demo.counting import Inside, Place
from starter.demo.screen import EVERY, Look, watching

PLACES = [Place("thank", 4), Place("opened", 4, 3), Place("call")]


def look(seconds: float, inside: int = 3) -> Look:
    return Look(seconds, seconds, PLACES, Inside(4, inside, 0))


def test_without_a_terminal_there_are_plain_lines_now_and_then() -> None:
    """No colour and no cursor; where nobody is is not told, and the end is told at once."""
    said = io.StringIO()
    with watching(Console(file=said, width=200)) as watch:
        watch(Look(0.0, 0.0, PLACES, Inside(0, 0, 40)))
        for seconds in (0.0, 0.5, EVERY, EVERY + 0.1):
            watch(look(seconds))
        watch(look(EVERY + 0.2, inside=0))
    assert said.getvalue().splitlines() == [
        "  day  0.0: 3 in opened; 1 has left",
        "  day  2.0: 3 in opened; 1 has left",
        "  day  2.2: 3 in opened; 4 have left",
    ]


def test_on_a_terminal_there_is_a_bar_for_each_step() -> None:
    """All steps, those that nobody has come to yet as well."""
    said = io.StringIO()
    with watching(Console(file=said, width=100, force_terminal=True, highlight=False)) as watch:
        watch(look(1.0))
    shown = said.getvalue()
    assert all(place.node in shown for place in PLACES)
    assert "Day 1.0 of the flow: 3 inside, 1 has left." in shown
