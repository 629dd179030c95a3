from __future__ import annotations

from pathlib import Path

import pytest

from starter.language.compile import check_flow
from tests.starter.language.mutants import CATALOGUE, DEFINITIONS, DRAFT, GOOD, ask, mutant

BATCH = 250


def test_the_file_that_mutants_are_made_of_is_good() -> None:
    """It holds a step of each kind and nothing wrong but what a draft may lack."""
    assert check_flow(GOOD, CATALOGUE, definitions=DEFINITIONS).mistakes == ()
    assert [each.code for each in check_flow(DRAFT, CATALOGUE, draft=True).missing] == ["placeholder"]


def test_a_number_makes_the_same_mutant_every_time() -> None:
    """What the fuzz finds can be looked at again."""
    assert [mutant(number) for number in range(20)] == [mutant(number) for number in range(20)]


@pytest.mark.parametrize("first", range(0, 1000, BATCH))
def test_every_mutant_gets_an_answer(first: int, tmp_path: Path) -> None:
    """Good files made bad, in their data and in their bytes: each answer comes soon and names places in the file."""
    answers = {number: ask(number, tmp_path) for number in range(first, first + BATCH)}
    assert {number: answer.trouble for number, answer in answers.items() if answer.trouble} == {}
    assert sum(bool(answer.codes) for answer in answers.values()) > BATCH / 2
