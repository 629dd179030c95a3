"""In-memory twins of the gateways, for unit tests and dry runs: they keep every promise but to last."""

from activities.fakes.crm import TYPES, FakeCrm
from activities.fakes.outside import FakeHttp, FakeLinks, FakeMailer, FakeSecrets, fake_outside
from activities.fakes.parts import FakeParts
from activities.fakes.store import FakeStore

__all__ = [
    "TYPES",
    "FakeCrm",
    "FakeHttp",
    "FakeLinks",
    "FakeMailer",
    "FakeParts",
    "FakeSecrets",
    "FakeStore",
    "fake_outside",
]
