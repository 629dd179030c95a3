"""In-memory twins of the gateways, for unit tests and dry runs: they keep every promise but to last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.action import Mail, Provenance, Refused, differ
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
    """Records in a dictionary. Every property may be set, but those in `read_only`."""

    records: dict[RecordRef, dict[str, JsonValue]] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    changes: list[tuple[RecordRef, str, JsonValue, Provenance]] = field(default_factory=list)

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
