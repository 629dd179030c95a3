"""Lists in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.action import Refused
from activities.effects import Source
from activities.fakes.crm import FakeCrm
from workflows.model.records import RecordRef


@dataclass
class FakeLists:
    """The static lists of a CRM in memory, which has their members; `active` are the keys of those that are not."""

    crm: FakeCrm = field(default_factory=FakeCrm)
    objects: dict[str, str] = field(default_factory=dict)
    """The type of the records of each list; of a list without one, that of contacts."""
    active: frozenset[str] = frozenset()

    async def add(self, list_: str, record: RecordRef, source: Source) -> bool:
        """See Lists."""
        members, before = self._members(list_, record, source), len(self.crm.lists[list_])
        members.add(record)
        return len(members) > before

    async def remove(self, list_: str, record: RecordRef, source: Source) -> bool:
        """See Lists."""
        members, before = self._members(list_, record, source), len(self.crm.lists[list_])
        members.discard(record)
        return len(members) < before

    def _members(self, list_: str, record: RecordRef, source: Source) -> set[RecordRef]:
        del source
        if list_ not in self.crm.lists:
            raise Refused("unknown_list", list_)
        if list_ in self.active:
            raise Refused("active_list", list_)
        if self.objects.get(list_, "contact") != record.type:
            raise Refused("wrong_object", list_)
        return self.crm.lists[list_]
