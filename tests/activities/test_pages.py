from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path

import pytest

from activities.action import Action
from activities.catalogue import Catalogue
from activities.pages import book, codes, markdown, page

ROOT = Path(__file__).parents[2]
SHIPPED = Catalogue.load()


def test_the_file_of_pages_is_fresh() -> None:
    """`perdure actions --markdown > docs/actions.md` would change nothing."""
    assert (ROOT / "docs" / "actions.md").read_text() == book(SHIPPED.values())


@pytest.mark.parametrize("action", SHIPPED.values(), ids=list(SHIPPED))
def test_a_page_says_all_that_the_class_does(action: type[Action]) -> None:
    """Every setting with what it takes and is for, every output, every example, and how it repeats."""
    found = page(action)
    written = markdown(found)
    names = [setting.name for setting in found.settings if "." not in setting.name]
    assert names == [field.alias or name for name, field in action.model_fields.items()]
    assert [setting.name for setting in found.settings if not (setting.type and setting.description)] == []
    for word in (*names, *found.outputs, *found.codes):
        assert f"`{word}`" in written
    assert all(example.strip() in written for example in action.examples)
    assert ("exactly once" in written) == (action.place == "store")


@pytest.mark.parametrize("action", SHIPPED.values(), ids=list(SHIPPED))
def test_a_page_names_the_codes_that_the_action_fails_with(action: type[Action]) -> None:
    """Whatever its file refuses or skips with a code of its own stands in its manual, in brackets."""
    tree = ast.parse(inspect.getsource(sys.modules[action.__module__]))
    raised = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Refused", "Skipped") and call.args
        if isinstance(call.args[0], ast.Constant)
    }
    assert raised - page(action).codes.keys() == set()


def test_codes_are_read_with_their_sentences() -> None:
    """A word in backticks is a code where it stands in brackets, alone or with others."""
    manual = (
        "It needs `x`. It fails where the\naddress is bad (`bad_address`), or `to` is none (`no_to`).\n\n"
        "Two more (`a1`, `b_2`) stand here."
    )
    first = "It fails where the address is bad (`bad_address`), or `to` is none (`no_to`)."
    second = "Two more (`a1`, `b_2`) stand here."
    assert codes(manual) == {"bad_address": first, "no_to": first, "a1": second, "b_2": second}
