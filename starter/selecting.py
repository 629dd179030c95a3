"""Which records a condition chooses: read as a flow file would have it, and asked of the database as SQL."""

from __future__ import annotations

from datetime import datetime

from activities.gateways.condition_sql import Selection, where
from starter.language.checks import condition as checked
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowMistakes, read
from starter.language.references import Names, references
from workflows.model.conditions import Condition


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


def selection(found: Condition, now: datetime, zone: str, *, first: int) -> Selection:
    """Write a condition on the row `r` of a record; its parameters are numbered from `first`.

    Raise FlowError for one that asks for an output, which only a walk has.
    """
    return where(found, now, zone, first=first)
