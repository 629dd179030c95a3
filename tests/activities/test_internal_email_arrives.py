"""Internal e-mail end to end: a real worker, PostgreSQL and an SMTP server."""

from __future__ import annotations

from base64 import b64decode
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from activities.catalogue import complete
from activities.effects import EmailContent, User
from activities.gateways.smtp import SmtpMailer, SmtpSettings
from starter.emails import save
from tests.activities.mail_servers import catching
from tests.flows import flow
from tests.world import World
from workflows.model.nodes import Perform

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
BODY = f'<p>Call {{{{ contact.firstname }}}}</p><img alt="bell" src="data:image/png;base64,{PNG}">'


def step(world: World, kind: str, **config: Any) -> Perform:
    whole = complete(world.catalogue[kind], config)
    fields = {"id": kind, "name": kind, "edges": {}, "kind": kind, "config": whole, "place": "outside"}
    return Perform.model_validate(fields)


async def test_internal_email_arrives(world: World) -> None:
    """To a user, to the active members of a team and to the owner, with an image as a part; then a published one."""
    for user, teams in ((User("7", "ann@acme.example"), ()), (User("8", "bea@acme.example", active=False), ("Sales",))):
        await world.client.put_user(user, teams)
    await world.client.put_user(User("9", "cy@acme.example"), ("Sales",))
    anna = await world.record("contact:1", firstname="Änna", email="anna@example.com", owner="7")
    async with world.pool.acquire() as connection:
        await save(connection, EmailContent("welcome", "W", "Hi {{ contact.firstname }}", "Text"))
    notify = step(world, "notify_email", teams=["sales"], owners=["owner", "backup"], subject="Ding", body=BODY)
    internal = step(world, "send_internal_email", email="welcome", to=["x@acme.example"], properties=["email"])
    async with catching() as catcher:
        settings = SmtpSettings.model_validate({"host": "127.0.0.1", "port": catcher.port, "sender": "a@acme.example"})
        mailer = SmtpMailer(settings)
        world.mailer = mailer  # type: ignore[assignment]  # anything that sends e-mail
        revision = await world.publish(flow(world.key("tell"), notify, internal))
        async with world.serving():
            enrollment = await world.enroll(revision, anna)
            assert await world.ended(enrollment) == "completed"
        await mailer.close()
    assert await world.path(enrollment) == [
        ("notify_email", "sent to 2 of 3, 1 skipped"),
        ("send_internal_email", "sent to 2 of 2"),
    ]
    assert [each.rcpt_tos for each in catcher.envelopes] == [
        *(["cy@acme.example"], ["ann@acme.example"], ["x@acme.example"], ["anna@example.com"])
    ]
    told, *_, published = (message_from_bytes(each, policy=policy.default) for each in catcher.contents)
    assert isinstance(told, EmailMessage)
    assert (published["Subject"], published["List-Unsubscribe"]) == ("Hi Änna", None)
    [page] = [part for part in told.walk() if part.get_content_type() == "text/html"]
    [image] = [part for part in told.walk() if part.get_content_type() == "image/png"]
    assert image.get_content() == b64decode(PNG)
    assert f"cid:{image['Content-ID'][1:-1]}" in page.get_content()
    assert "Call Änna" in page.get_content()
