"""What a flow may name beside its own steps: the properties of each object type, lists, flows and e-mails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import asyncpg

from activities.effects import PropertyDefinition
from activities.sequences import is_sequence, sequence_of

_PROPERTIES = """
select p.object, p.name, p.type, coalesce(p.options, '[]') as options,
       p.read_only or coalesce(t.own_read_only, false) as read_only
  from property p left join object_type t on t.key = p.object
"""
_TYPES = "select key from object_type"
_LISTS = "select key from list"
_ACTIVE = "select key from list where kind = 'active'"
_FLOWS = "select key from flow"
_EMAILS = "select key, for_automation from email_content"
_OTHERS = {
    "static_list": "select key from list where kind = 'static'",
    "user": "select id from crm_user",
    "team": "select id from team",
    "subscription": "select key from subscription",
}
"""What else steps name, by the kind that a field is marked with (`NameOf`)."""


@dataclass(frozen=True)
class Definitions:
    """Properties by object type and name, and the names of lists, flows and e-mails; None where nothing is known."""

    properties: Mapping[str, Mapping[str, PropertyDefinition]]
    lists: frozenset[str] | None = None
    flows: frozenset[str] | None = None
    emails: Mapping[str, bool] | None = None
    """The keys of e-mails, each with whether flows may send it."""
    active: frozenset[str] = frozenset()
    """The lists that follow a condition."""
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names of further kinds, as users and teams; of a kind that is missing nothing is known."""

    def with_flows(self, keys: Iterable[str]) -> Self:
        """Give the same definitions with more flows: those that are published together may name each other."""
        return replace(self, flows=frozenset({*(self.flows or ()), *keys}))

    def with_others(self, kind: str, names: Iterable[str]) -> Self:
        """Give the same definitions with more names of a further kind."""
        return replace(self, others={**self.others, kind: frozenset({*self.others.get(kind, ()), *names})})

    def with_lists(self, keys: Iterable[str]) -> Self:
        """Give the same definitions with more lists."""
        return replace(self, lists=frozenset({*(self.lists or ()), *keys}))

    def with_emails(self, emails: Mapping[str, bool]) -> Self:
        """Give the same definitions with more e-mails: a flow may name one that is published together with it."""
        return replace(self, emails={**(self.emails or {}), **emails})


async def read_definitions(pool: asyncpg.Pool[Any]) -> Definitions:
    """Read from the database what is defined there."""
    # A type of which nothing is loaded yet is one all the same: a flow for deals may be there before the first deal.
    properties: dict[str, dict[str, PropertyDefinition]] = {row["key"]: {} for row in await pool.fetch(_TYPES)}
    for row in await pool.fetch(_PROPERTIES):
        definition = PropertyDefinition(row["type"], tuple(map(str, row["options"])), row["read_only"])
        properties.setdefault(row["object"], {})[row["name"]] = definition
    lists, flows = [frozenset(row["key"] for row in await pool.fetch(query)) for query in (_LISTS, _FLOWS)]
    active = frozenset(row["key"] for row in await pool.fetch(_ACTIVE))
    emails = {row["key"]: row["for_automation"] for row in await pool.fetch(_EMAILS)}
    others = {kind: frozenset(name for (name,) in await pool.fetch(query)) for kind, query in _OTHERS.items()}
    others["sequence"] = frozenset(sequence_of(flow) for flow in flows if is_sequence(flow))
    return Definitions(properties, lists, flows, emails, active, others)
