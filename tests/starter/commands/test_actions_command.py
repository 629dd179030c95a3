from __future__ import annotations

import json

from activities.catalogue import Catalogue
from activities.pages import book, markdown, page
from tests.starter.conftest import Alone

SHIPPED = Catalogue.load()


def test_the_list_of_actions(alone: Alone) -> None:
    """Each kind with its first line; nothing need run."""
    ran = alone("actions")
    assert ran.status == 0
    assert [kind for kind in SHIPPED if f"{kind} " not in ran.out] == []


def test_the_page_of_a_kind(alone: Alone) -> None:
    """As Markdown, or as data; a kind that is none is told with the nearest."""
    assert alone("actions", "create_task").out == markdown(page(SHIPPED["create_task"]))
    told = json.loads(alone("actions", "create_task", "--json").out)
    assert (told["kind"], told["place"], told["repeat"]) == ("create_task", "store", "exactly_once")
    assert "due.after" in [setting["name"] for setting in told["settings"]]
    assert [each["kind"] for each in json.loads(alone("actions", "--json").out)] == list(SHIPPED)
    assert alone("actions", "--markdown").out == book(SHIPPED.values())
    ran = alone("actions", "create_tusk")
    assert (ran.status, "did you mean 'create_task'?" in ran.err) == (2, True)
