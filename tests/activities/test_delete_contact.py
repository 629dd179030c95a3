from __future__ import annotations

import pytest

from activities.action import Skipped
from activities.actions.delete_contact import DeleteContact
from activities.catalogue import Catalogue
from activities.fakes import FakeCrm
from starter.language.compile import check_flow
from starter.simulate import Simulation
from tests.activities.doing import ANNA, anna, doing
from tests.flows import flow
from workflows.model.nodes import Perform

CATALOGUE = Catalogue.load()

STEPS = """\
flow: f
name: F
object: contact
steps:
  - {do: delete_contact, id: delete}
"""


async def test_the_contact_is_deleted() -> None:
    """So that it can be restored: nothing of it is gone yet."""
    crm = FakeCrm({ANNA: {"firstname": "Anna"}})
    done = await DeleteContact().perform(doing(anna(), crm=crm))
    assert (done.line, crm.archived, crm.records[ANNA]) == ("deleted the contact", {ANNA}, {"firstname": "Anna"})


async def test_one_that_is_gone_is_passed_over() -> None:
    """Somebody else was faster."""
    with pytest.raises(Skipped, match="no_record"):
        await DeleteContact().perform(doing(anna(), crm=FakeCrm()))


async def test_the_walk_ends_with_it() -> None:
    """The enrollment says why."""
    world = Simulation(CATALOGUE)
    record = world.record("contact:1")
    revision = flow("f", Perform(id="d", name="Delete", edges={}, kind="delete_contact", config={}, place="store"))
    world.publish(revision)
    _, ending = await world.walk(revision, record)
    assert (ending, world.ledger.crm.archived) == ("record_gone", {record})


def test_no_step_follows_it() -> None:
    """It could never be reached."""
    more = STEPS + "  - {do: delay, id: rest, for: 1 day}\n"
    assert not check_flow(STEPS, CATALOGUE).mistakes
    (mistake,) = check_flow(more, CATALOGUE).mistakes
    assert "no path from the start leads here" in mistake.message


def test_it_is_for_contacts_only() -> None:
    """Deals and companies are not deleted by a flow."""
    (mistake,) = check_flow(STEPS.replace("contact\n", "deal\n", 1), CATALOGUE).mistakes
    assert mistake.code == "wrong_object"
