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
    Link,
    NewNote,
    NewRecord,
    NewTask,
    PropertyDefinition,
    Provenance,
    Source,
    User,
    Version,
)
from activities.properties import compared, edited, unique_texts
from workflows.model.facts import EPOCH, Past
from workflows.model.operators import folded
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
    notes: dict[str, NewNote] = field(default_factory=dict)
    made: dict[str, tuple[RecordRef, NewRecord]] = field(default_factory=dict)
    """The records that flows made, by the keys of the effects."""
    associating: list[tuple[RecordRef, Link, Source]] = field(default_factory=list)
    """What was associated anew, and by whom."""

    async def edit(self, records: Sequence[RecordRef], edits: Mapping[str, Edit], source: Source) -> list[Edited]:
        """See Crm."""
        done = [self._edited(ref, edits, source) for ref in dict.fromkeys(records)]
        self._claim(done)
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

    def _claim(self, wanted: Sequence[Edited]) -> None:
        """Refuse a value of a unique property that another live record has, or two of these want."""
        holders: dict[tuple[str, str, str], RecordRef] = {}
        for each in wanted:
            for name, text in unique_texts(each, self.properties.get(each.record.type)).items():
                theirs = (ref for ref in self._alive(each.record.type) if compared(self.records[ref].get(name)) == text)
                holder = next((ref for ref in theirs if ref != each.record), None)
                holder = holder or holders.setdefault((each.record.type, name, text), each.record)
                if holder != each.record:
                    raise Refused("duplicate_value", f"{name} {text!r} is unique, and {holder} has it already")

    def _alive(self, object_type: str) -> list[RecordRef]:
        live = (ref for ref in self.records if ref.type == object_type and ref not in self.archived)
        return sorted(live, key=lambda ref: ref.id)

    async def create(self, new: NewRecord, key: str) -> RecordRef:
        """See Crm; the record's id is the key."""
        if key in self.made:
            return self.made[key][0]
        self._is_known(new.type)
        if self.types.get(new.type):
            raise Refused("own_read_only", f"no flow makes a {new.type}")
        made = edited(RecordRef(type=new.type, id=key), {}, new.properties, self.properties.get(new.type))
        self._are_there(link.record for link in new.links)
        self._claim([made])
        self.records[made.record] = {name: value for name, value in made.after.items() if value is not None}
        self.made[key] = made.record, new
        await self.associate(made.record, new.links, new.source)
        return made.record

    async def archive(self, record: RecordRef, source: Source) -> bool:
        """See Crm."""
        del source
        was_there = record in self.records and record not in self.archived
        self.archived.add(record)
        return was_there

    async def flow_that_made(self, record: RecordRef) -> str | None:
        """See Crm."""
        return next((new.source.flow for ref, new in self.made.values() if ref == record), None)

    async def associate(self, record: RecordRef, links: Sequence[Link], source: Source) -> int:
        """See Crm."""
        self._are_there([record, *(link.record for link in links)])
        new = 0
        for link in links:
            both = ((record, link.record, link.label), (link.record, record, link.label))
            there = next((each for each in both if each in self.associations), None)
            first = self.beside(record, link.record.type)[:1] == [link.record]
            if there and (first or not link.primary):
                continue
            self.associations = [each for each in self.associations if each != there]
            self.associations.insert(0 if link.primary else len(self.associations), there or both[0])
            self.associating.append((record, link, source))
            new += 1
        return new

    async def matching(self, object_type: str, name: str, texts: Collection[str], most: int) -> list[RecordRef]:
        """See Crm."""
        self._is_known(object_type)
        if object_type in self.properties and name not in self.properties[object_type]:
            raise Refused("unknown_property", name)
        wanted = {folded(text) for text in texts} - {""}
        return [ref for ref in self._alive(object_type) if compared(self.records[ref].get(name)) in wanted][:most]

    def _is_known(self, object_type: str) -> None:
        if object_type not in {*self.types, *self.properties}:
            raise Refused("unknown_object_type", object_type)

    def _are_there(self, records: Iterable[RecordRef]) -> None:
        for ref in records:
            if ref not in self.records or ref in self.archived:
                raise Refused("no_record", str(ref))

    async def read(self, record: RecordRef) -> Record | None:
        """See Crm."""
        properties = self.records.get(record)
        return None if properties is None or record in self.archived else Record(ref=record, properties={**properties})

    async def associated(self, record: RecordRef, object_type: str, label: str = "") -> list[Record]:
        """See Crm."""
        found = self.beside(record, f"{object_type}/{label}")
        if not found:
            self._is_known(object_type)
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

    async def create_note(self, note: NewNote, key: str) -> str:
        """See Crm; the note's id is the key."""
        self.notes.setdefault(key, note)
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
