"""The CRM in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.action import Refused
from activities.effects import (
    Edit,
    Edited,
    EmailContent,
    NewTask,
    PropertyDefinition,
    Provenance,
    Source,
    User,
    Version,
)
from activities.properties import edited
from workflows.model.facts import EPOCH, Past
from workflows.model.records import Record, RecordRef

TYPES = {**dict.fromkeys(("contact", "company", "deal", "ticket", "quote"), False), "conversation": True}
"""The built-in object types, each with whether flows may not edit its own properties."""


@dataclass
class FakeCrm:
    """Records in a dictionary.

    A type of which `properties` say nothing has every property, and each takes anything, but those in `read_only`.
    `associations` are pairs with a label, the primary ones first; `pasts` what properties were before `records` began.
    """

    records: dict[RecordRef, dict[str, JsonValue]] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    changes: list[tuple[RecordRef, str, JsonValue, Source]] = field(default_factory=list)
    lists: dict[str, set[RecordRef]] = field(default_factory=dict)
    users: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    associations: list[tuple[RecordRef, RecordRef, str]] = field(default_factory=list)
    pasts: dict[tuple[RecordRef, str], list[Past]] = field(default_factory=dict)
    archived: set[RecordRef] = field(default_factory=set)
    types: dict[str, bool] = field(default_factory=lambda: {**TYPES})
    """The object types, each with whether its own properties are read-only for flows."""
    properties: dict[str, dict[str, PropertyDefinition]] = field(default_factory=dict)
    """The definitions of properties, by object type and name."""
    tasks: dict[str, NewTask] = field(default_factory=dict)
    emails: dict[str, EmailContent] = field(default_factory=dict)

    async def edit(self, records: Sequence[RecordRef], edits: Mapping[str, Edit], source: Source) -> list[Edited]:
        """See Crm."""
        done = [self._edited(ref, edits, source) for ref in dict.fromkeys(records)]
        for each in done:
            properties = self.records[each.record]
            for name in each.changed:
                value = each.after[name]
                self.changes.append((each.record, name, value, source))
                if value is None:
                    del properties[name]
                else:
                    properties[name] = value
        return done

    def _edited(self, ref: RecordRef, edits: Mapping[str, Edit], source: Source) -> Edited:
        properties = self.records.get(ref)
        if properties is None or ref in self.archived:
            raise Refused("no_record", str(ref))
        if self.types.get(ref.type) and isinstance(source, Provenance):
            raise Refused("own_read_only", f"no flow edits a {ref.type} itself")
        if refused := self.read_only & edits.keys():
            raise Refused("read_only_property", ", ".join(sorted(refused)))
        return edited(ref, properties, edits, self.properties.get(ref.type))

    async def read(self, record: RecordRef) -> Record | None:
        """See Crm."""
        properties = self.records.get(record)
        return None if properties is None or record in self.archived else Record(ref=record, properties={**properties})

    async def associated(self, record: RecordRef, object_type: str, label: str = "") -> list[Record]:
        """See Crm."""
        found = self.beside(record, f"{object_type}/{label}")
        if not found and object_type not in {*self.types, *self.properties}:
            raise Refused("unknown_object_type", object_type)
        return [Record(ref=ref, properties={**self.records[ref]}) for ref in found]

    async def definitions(self, object_type: str, names: Collection[str]) -> Mapping[str, PropertyDefinition]:
        """See Crm."""
        defined = self.properties.get(object_type, {})
        return {name: defined[name] for name in names if name in defined}

    async def versions(self, record: RecordRef) -> dict[str, list[Version]]:
        """See Crm."""
        names = {*self.records.get(record, {}), *(name for ref, name in self.pasts if ref == record)}
        known = self.history(record, sorted(names))
        return {name: [Version(each.value, each.at) for each in reversed(past)] for name, past in known.items()}

    async def create_task(self, task: NewTask, key: str) -> str:
        """See Crm; the task's id is the key."""
        self.tasks.setdefault(key, task)
        return key

    async def user(self, user: str) -> User | None:
        """See Crm."""
        return User(**self.users[user]) if user in self.users else None  # type: ignore[arg-type]

    async def email_content(self, key: str) -> EmailContent | None:
        """See Crm."""
        return self.emails.get(key)

    def history(self, record: RecordRef, names: Iterable[str]) -> dict[str, tuple[Past, ...]]:
        """Give what properties have been, the present value last."""
        found: dict[str, tuple[Past, ...]] = {}
        for name in names:
            past = self.pasts.get((record, name), [])
            present = self.records.get(record, {}).get(name)
            now = [Past(value=present, at=past[-1].at if past else EPOCH)] if present is not None else []
            if past or now:
                found[name] = (*past, *now)
        return found

    def owners(self, record: RecordRef, names: Iterable[str]) -> dict[str, dict[str, JsonValue]]:
        """Give the users whom properties name."""
        ids = {name: str(self.records.get(record, {}).get(name)) for name in names}
        return {name: self.users[id_] for name, id_ in ids.items() if id_ in self.users}

    def beside(self, record: RecordRef, name: str) -> list[RecordRef]:
        """Give the associated records that a condition calls `company`, or `company/LABEL`."""
        type_, _, label = name.partition("/")
        ends = [(b if a == record else a, as_) for a, b, as_ in self.associations if record in (a, b)]
        wanted = [other for other, as_ in ends if other.type == type_ and label in ("", as_)]
        return [other for other in dict.fromkeys(wanted) if other in self.records and other not in self.archived]
