"""In-memory twins of the gateways, for unit tests and dry runs: they keep every promise but to last."""

from activities.fakes.consent import FakeConsent, Said
from activities.fakes.crm import TYPES, FakeCrm
from activities.fakes.inbox import FakeInbox, FakePush
from activities.fakes.lists import FakeLists
from activities.fakes.outside import FakeHttp, FakeLinks, FakeMailer, FakeSecrets, fake_outside
from activities.fakes.parts import FakeParts
from activities.fakes.people import FakePeople
from activities.fakes.quotas import FakeQuotas
from activities.fakes.rotations import FakeRotations
from activities.fakes.sms import FakeOptOuts, FakeSms
from activities.fakes.store import FakeStore

__all__ = [
    "TYPES",
    "FakeConsent",
    "FakeCrm",
    "FakeHttp",
    "FakeInbox",
    "FakeLinks",
    "FakeLists",
    "FakeMailer",
    "FakeOptOuts",
    "FakeParts",
    "FakePeople",
    "FakePush",
    "FakeQuotas",
    "FakeRotations",
    "FakeSecrets",
    "FakeSms",
    "FakeStore",
    "Said",
    "fake_outside",
]
