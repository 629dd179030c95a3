from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from starter.drafts import Draft, save
from starter.publish import CannotFollow, announce_left, publish, publish_all
from tests.flows import branch, delay, flow, wait
from workflows.model.errors import CallerError, FlowError

if TYPE_CHECKING:
    from tests.starter.conftest import Office


async def test_the_same_content_is_no_new_revision(office: Office) -> None:
    """Publishing twice leaves one revision, and the flow as it was; a new flow is off."""
    first = await publish(office.world.pool, flow("a", delay("rest", "1 day")).flow, office.world.revisions)
    again = await publish(office.world.pool, flow("a", delay("rest", "1 day")).flow, office.world.revisions)
    assert (first.new, first.number, again.new, again.number) == (True, 1, False, 1)
    assert await office.world.pool.fetchval("select is_on from flow") is False
    assert await office.world.pool.fetchval("select count(*) from revision") == 1


async def test_what_is_stored_reads_back_under_its_hash(office: Office) -> None:
    """The stored text of a revision has the hash under which it was published."""
    published = await publish(office.world.pool, flow("a", delay("rest", "1 day")).flow, office.world.revisions)
    assert (await office.world.revisions.get(published.hash)).hash == published.hash


async def test_an_older_content_becomes_current_under_its_number(office: Office) -> None:
    """Going back to what was published before makes that revision current again, without a third."""
    for length in ("1 day", "2 days", "1 day"):
        published = await publish(office.world.pool, flow("a", delay("rest", length)).flow, office.world.revisions)
    assert (published.number, published.new) == (1, True)
    assert await office.world.pool.fetchval("select current from flow") == published.hash


async def test_a_changed_kind_is_refused_against_all_revisions(office: Office) -> None:
    """An id that once meant a delay cannot mean a wait, also when a revision in between did without it."""
    for revision in (flow("a", delay("rest", "1 day")), flow("a", delay("other", "1 day"))):
        await publish(office.world.pool, revision.flow, office.world.revisions)
    with pytest.raises(FlowError, match=r"rest: was 'delay' and cannot become 'wait_for_event'"):
        await publish(office.world.pool, flow("a", wait("rest", "seen")).flow, office.world.revisions)


async def test_the_object_type_never_changes(office: Office) -> None:
    """A flow for contacts cannot become one for deals."""
    revision = flow("a", delay("rest", "1 day"))
    await publish(office.world.pool, revision.flow, office.world.revisions)
    changed = revision.flow.model_copy(update={"object": "deal"})
    with pytest.raises(FlowError, match="object: was 'contact'"):
        await publish(office.world.pool, changed, office.world.revisions)


async def test_only_sleepers_whose_step_changed_are_told(office: Office) -> None:
    """A longer delay and a deleted wait tell those in them; whoever sleeps in an unchanged step is left alone."""
    gone = wait("gone", "seen")
    key = await office.on(flow("a", delay("short", "1 day"), delay("long", "9 days"), gone))
    admitted = [await office.inside(key, await office.world.record(f"contact:{n}")) for n in range(3)]
    await office.asleep(admitted[0], "short")
    await office.asleep(admitted[1], "long")
    await office.waiting(admitted[2], gone)
    new = flow("a", delay("short", "2 days"), delay("long", "9 days"), delay("added", "1 day"))
    published = await publish(office.world.pool, new.flow, office.world.revisions)
    told = await office.outbox("adopt")
    assert {row["enrollment"] for row in told} == {admitted[0].enrollment, admitted[2].enrollment}
    assert {row["body"]["revision"] for row in told} == {published.hash}
    assert published.told == 2


async def test_pinned_sleepers_are_left_alone(office: Office) -> None:
    """An enrollment that stays on its own revision is not told of another."""
    settings = {"revisions": "pin"}
    key = await office.on(flow("a", delay("rest", "1 day"), settings=settings))
    await office.asleep(await office.inside(key, await office.world.record("contact:1")), "rest")
    await office.on(flow("a", delay("rest", "2 days"), settings=settings))
    assert await office.outbox("adopt") == []


async def test_what_a_dead_publisher_left_is_announced_once(office: Office) -> None:
    """A revision that is current but unannounced is announced by the worker's loop, and not again."""
    key = await office.on(flow("a", delay("rest", "1 day")))
    await office.asleep(await office.inside(key, await office.world.record("contact:1")), "rest")
    await office.on(flow("a", delay("rest", "2 days")))
    await office.world.pool.execute("delete from outbox where kind = 'adopt'")
    await office.world.pool.execute("update revision set announced_at = null where number = 2")
    counts = [await announce_left(office.world.pool, office.world.revisions) for _ in range(2)]
    assert counts == [1, 0]
    assert len(await office.outbox("adopt")) == 1


async def test_a_branch_may_be_redrawn_under_its_id(office: Office) -> None:
    """Other arms, edges and names are an edit like any other."""
    rest = delay("rest", "1 day")
    for stage in ("lead", "customer"):
        drawn = flow("a", branch("which", "rest", hot=({"property": "stage", "is": stage}, None)), rest)
        published = await publish(office.world.pool, drawn.flow, office.world.revisions)
    assert published.number == 2


async def test_many_are_published_together_or_not_at_all(office: Office) -> None:
    """Where one cannot follow its earlier revision, none is published; each refusal names its flow and step."""
    await publish(office.world.pool, flow("a", delay("rest", "1 day")).flow, office.world.revisions)
    new = [flow("b", delay("rest", "1 day")).flow, flow("a", wait("rest", "seen")).flow]
    with pytest.raises(CannotFollow) as refused:
        await publish_all(office.world.pool, new, office.world.revisions)
    assert [(each.flow, each.step) for each in refused.value.refusals] == [("a", "rest")]
    assert await office.world.pool.fetchval("select count(*) from flow") == 1


async def test_publishers_of_the_same_flows_do_not_block_each_other(office: Office) -> None:
    """Flows are locked in one order, whatever the order of the files."""
    keys = [f"flow-{number}" for number in range(8)]

    async def publish_in(order: list[str], length: str) -> None:
        flows = [flow(key, delay("rest", length)).flow for key in order]
        await publish_all(office.world.pool, flows, office.world.revisions)

    for number in range(1, 6):
        await asyncio.gather(publish_in(keys, f"{number} days"), publish_in(keys[::-1], f"{number} hours"))
    assert await office.world.pool.fetchval("select count(*) from revision") == len(keys) * 10


async def test_publishing_ends_the_draft(office: Office) -> None:
    """A draft is gone once its flow is published; those of other flows stay."""
    drafts = [Draft(key, "", f"{key}.yaml", "flow: ...", ()) for key in ("a", "b")]
    await save(office.world.pool, drafts)
    await publish(office.world.pool, flow("a", delay("rest", "1 day")).flow, office.world.revisions)
    assert await office.world.pool.fetchval("select array_agg(key) from flow_draft") == ["b"]
    with pytest.raises(CallerError, match=r"b is a draft .*nothing is missing in it: `perdure publish b\.yaml`"):
        await office.client.turn_on("b")


async def test_what_was_current_before_is_told(office: Office) -> None:
    """A new revision comes with the hash of that before, a new flow with none."""
    first = await publish(office.world.pool, flow("a", delay("rest", "1 day")).flow, office.world.revisions)
    second = await publish(office.world.pool, flow("a", delay("rest", "2 days")).flow, office.world.revisions)
    assert (first.before, second.before) == (None, first.hash)
