from __future__ import annotations

from email import message_from_bytes
from urllib.parse import urlsplit

import httpx

from activities.actions.send_email import SendEmail
from activities.catalogue import complete
from activities.effects import SubscriptionContent
from activities.gateways.smtp import SmtpMailer, SmtpSettings
from activities.links import SignedLinks
from starter.contents import save
from tests.activities.mail_servers import catching
from tests.flows import flow, wait
from tests.starter.api.conftest import KEY, SIGNING_KEY, Api, Serve
from tests.world import World
from workflows.model.nodes import Perform
from workflows.model.records import RecordRef

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def link(api: Api, key: str = "mail-1", subscription: str = "") -> str:
    """Give the path of a link that an e-mail to an existing contact ends with."""
    contact = await api.world.record("contact:1")
    return made_by(SIGNING_KEY, contact, key, subscription)


def made_by(signing_key: str, contact: RecordRef, key: str = "mail-1", subscription: str = "") -> str:
    """Give the path of a link that was signed with a key."""
    made = SignedLinks("https://crm.example.com", signing_key).unsubscribe(contact, key, subscription)
    assert made
    return urlsplit(made).path


def stranger(api: Api) -> httpx.AsyncClient:
    """Make a caller without an API key, as a mailbox is."""
    return httpx.AsyncClient(base_url=api.caller.base_url, trust_env=False)


async def test_one_click_unsubscribes_at_once(api: Api) -> None:
    """A mailbox posts what RFC 8058 says, without a login or an API key; the contact has the event."""
    path = await link(api)
    async with stranger(api) as mailbox:
        answered = await mailbox.post(path, data=ONE_CLICK)
    assert answered.status_code == 200
    row = await api.world.pool.fetchrow("select record_type, record_id, type, properties from event")
    assert tuple(row or ()) == ("contact", "1", "unsubscribed", {"message_id": "mail-1"})


async def test_any_post_counts(api: Api) -> None:
    """The other form of the RFC, multipart/form-data, does it, and so does a mailbox that sends nothing."""
    paths = await link(api), made_by(SIGNING_KEY, RecordRef.parse("contact:1"), "mail-2")
    assert (await api.caller.post(paths[0], files={"List-Unsubscribe": (None, "One-Click")})).status_code == 200
    assert (await api.caller.post(paths[1])).status_code == 200
    assert await api.events() == [("contact:1", "unsubscribed")] * 2


async def test_a_mail_scanner_unsubscribes_nobody(api: Api) -> None:
    """Only POST changes anything: scanners and previews open every link."""
    path = await link(api)
    for method in ("GET", "HEAD", "OPTIONS"):
        await api.caller.request(method, path)
    assert await api.events() == []


async def test_the_page_has_a_button_and_loads_nothing(api: Api) -> None:
    """A person who opens the link sees a form that posts to the same address; no script, nothing from elsewhere."""
    page = await api.caller.get(await link(api))
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<form method="post">' in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not any(word in page.text for word in ("http:", "https:", "<script"))


