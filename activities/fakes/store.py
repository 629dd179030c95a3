"""Our database in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.effects import Doors
from activities.fakes.consent import FakeConsent
from activities.fakes.crm import FakeCrm
from activities.fakes.inbox import FakeInbox
from activities.fakes.lists import FakeLists
from activities.fakes.people import FakePeople
from activities.fakes.quotas import FakeQuotas
from activities.fakes.rotations import FakeRotations
from activities.fakes.sms import FakeOptOuts
from activities.no_doors import NoDoors
from activities.store_settings import DEFAULTS, StoreSettings


@dataclass
class FakeStore:
    """The twin of `PostgresStore`; there is nothing to roll back."""

    crm: FakeCrm = field(default_factory=FakeCrm)
    doors: Doors = field(default_factory=NoDoors)
    consent: FakeConsent = field(default_factory=FakeConsent)
    lists: FakeLists = field(init=False)
    inbox: FakeInbox = field(default_factory=FakeInbox)
    people: FakePeople = field(default_factory=FakePeople)
    quotas: FakeQuotas = field(default_factory=FakeQuotas)
    opt_outs: FakeOptOuts = field(default_factory=FakeOptOuts)
    rotations: FakeRotations = field(default_factory=FakeRotations)
    settings: StoreSettings = DEFAULTS

    def __post_init__(self) -> None:
        """Keep the members of lists where conditions look for them."""
        self.lists = FakeLists(self.crm)
