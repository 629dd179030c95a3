"""Our database in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.effects import Doors
from activities.fakes.crm import FakeCrm
from activities.gateways.no_doors import NoDoors


@dataclass
class FakeStore:
    """The twin of `PostgresStore`; there is nothing to roll back."""

    crm: FakeCrm = field(default_factory=FakeCrm)
    doors: Doors = field(default_factory=NoDoors)
