"""Which records a condition chooses: read as a flow file would have it, and asked of the database as SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from activities.gateways.condition_sql import Selection, where
from activities.gateways.postgres_lists import active_lists
from starter.language.checks import condition as checked
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowMistakes, read
from starter.language.references import Names, references
from workflows.model.conditions import Condition, needs


def condition(text: str, name: str, object_: str, definitions: Definitions | None) -> Condition:
    """Read a condition on records of a type. Raise FlowMistakes, each with its place in the text `name`."""
    file = read(text, name)
    names = Names(file, definitions)
    for each in references(file.data, (), object_):
        names.check(each)
    found = checked(file, file.data, ()) if file.whole else None
    if found is None or file.mistakes:
        raise FlowMistakes(file.mistakes)
    return found


async def selection(
    found: Condition, now: datetime, zone: str, *, first: int, pool: asyncpg.Pool[Any] | None
) -> Selection:
    """Write a condition on the row `r` of a record; its parameters are numbered from `first`.

    Active lists that it names are read from the database, where there is one. Raise FlowError for a condition that
    asks for an output, which only a walk has.
    """
    lists = needs(found).lists if pool else frozenset()
    active = await active_lists(pool, sorted(lists)) if pool and lists else {}
    return where(found, now, zone, first=first, active=active)
