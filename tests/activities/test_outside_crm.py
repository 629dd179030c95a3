"""A CRM that cannot join our transaction: its edits are effects outside, done once by their keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from activities.catalogue import Catalogue
from activities.fakes import fake_outside
from activities.fakes.flows import FakeEnrollment
from activities.performing import Again
from starter.language.compile import compile_flow
from starter.outside import outside_crm
from starter.settings import Settings
from starter.simulate import Simulation
from tests.activities.crm_bench import ACME, ANNA, BETA, DEFINITIONS, some_records
from tests.activities.http_crm import Fault, HttpCrmServer, gateway, http_crm
from tests.world import World
from workflows.contract import Answer, Step
from workflows.model.errors import CallerError
from workflows.model.nodes import Perform
from workflows.model.revision import Revision

OUTSIDE = Catalogue.load(crm_joins=False)
FLOW = """
flow: {key}
object: contact
steps:
  - {{do: adjust_property, id: count, property: score, by: 5, retry: {{first: 0.01 seconds}}}}
  - {{do: set_property, id: tell, property: name, value: "score {{{{ outputs.count.value }}}}", on: company}}
  - {{do: enroll_in_flow, id: next, flow: other}}
"""
COUNT = "  - {do: adjust_property, id: count, property: score, by: 5}"


class Setting(NamedTuple):
    """A walk on the fakes, and the CRM over HTTP that it edits."""

    world: Simulation
    server: HttpCrmServer
    step: Step

    async def perform(self, attempt: str) -> Answer:
        return await self.world.performer.perform(self.step, attempt)

    @property
    def state(self) -> tuple[str, str]:
        row = self.world.ledger.visits["e", 1]
        return row.visit.state, row.note


def compiled(catalogue: Catalogue, steps: str = COUNT) -> Revision:
    return Revision.of(compile_flow(f"flow: f\nobject: contact\nsteps:\n{steps}\n", catalogue))


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    """Anna, inside a flow whose first step counts her up."""
    async with http_crm(some_records()) as server:
        world = Simulation(OUTSIDE)
        world.performer = replace(world.performer, outside=fake_outside(crm=gateway(server)))
        world.record(str(ANNA))
        revision = compiled(OUTSIDE)
        world.publish(revision)
        world.ledger.enrollments["e"] = FakeEnrollment("f", ANNA, world.clock)
        yield Setting(world, server, Step(enrollment="e", revision=revision.hash, node="count", visit=1))


def test_what_is_in_the_crm_is_outside_where_the_crm_is() -> None:
    """It is decided at publish: such a step has time for a call, and is tried again for days; a door is ours."""
    steps = FLOW.format(key="f").partition("steps:\n")[2]
    places = {}
    for catalogue in (Catalogue.load(), OUTSIDE):
        nodes = compiled(catalogue, steps).flow.nodes.values()
        performs = [node for node in nodes if isinstance(node, Perform)]
        places[catalogue.crm_joins] = [(node.kind, node.place, node.timeout) for node in performs]
    short, long = timedelta(seconds=5), timedelta(seconds=60)
    kinds = ["adjust_property", "set_property", "enroll_in_flow"]
    assert places[True] == [(kind, "store", short) for kind in kinds]
    assert places[False] == [(kind, "outside", long) for kind in kinds[:2]] + [("enroll_in_flow", "store", short)]


async def test_an_edit_is_made_there_and_not_here(setting: Setting) -> None:
    """Under the key of the effect; what our database has of the record is for the CRM to bring up to date."""
    assert await setting.perform("a1") == Answer(line="increased score")
    assert setting.server.crm.records[ANNA] == {"score": 5}
    assert setting.world.ledger.crm.records[ANNA] == {}
    assert len(setting.server.keys) == 1
    assert setting.world.ledger.visits["e", 1].output == {"value": 5, "before": None, "changed": 1}


@pytest.mark.parametrize(
    ("fault", "code", "state", "after"),
    [
        ("busy", "crm_busy", "retrying", timedelta(seconds=7)),
        ("dies_before", "crm_silent", "unknown", None),
        ("dies_after", "crm_silent", "unknown", None),
    ],
)
async def test_a_repeated_edit_is_made_once(
    setting: Setting, fault: Fault, code: str, state: str, after: timedelta | None
) -> None:
    """Whether it was surely not made or nobody knows, it is asked for again under the same key."""
    setting.server.faults.append(fault)
    with pytest.raises(Again) as caught:
        await setting.perform("a1")
    assert (caught.value.code, caught.value.after) == (code, after)
    assert (setting.state[0], setting.state[1].partition(":")[0]) == (state, code)
    assert await setting.perform("a2") == Answer(line="increased score")
    assert (len(setting.server.keys), len({*setting.server.keys})) == (2, 1)
    assert setting.server.crm.records[ANNA] == {"score": 5}


async def test_a_refusal_of_the_crm_fails_the_step(setting: Setting) -> None:
    """With the code that it gives, and nothing is tried again."""
    setting.server.crm.records[ANNA] = {"score": "a dozen"}
    assert (await setting.perform("a1")).line == "failed: bad_value"
    assert setting.state[0] == "done"


async def test_a_crm_that_moved_out_is_edited_outside_by_flows_from_before(setting: Setting) -> None:
    """What was published while the CRM was in our database does not edit there any more."""
    before = compiled(Catalogue.load())
    setting.world.publish(before)
    setting.server.faults.append("dies_after")
    here = setting._replace(step=setting.step.model_copy(update={"revision": before.hash}))
    with pytest.raises(Again):
        await here.perform("a1")
    assert await here.perform("a2") == Answer(line="increased score")
    assert (setting.server.crm.records[ANNA], setting.world.ledger.crm.records[ANNA]) == ({"score": 5}, {})


async def test_a_crm_that_moved_in_is_edited_in_our_transaction_by_flows_from_before(setting: Setting) -> None:
    """And the other way round."""
    setting.world.performer = replace(setting.world.performer, outside=fake_outside())
    assert await setting.perform("a1") == Answer(line="increased score")
    assert (setting.world.ledger.crm.records[ANNA], setting.server.keys) == ({"score": 5}, [])


async def test_a_flow_is_walked_with_a_crm_outside(world: World) -> None:
    """On real servers: an answer that is lost has the edit asked for again, and it is made once."""
    world.catalogue = OUTSIDE
    async with http_crm(some_records()) as server:
        server.faults.append("dies_after")
        world.crm = gateway(server)
        await world.record(str(ANNA))
        await world.define("contact", **dict.fromkeys(DEFINITIONS["contact"], "text"))
        compiled = compile_flow(FLOW.format(key=world.key("out")), world.catalogue)
        revision = await world.publish(Revision.of(compiled))
        async with world.serving():
            enrollment = await world.enroll(revision, ANNA)
            assert await world.ended(enrollment) == "completed"
    lines = ["increased score", "set name on 2 of 2 records of the type company", "failed: no_flow"]
    assert [line for _, line in await world.path(enrollment)] == lines
    assert server.crm.records[ANNA] == {"score": 5}
    assert [server.crm.records[each] for each in (BETA, ACME)] == [{"name": "score 5"}] * 2
    assert (len(server.keys), len({*server.keys})) == (3, 2)
    assert await world.properties(ANNA) == {}


def test_the_setting_that_names_a_crm_moves_its_edits_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """For publishing, drawing and checking alike."""
    assert Settings.load().catalogue().crm_joins
    monkeypatch.setenv("PERDURE_CRM", "acme.crm:gateway")
    assert not Settings.load().catalogue().crm_joins


def test_a_gateway_is_made_by_what_the_setting_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is a function of a module that can be imported; where there is none, the setting is told."""
    (tmp_path / "acme_crm.py").write_text("def gateway():\n    return 'the gateway'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert outside_crm(Settings.load()) is None
    monkeypatch.setenv("PERDURE_CRM", "acme_crm:gateway")
    made: object = outside_crm(Settings.load())
    assert made == "the gateway"
    for wrong in ("acme_crm:gatewy", "acme_srm:gateway"):
        monkeypatch.setenv("PERDURE_CRM", wrong)
        with pytest.raises(CallerError, match=f"PERDURE_CRM: {wrong} makes no gateway"):
            outside_crm(Settings.load())
    monkeypatch.setenv("PERDURE_CRM", "acme_crm")
    with pytest.raises(CallerError, match="PERDURE_CRM: "):
        Settings.load()
