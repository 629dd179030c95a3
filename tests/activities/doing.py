"""What an action is handed in its unit test: a record, and the fakes for the world, unless the test gives others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from activities.action import Do
from activities.effects import Provenance
from activities.fake_ledger import FakeDoors, FakeLedger
from activities.fakes import FakeCrm, FakeHttp, FakeLinks, FakeMailer, FakeParts, FakeSecrets
from workflows.model.records import Record, RecordRef

ANNA = RecordRef.parse("contact:1")
NOW = datetime(2026, 1, 2, 22, 30, tzinfo=UTC)
SOURCE = Provenance(flow="f", revision="r", node="n", enrollment="e")


def doing(record: Record, **fields: Any) -> Do:
    """Hand a record to an action; the CRM has this record and no other, unless `crm` is given."""
    plain: dict[str, Any] = {
        "key": "k",
        "record": record,
        "now": NOW,
        "source": SOURCE,
        "crm": FakeCrm({record.ref: {**record.properties}}),
        "doors": FakeDoors(FakeLedger(lambda: NOW)),
        "mail": FakeMailer(),
        "http": FakeHttp(),
        "secrets": FakeSecrets(),
        "parts": FakeParts(),
        "links": FakeLinks(),
    }
    return Do(**{**plain, **fields})


def anna(**properties: Any) -> Record:
    """Give Anna, a contact, with these properties."""
    return Record(ref=ANNA, properties=properties)
