"""Sequences for real: published from files, entered by a flow's step, walked on Temporal, ended by what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from starter.admission import Admitted
from starter.publish import publish
from starter.sequences import standing
from tests.starter.conftest import Perdure
from tests.until import until
from tests.world import World
from workflows.model.flow import Flow
from workflows.model.records import RecordRef

FILES = {
    "chase.yaml": """\
sequence: {key}
name: Chase
steps:
  - do: send_email
    id: hello
    subject: "Hello {{{{ contact.firstname }}}}"
    text: "Yours, {{{{ event.sender_name }}}}"
  - {{do: create_task, id: call, title: "Call {{{{ contact.firstname }}}}"}}
  - {{do: delay, id: rest, for: 2 days, at: "09:00", business_days: true}}
  - {{do: send_email, id: again, subject: Still there, text: Hello}}
""",
    "won.yaml": """\
flow: won-{key}
object: contact
enroll: {{again: always}}
steps:
  - {{do: enroll_in_sequence, id: go, sequence: {key}}}
  - {{do: enroll_in_sequence, id: twice, sequence: {key}}}
""",
    "lost.yaml": """\
flow: lost-{key}
object: contact
enroll: {{again: always}}
steps:
  - {{do: unenroll_from_sequence, id: stop}}
  - {{do: unenroll_from_sequence, id: stop-again}}
""",
}


ANNA = RecordRef.parse("contact:1")


@pytest.fixture
async def key(world: World, perdure: Perdure, tmp_path: Path) -> str:
    """A sequence and two flows, published from files; Anna, and Aino, who owns her."""
    key = world.key("chase")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text.format(key=key))
    await world.define("contact", email="text", firstname="text", owner="user", timezone="text")
    ran = await perdure("publish", tmp_path)
    assert (ran.status, f"sequence-{key} is at revision 1 now.\n" in ran.out) == (0, True), ran.err
    for flow in (f"won-{key}", f"lost-{key}"):
        await world.client.turn_on(flow)
    await world.pool.execute("insert into crm_user (id, email, name) values ('7', 'aino@acme.example', 'Aino')")
    await world.record("contact:1", firstname="Anna", email="anna@example.com", owner="7")
    return key


async def lines(world: World, flow: str) -> list[str]:
    """Let Anna walk a flow to its end; give what its steps came to."""
    admission = await world.client.enroll(flow, ANNA)
    assert isinstance(admission, Admitted)
    await world.ended(str(admission.enrollment))
    return [line for _, line in await world.path(str(admission.enrollment))]


async def resting(world: World, key: str) -> str:
    """Wait until Anna rests in the sequence; give that enrollment."""
    query = """
    select e.id from visit v join enrollment e on e.id = v.enrollment
     where e.flow = $1 and e.closed_at is null and v.node = 'rest' and v.state = 'asleep'
    """
    return str(await until(lambda: world.pool.fetchval(query, f"sequence-{key}"), what="the rest in the sequence"))


async def test_a_contact_is_in_a_sequence_until_it_answers(world: World, key: str, perdure: Perdure) -> None:
    """The steps are done in the sender's name, and nobody enters twice; a reply, a meeting and a flow's step end it in
    the middle of its rest, and each is counted.
    """
    async with world.serving():
        for event in ("email_replied", "meeting_booked"):
            assert await lines(world, f"won-{key}") == [f"entered {key}", "failed: already_in_sequence"]
            enrollment = await resting(world, key)
            await world.client.publish_event(event, ANNA)
            assert await world.ended(enrollment) == "unenrolled"
        await lines(world, f"won-{key}")
        enrollment = await resting(world, key)
        assert await lines(world, f"lost-{key}") == [f"left {key}", "skipped: not_in_sequence"]
        assert await world.ended(enrollment) == "unenrolled"
    _, mail = world.mailer.sent[0]
    assert (mail.sender, mail.subject, mail.text) == ("Aino <aino@acme.example>", "Hello Anna", "Yours, Aino")
    assert {(*row,) for row in await world.pool.fetch("select assignee, subject from task")} == {("7", "Call Anna")}
    (found,) = await standing(world.pool)
    counts = (found.inside, found.finished, found.replied, found.booked, found.left_otherwise)
    assert (found.key, found.name, found.is_on, *counts) == (key, "Chase", True, 0, 0, 1, 1, 1)
    ran = await perdure("sequences")
    assert ran.err == ""
    assert [line.split() for line in ran.out.splitlines() if key in line] == [
        [key, "Chase", "1", "on", "0", "0", "1", "1", "1"]
    ]
    assert f"sequence-{key}" not in (await perdure("flows")).out


async def test_one_that_was_turned_off_stays_off(world: World, key: str) -> None:
    """A sequence is on once it is published; an edit does not let contacts in that somebody keeps out."""
    body = await world.pool.fetchval("select body from revision where flow = $1", f"sequence-{key}")
    flow = Flow.model_validate_json(body)
    await world.client.turn_off(flow.key)
    await publish(world.pool, flow.model_copy(update={"name": "Another"}), world.revisions)
    (found,) = await standing(world.pool)
    assert (found.name, found.revision, found.is_on) == ("Another", 2, False)


async def test_a_step_of_another_kind_is_told_where_it_stands(perdure: Perdure, key: str, tmp_path: Path) -> None:
    """In the file of the sequence; nothing is published."""
    text = FILES["chase.yaml"].format(key=key).replace("do: create_task, id: call, title", "do: delay, id: call, for")
    (tmp_path / "chase.yaml").write_text(text.replace('for: "Call {{ contact.firstname }}"', "for: 1 day"))
    ran = await perdure("publish", tmp_path / "chase.yaml")
    assert ran.status == 2
    assert "chase.yaml:8:10 steps[1].do: was 'create_task' and cannot become 'delay_until'" in ran.err
