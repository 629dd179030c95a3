"""What a flow may name beside its own steps: the properties of each object type, the lists and the flows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import asyncpg

_PROPERTIES = "select object, name, type, coalesce(options, '[]') as options, read_only from property"
_LISTS = "select key from list"
_FLOWS = "select key from flow"


@dataclass(frozen=True)
class PropertyDefinition:
    """What values a property takes, and whether flows may set it."""

    type: str
    options: tuple[str, ...] = ()
    read_only: bool = False


@dataclass(frozen=True)
class Definitions:
    """Properties by object type and name, and the names of lists and flows; None where nothing is known of them."""

    properties: Mapping[str, Mapping[str, PropertyDefinition]]
    lists: frozenset[str] | None = None
    flows: frozenset[str] | None = None

    def with_flows(self, keys: Iterable[str]) -> Self:
        """Give the same definitions with more flows: those that are published together may name each other."""
        return replace(self, flows=frozenset({*(self.flows or ()), *keys}))


async def read_definitions(pool: asyncpg.Pool[Any]) -> Definitions:
    """Read from the database what is defined there."""
    properties: dict[str, dict[str, PropertyDefinition]] = {}
    for row in await pool.fetch(_PROPERTIES):
        definition = PropertyDefinition(row["type"], tuple(map(str, row["options"])), row["read_only"])
        properties.setdefault(row["object"], {})[row["name"]] = definition
    lists, flows = [frozenset(row["key"] for row in await pool.fetch(query)) for query in (_LISTS, _FLOWS)]
    return Definitions(properties, lists, flows)
