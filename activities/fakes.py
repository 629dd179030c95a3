"""In-memory twins of the gateways, for unit tests and dry runs: they keep every promise but to last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.action import Refused
from activities.effects import Mail, Provenance, differ
from workflows.model.facts import EPOCH, Past
from workflows.model.records import RecordRef


@dataclass
class FakeMailer:
    """Keeps what it is given to send. `answers` are raised, in order, in place of a success."""

    sent: list[tuple[str, Mail]] = field(default_factory=list)
    answers: list[Exception] = field(default_factory=list)

    async def send(self, mail: Mail, key: str) -> str:
        """See Mailer."""
        if self.answers:
            raise self.answers.pop(0)
        self.sent.append((key, mail))
        return f"250 OK queued as {key}"


@dataclass
class FakeCrm:
    """Records in a dictionary. Every property may be set, but those in `read_only`.

    `associations` are pairs with a label, the primary ones first; `pasts` what properties were before `records` began.
    """

    records: dict[RecordRef, dict[str, JsonValue]] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    changes: list[tuple[RecordRef, str, JsonValue, Provenance]] = field(default_factory=list)
    lists: dict[str, set[RecordRef]] = field(default_factory=dict)
    users: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    associations: list[tuple[RecordRef, RecordRef, str]] = field(default_factory=list)
    pasts: dict[tuple[RecordRef, str], list[Past]] = field(default_factory=dict)

    async def set_properties(
        self, record: RecordRef, values: Mapping[str, JsonValue], source: Provenance
    ) -> dict[str, JsonValue]:
        """See Crm."""
        properties = self.records.get(record)
        if properties is None:
            raise Refused("no_record", str(record))
        if refused := self.read_only & values.keys():
            raise Refused("read_only_property", ", ".join(sorted(refused)))
        before = {name: properties.get(name) for name, value in values.items() if differ(value, properties.get(name))}
        for name in before:
            self.changes.append((record, name, values[name], source))
            if values[name] is None:
                del properties[name]
            else:
                properties[name] = values[name]
        return before

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

    def associated(self, record: RecordRef, name: str) -> list[RecordRef]:
        """Give the associated records that a condition calls `company`, or `company/LABEL`."""
        type_, _, label = name.partition("/")
        ends = [(b if a == record else a, as_) for a, b, as_ in self.associations if record in (a, b)]
        wanted = [other for other, as_ in ends if other.type == type_ and label in ("", as_)]
        return [other for other in dict.fromkeys(wanted) if other in self.records]
