"""The control steps and the facts beside a record, walked on real servers."""

from __future__ import annotations

from tests.flows import branch, branch_on_value, delay_until, flow, send_email, set_property, split
from tests.until import until
from tests.world import World


async def test_split_value_branch_and_delay_until_walk_as_drawn(world: World) -> None:
    """Both shares lead to the value branch, whose way leads past a date that is over to the last edit."""
    revision = await world.publish(
        flow(
            world.key("walk"),
            split("s", A=(50, "v"), B=(50, "v")),
            branch_on_value("v", None, of="country", Finland=(["FI"], "u"), Other=(["SE"], None)),
            delay_until("u", date="2020-02-29"),
            set_property("p", "stage", "there"),
        )
    )
    record = await world.record("contact:1", country="fi", stage="new")
    async with world.serving():
        enrollment = await world.enroll(revision, record)
        assert await world.ended(enrollment) == "completed"
    path = await world.path(enrollment)
    assert path[1:] == [("v", "took Finland"), ("u", "no date to wait for"), ("p", "set stage")]
    assert path[0] in {("s", "took A"), ("s", "took B")}


async def test_an_edit_of_a_delay_until_reaches_its_sleeper(world: World) -> None:
    """A record that sleeps until a day in the next century goes on when the date is made past."""
    far = flow(world.key("far"), delay_until("u", date="2120-02-29"), set_property("p", "stage", "there"))
    revision = await world.publish(far)
    record = await world.record("contact:1", stage="new")
    async with world.serving():
        enrollment = await world.enroll(revision, record)
        await world.asleep(revision, record, "u")
        await world.publish(
            flow(far.flow.key, delay_until("u", date="2020-02-29"), set_property("p", "stage", "there"))
        )
        assert await world.ended(enrollment) == "completed"
    assert [node for node, _ in await world.path(enrollment)] == ["u", "p"]


async def test_a_branch_and_an_email_read_what_stands_beside_the_record(world: World) -> None:
    """The company decides the branch and stands in the e-mail, with the owner and the event that enrolled them."""
    customer = {"associated": "company", "where": {"property": "tier", "is": "gold"}}
    mail = send_email("m", "{{ company.name }} {{ owner.name }} {{ event.form }}", edges={"next": None})
    await world.publish(
        flow(
            world.key("beside"),
            branch("b", None, Gold=(customer, "m")),
            mail,
            enroll={"on": [{"event": "form_submitted"}]},
        )
    )
    record = await world.record("contact:1", email="anna@example.com", owner="ann")
    await world.record("company:acme", name="Acme", tier="gold")
    await world.pool.execute(
        "insert into association (from_type, from_id, to_type, to_id) values ('contact', '1', 'company', 'acme')"
    )
    await world.pool.execute("insert into crm_user (id, email, name) values ('ann', 'ann@us.example', 'Ann')")
    async with world.serving():
        await world.client.publish_event("form_submitted", record, {"form": "demo"})
        over = "select true from enrollment where ending = 'completed'"
        await until(lambda: world.pool.fetchval(over), what="the end of the walk")
    assert [sent.subject for _, sent in world.mailer.sent] == ["Acme Ann demo"]