async def test_a_second_click_is_the_same_click(api: Api) -> None:
    """Mailboxes try again, and people press twice: there is one event."""
    path = await link(api)
    answers = [await api.caller.post(path, data=ONE_CLICK) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert await api.events() == [("contact:1", "unsubscribed")]


async def test_an_altered_link_does_nothing(api: Api) -> None:
    """A link that is not exactly one of ours is refused with a page in words."""
    path = await link(api)
    for altered in (path[:-1], path + "x", path.replace("/1.", "/2."), path.replace(".", "", 1)):
        for method in ("GET", "POST"):
            answered = await api.caller.request(method, altered)
            assert answered.status_code == 403
            assert "This link does not work" in answered.text
    assert await api.events() == []


async def test_a_link_of_another_key_does_nothing(api: Api) -> None:
    """Whoever does not know the signing key makes no links."""
    contact = await api.world.record("contact:1")
    assert (await api.caller.post(made_by("t" * 40, contact))).status_code == 403
    assert await api.events() == []


async def test_a_contact_that_is_gone_is_told_the_same(api: Api) -> None:
    """Nobody learns from a link whether a contact is still there."""
    answered = await api.caller.post(made_by(SIGNING_KEY, RecordRef.parse("contact:9")), data=ONE_CLICK)
    assert (answered.status_code, "You are unsubscribed" in answered.text) == (200, True)


async def test_without_a_signing_key_no_link_works(serve: Serve) -> None:
    """Where no links are made, none is taken."""
    async with serve(KEY) as caller:
        assert (await caller.post(made_by(SIGNING_KEY, RecordRef.parse("contact:1")))).status_code == 403


async def said(api: Api) -> list[tuple[str | None, str, str]]:
    """Give what the contact has said, the oldest first."""
    rows = await api.world.pool.fetch("select subscription, state, by_whom from consent order by seq")
    return [(row["subscription"], row["state"], row["by_whom"]) for row in rows]


async def defined(world: World, name: str) -> None:
    """Publish a subscription type."""
    async with world.pool.acquire() as connection:
        await save(connection, [SubscriptionContent("newsletter", name)])


async def newsletter(api: Api) -> str:
    """Define a subscription, and give the path of the link in an e-mail of it."""
    await defined(api.world, "News & more")
    return await link(api, subscription="newsletter")


async def test_a_click_ends_what_the_email_was_of(api: Api) -> None:
    """An e-mail of a subscription ends that one, and the page names it; one of none ends all e-mail."""
    path = await newsletter(api)
    assert "News &amp; more" in (await api.caller.get(path)).text
    await api.caller.post(path, data=ONE_CLICK)
    await api.caller.post(made_by(SIGNING_KEY, RecordRef.parse("contact:1"), "mail-2"), data=ONE_CLICK)
    assert await said(api) == [("newsletter", "opted_out", "contact"), (None, "opted_out", "contact")]


async def test_the_page_offers_to_end_all_email(api: Api) -> None:
    """By its second button; mailboxes never press it."""
    path = await newsletter(api)
    page = await api.caller.get(path)
    assert (page.text.count('<form method="post">'), 'name="scope" value="all"' in page.text) == (2, True)
    await api.caller.post(path, data={"scope": "all"})
    assert await said(api) == [(None, "opted_out", "contact")]


async def test_of_a_subscription_that_is_gone_all_email_is_ended(api: Api) -> None:
    """Nobody who asks for less e-mail is told that there is nothing to end."""
    path = await link(api, subscription="of-last-year")
    await api.caller.post(path, data=ONE_CLICK)
    assert await said(api) == [(None, "opted_out", "contact")]


async def test_an_old_link_works_after_signing_up_again(api: Api) -> None:
    """The same link, clicked before and after: the second click is honoured, and a third says nothing new."""
    path = await newsletter(api)
    await api.caller.post(path, data=ONE_CLICK)
    await api.world.client.publish_event("subscribed", "contact:1", {"subscription": "newsletter"})
    await api.caller.post(path, data=ONE_CLICK)
    await api.caller.post(path, data=ONE_CLICK)
    assert [state for _, state, _ in await said(api)] == ["opted_out", "opted_in", "opted_out"]


async def test_one_click_from_the_email_to_the_next_send(api: Api) -> None:
    """A real e-mail's own header, taken by a real mailbox: the next e-mail of that kind is skipped, another one not."""
    world = api.world
    await defined(world, "Newsletter")
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com")
    world.links = SignedLinks(str(api.caller.base_url), SIGNING_KEY)
    news = {"subject": "News", "text": "Old news.", "subscription": "newsletter"}

    def step(node: str, **said: str) -> Perform:
        fields = {"id": node, "name": node, "edges": {}, "kind": "send_email", "place": "outside"}
        return Perform.model_validate({**fields, "config": complete(SendEmail, said)})

    async with catching() as catcher:
        given = {"host": "127.0.0.1", "port": catcher.port, "sender": "a@acme.example"}
        world.mailer = mailer = SmtpMailer(SmtpSettings.model_validate(given))  # type: ignore[assignment]  # sends
        drawn = flow(
            world.key("news"),
            step("first", **news),
            wait("gone", "unsubscribed"),
            step("second", **news),
            step("receipt", subject="Receipt", text="You paid."),
        )
        revision = await world.publish(drawn)
        async with world.serving():
            enrollment = await world.enroll(revision, anna)
            await world.at(enrollment, "gone", "asleep")
            url = message_from_bytes(catcher.contents[0])["List-Unsubscribe"].strip("<>")
            async with stranger(api) as mailbox:
                assert (await mailbox.post(url, data=ONE_CLICK)).status_code == 200
            assert await world.ended(enrollment) == "completed"
        await mailer.close()
    assert await world.path(enrollment) == [
        ("first", "sent"),
        ("gone", "happened"),
        ("second", "skipped: unsubscribed"),
        ("receipt", "sent"),
    ]
    assert [message_from_bytes(each)["Subject"] for each in catcher.contents] == ["News", "Receipt"]


async def test_a_bounce_told_over_http_stops_email(api: Api) -> None:
    """What a mail provider tells of an address holds for it from then on."""
    await api.world.record("contact:1", email="anna@example.com")
    told = {"id": "b1", "type": "email_bounced", "record": "contact:1", "properties": {"kind": "hard"}}
    assert (await api.caller.post("/v1/events", json=told)).is_success
    assert await api.world.pool.fetchval("select bounced_address from contact_standing") == "anna@example.com"
