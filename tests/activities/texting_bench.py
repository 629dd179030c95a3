"""A simulated flow whose one step texts somebody, for the tests of the actions that do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from activities.catalogue import Catalogue, complete
from activities.effects import TextLimits, User
from activities.fakes.flows import FakeEnrollment
from starter.simulate import Simulation
from tests.flows import flow
from workflows.contract import Answer, Step
from workflows.model.nodes import Perform
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

CATALOGUE = Catalogue.load()
ANNA, DEAL = RecordRef.parse("contact:1"), RecordRef.parse("deal:7")
PHONE = "+14155550101"


@dataclass
class TextingBench:
    """Anna with a phone, her deal, and users with and without one."""

    world: Simulation = field(default_factory=lambda: Simulation(CATALOGUE))

    def __post_init__(self) -> None:
        self.world.record(str(ANNA), firstname="Anna", phone=PHONE, owner="7")
        self.world.record(str(DEAL), name="Big", owner="7")
        self.sms, self.store = self.world.sms, self.world.ledger.store
        self.sms.opted_out = self.store.opt_outs
        people = [("7", "Bo", True, "+14155550107"), ("8", "Cy", True, ""), ("9", "Di", False, "+14155550109")]
        for id_, name, active, phone in people:
            self.store.people.everyone[id_] = User(id_, f"{name}@x.fi", name, active=active, phone=phone)
        self.store.people.teams["sales"] = {"7": True, "8": True, "9": False}

    def node(self, kind: str, **config: Any) -> Perform:
        """Draw the step."""
        action = CATALOGUE[kind]
        settings, policy = complete(action, config), {"retry": action.retry, "timeout": action.timeout}
        return Perform.model_validate(
            {"id": "a", "name": "Text", "edges": {}, "kind": kind, "config": settings, "place": "outside", **policy}
        )

    def revision(self, kind: str, of: RecordRef = ANNA, **config: Any) -> Revision:
        """Draw and publish the flow."""
        drawn = flow("f", self.node(kind, **config)).flow.model_copy(update={"object": of.type})
        revision = Revision.of(drawn)
        self.world.publish(revision)
        return revision

    async def texted(self, kind: str, of: RecordRef = ANNA, visit: int = 1, **config: Any) -> Answer:
        """Perform the step once."""
        revision = self.revision(kind, of, **config)
        self.world.ledger.enrollments.setdefault("e", FakeEnrollment("f", of, self.world.clock))
        step = Step(enrollment="e", revision=revision.hash, node="a", visit=visit)
        return await self.world.performer.perform(step, "a1")

    async def walked(self, kind: str, of: RecordRef = ANNA, **config: Any) -> list[str]:
        """Walk the whole flow, with its waits on the virtual clock; give the lines of its visits."""
        revision = self.revision(kind, of, **config)
        enrollment, _ = await self.world.walk(revision, of)
        visits = sorted((key[1], row) for key, row in self.world.ledger.visits.items() if key[0] == enrollment)
        return [row.visit.answer.line for _, row in visits if row.visit.answer]

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Give what was sent, each as its recipient and what it says."""
        return [(each.to, each.text) for each in self.sms.sent.values()]

    @property
    def output(self) -> dict[str, Any]:
        """Give what the step put out."""
        return dict(self.world.ledger.visits["e", 1].output or {})

    def limit(self, **limits: int) -> None:
        """Set how many texts are sent at most."""
        self.sms.limits = TextLimits(**limits)
