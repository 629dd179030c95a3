"""Performing one step that sends e-mail, in memory."""

from __future__ import annotations

from typing import Any

from activities.catalogue import Catalogue, complete
from activities.effects import EmailContent, User
from activities.fakes.flows import FakeEnrollment
from activities.fakes.ledger import FakeVisit
from starter.simulate import Simulation
from tests.flows import flow
from workflows.contract import Answer, Step
from workflows.model.nodes import Perform
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

CATALOGUE = Catalogue.load()
ANNA, DEAL = RecordRef.parse("contact:1"), RecordRef.parse("deal:7")
WELCOME = EmailContent("welcome", "Welcome", "Hi {{ contact.firstname }}", "You are {{ contact.firstname }}")


def simulation() -> Simulation:
    """Make a world with Anna, enrolled as `e`; a deal with two contacts, enrolled as `d`; users and subscriptions."""
    world = Simulation(CATALOGUE)
    world.record(str(ANNA), firstname="Anna", email="anna@example.com", owner="7", assistant="bo@example.com")
    world.record(str(DEAL), name="Big")
    for number in (101, 102):
        ref = world.record(f"contact:{number}", firstname=f"C{number}", email=f"c{number}@example.com")
        world.ledger.crm.associations.append((DEAL, ref, ""))
    for enrollment, record in (("e", ANNA), ("d", DEAL)):
        world.ledger.enrollments[enrollment] = FakeEnrollment("f", record, world.clock)
    store = world.ledger.store
    store.consent.subscriptions = {"newsletter": "email", "offers": "email", "texts": "sms"}
    store.people.everyone = {
        each.id: each
        for each in (
            User("7", "ann@acme.example"),
            User("8", "bea@acme.example"),
            User("9", "cy@acme.example", active=False),
        )
    }
    store.people.teams = {"sales": {"8": True, "7": False, "9": True}}
    store.crm.emails["welcome"] = WELCOME
    return world


async def performed(
    world: Simulation, kind: str, *, of: str = "e", attempt: str = "a1", visit: int = 1, policy: Any = (), **config: Any
) -> Answer:
    """Perform a step of a kind for Anna or for the deal."""
    fields = {"id": "mail", "name": "Mail", "edges": {}, "place": CATALOGUE[kind].place, **dict(policy)}
    node = Perform.model_validate({**fields, "kind": kind, "config": complete(CATALOGUE[kind], config)})
    drawn = flow("f", node).flow
    revision = Revision.of(drawn if of == "e" else drawn.model_copy(update={"object": "deal"}))
    world.publish(revision)
    step = Step(enrollment=of, revision=revision.hash, node="mail", visit=visit)
    return await world.performer.perform(step, attempt)


def row(world: Simulation, of: str = "e", visit: int = 1) -> FakeVisit:
    """Give the ledger's row of the step."""
    return world.ledger.visits[of, visit]


def parts(world: Simulation, of: str = "e") -> dict[str, tuple[str, str]]:
    """Give what each part of the step came to, and the code that its note begins with."""
    begun = world.ledger.begun[of, 1]
    return {name: (part.state, part.note.partition(":")[0]) for name, part in begun.items()}
