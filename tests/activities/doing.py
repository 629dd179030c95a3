"""What an action is handed in its unit test: a record, and the fakes for the world, unless the test gives others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from activities.action import Do
from activities.effects import Provenance
from activities.fakes import FakeCrm, FakeParts, FakeStore, fake_outside
from activities.fakes.flows import FakeDoors
from activities.fakes.ledger import FakeLedger
from workflows.model.records import Record, RecordRef

ANNA = RecordRef.parse("contact:1")
NOW = datetime(2026, 1, 2, 22, 30, tzinfo=UTC)
SOURCE = Provenance(flow="f", revision="r", node="n", enrollment="e")


def doing(record: Record, **fields: Any) -> Do:
    """Hand a record to an action; the CRM has this record and no other, unless `crm` is given."""
    crm = fields.pop("crm", None) or FakeCrm({record.ref: {**record.properties}})
    outside = {name: fields.pop(name) for name in ("mail", "http", "secrets", "links", "sms") if name in fields}
    store = {name: fields.pop(name) for name in [*FakeStore.__dataclass_fields__] if name in fields}
    plain: dict[str, Any] = {
        "key": "k",
        "record": record,
        "now": NOW,
        "since": NOW,
        "source": SOURCE,
        "crm": crm,
        "store": FakeStore(crm=crm, **{"doors": FakeDoors(FakeLedger(lambda: NOW)), **store}),
        "outside": fake_outside(**outside),
        "parts": FakeParts(),
    }
    return Do(**{**plain, **fields})


def anna(**properties: Any) -> Record:
    """Give Anna, a contact, with these properties."""
    return Record(ref=ANNA, properties=properties)
