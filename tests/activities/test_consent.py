"""Who may be written to, in PostgreSQL and in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from activities.action import Refused
from activities.consent import ConsentSettings, non_marketing_from
from activities.effects import ByHand, Choice, Chosen, MarketingStatus
from activities.gateways.postgres_consent import PostgresConsent
from tests.activities import consent_bench
from tests.activities.consent_bench import ConsentBench, sending
from tests.activities.doing import SOURCE
from tests.until import until
from tests.world import World

PLAIN = ConsentSettings()
MARKETING: dict[str, Any] = {"marketing": True, "subscription": "newsletter"}

OFFERS: dict[str, Any] = {"subscription": "offers"}
NONE: dict[str, Any] = {}


@pytest.fixture
async def bench(servers: World | None) -> ConsentBench:
    """The same bench on PostgreSQL and in memory."""
    return await consent_bench.in_postgres(servers) if servers else consent_bench.in_memory()


async def choose(bench: ConsentBench, state: Any, by: Any = SOURCE, of: str = "newsletter", basis: str = "") -> Chosen:
    async with bench.open(PLAIN) as consent:
        return await consent.choose("1", Choice(of, state, basis), by)


async def test_whoever_has_said_nothing_may_be_written_to(bench: ConsentBench) -> None:
    """By default, of a subscription or none, for marketing or not."""
    assert [await bench.judged(), await bench.judged(2, **MARKETING)] == ["", ""]


async def test_judging_alone_writes_nothing_down(bench: ConsentBench) -> None:
    """What may be sent is not sent yet, so one that goes once still goes; who may not be written to is told."""
    async with bench.open(PLAIN) as consent:
        assert await consent.judge(sending(once=True), {"1": "a@x.fi"}) == {}
    assert await bench.judged(2, once=True) == ""
    await bench.hears("unsubscribed", {})
    async with bench.open(PLAIN) as consent:
        assert await consent.judge(sending(), {"1": "a@x.fi"}) == {"1": "unsubscribed"}


async def test_who_ended_all_email_gets_none(bench: ConsentBench) -> None:
    """Whatever the subscription, and of none, too."""
    await bench.hears("unsubscribed", {})
    judged = [await bench.judged(**fields) for fields in (NONE, MARKETING, OFFERS)]
    assert judged == ["unsubscribed"] * 3


async def test_who_ended_one_subscription_gets_the_others(bench: ConsentBench) -> None:
    """The link of an e-mail ends what that e-mail was of."""
    await bench.hears("unsubscribed", {"subscription": "newsletter"})
    judged = [await bench.judged(**fields) for fields in (MARKETING, OFFERS, NONE)]
    assert judged == ["unsubscribed", "", ""]


async def test_the_newest_word_counts(bench: ConsentBench) -> None:
    """Who ends all e-mail and signs up for one thing later gets that one thing, and no other."""
    await bench.hears("unsubscribed", {})
    await bench.hears("subscribed", {"subscription": "newsletter"})
    judged = [await bench.judged(**fields) for fields in (MARKETING, OFFERS, NONE)]
    assert judged == ["", "unsubscribed", "unsubscribed"]
    await bench.hears("unsubscribed", {})
    assert await bench.judged(**MARKETING) == "unsubscribed"


async def test_an_address_that_bounced_for_good_is_not_written_to(bench: ConsentBench) -> None:
    """Another address of the contact is."""
    await bench.hears("email_bounced", {"kind": "hard"})
    assert [await bench.judged(address=to) for to in ("A@X.fi", "b@x.fi")] == ["bounced", ""]


async def test_marketing_goes_to_marketing_contacts(bench: ConsentBench) -> None:
    """Of whom nobody has said, the settings tell; and what is no marketing is sent all the same."""
    strict = {"marketing_by_default": False}
    assert [await bench.judged(settings=strict, **MARKETING), await bench.judged(settings=strict)] == [
        *("non_marketing", "")
    ]
    async with bench.open(PLAIN) as consent:
        assert await consent.set_marketing("1", marketing=True, zone="UTC") == MarketingStatus(marketing=True)
    assert await bench.judged(settings=strict, **MARKETING) == ""


async def test_a_legal_basis_is_asked_where_the_installation_says(bench: ConsentBench) -> None:
    """An opt-in without one is not enough, and an e-mail that is no marketing needs none."""
    strict = {"legal_basis": True}
    assert await bench.judged(settings=strict, **MARKETING) == "no_legal_basis"
    await choose(bench, "opted_in")
    assert await bench.judged(settings=strict, **MARKETING) == "no_legal_basis"
    await bench.hears("subscribed", {"subscription": "newsletter", "legal_basis": "consent_with_notice"})
    assert [await bench.judged(settings=strict, **fields) for fields in (MARKETING, NONE)] == ["", ""]
    async with bench.open(ConsentSettings(legal_basis=True)) as consent:
        with pytest.raises(Refused, match="no_legal_basis"):
            await consent.choose("1", Choice("offers", "opted_in"), SOURCE)


async def test_the_same_email_goes_once_where_that_is_asked(bench: ConsentBench) -> None:
    """From any flow; the visit that sent it is no other, for it may try again."""
    assert await bench.judged(1) == ""
    judged = [await bench.judged(visit, once=True, email=email) for visit, email in ((1, "welcome"), (2, "welcome"))]
    assert [*judged, await bench.judged(2, once=True, email="other"), await bench.judged(3)] == [
        *("", "already_sent", "", "")
    ]


async def test_more_emails_in_a_day_than_the_cap_are_a_loop(bench: ConsentBench) -> None:
    """Each visit counts once, however often it is tried."""
    cap = {"most_a_day": 2}
    judged = [await bench.judged(visit, settings=cap) for visit in (1, 1, 1, 2, 3, 2, 4)]
    assert judged == ["", "", "", "", "too_many_emails", "", "too_many_emails"]


async def test_whoever_was_turned_down_was_not_written_to(bench: ConsentBench) -> None:
    """It counts for no cap; but what an earlier attempt may have sent stays written down."""
    judged = [await bench.judged(visit, settings={"most_a_day": 1}) for visit in (1, 2)]
    assert [*judged, await bench.judged(3, settings={"most_a_day": 2})] == ["", "too_many_emails", ""]
    await bench.hears("email_bounced", {"kind": "hard"})
    judged = [await bench.judged(1, email="other"), await bench.judged(4, "b@x.fi", once=True)]
    assert judged == ["bounced", "already_sent"]


async def test_a_flow_opts_in_and_out(bench: ConsentBench) -> None:
    """A choice that is made already stays as it is."""
    assert await choose(bench, "opted_out") == Chosen("opted_out")
    assert await bench.judged(**MARKETING) == "unsubscribed"
    assert await choose(bench, "opted_out") == Chosen("opted_out", "same")
    assert await choose(bench, "opted_in") == Chosen("opted_in")
    assert await bench.judged(**MARKETING) == ""


@pytest.mark.parametrize("told", [{}, {"subscription": "newsletter"}])
async def test_no_flow_opts_in_who_opted_out_itself(bench: ConsentBench, told: dict[str, Any]) -> None:
    """Of all or of the one; a person may write down that the contact has asked for it again."""
    await bench.hears("unsubscribed", told)
    assert await choose(bench, "opted_in") == Chosen("opted_out", "own")
    assert await bench.judged(**MARKETING) == "unsubscribed"
    assert await choose(bench, "opted_in", ByHand("ann")) == Chosen("opted_in")
    assert await bench.judged(**MARKETING) == ""


async def test_what_there_is_not_is_refused(bench: ConsentBench) -> None:
    """A subscription that nobody has defined, and an e-mail of one for text messages; which may be chosen, though."""
    for subscription in ("none", "texts"):
        with pytest.raises(Refused, match="unknown_subscription"):
            await bench.judged(subscription=subscription)
    with pytest.raises(Refused, match="unknown_subscription"):
        await choose(bench, "opted_in", of="none")
    assert await choose(bench, "opted_out", of="texts") == Chosen("opted_out")
    assert await bench.judged() == ""


async def test_out_of_marketing_is_pending_until_its_day(bench: ConsentBench) -> None:
    """Until then it is one for marketing; asked again the day stays, and being made one again takes it back."""
    async with bench.open(PLAIN) as consent:
        pending = await consent.set_marketing("1", marketing=False, zone="Europe/Helsinki")
        assert (pending.marketing, (pending.until or datetime.min.replace(tzinfo=UTC)) > datetime.now(UTC)) == (
            True,
            True,
        )
        assert await consent.set_marketing("1", marketing=False, zone="UTC") == pending
    assert await bench.judged(**MARKETING) == ""
    async with bench.open(PLAIN) as consent:
        assert await consent.set_marketing("1", marketing=True, zone="UTC") == MarketingStatus(marketing=True)
    async with bench.open(ConsentSettings(marketing_by_default=False)) as consent:
        assert await consent.set_marketing("2", marketing=False, zone="UTC") == MarketingStatus(marketing=False)


async def test_when_its_day_has_come_it_is_none(world: World) -> None:
    """By the day in its row: nothing has to run for it."""
    bench = await consent_bench.in_postgres(world)
    async with bench.open(PLAIN) as consent:
        await consent.set_marketing("1", marketing=False, zone="UTC")
    await world.pool.execute("update contact_standing set marketing_until = clock_timestamp()")
    assert await bench.judged(**MARKETING) == "non_marketing"
    async with bench.open(PLAIN) as consent:
        assert await consent.set_marketing("1", marketing=False, zone="UTC") == MarketingStatus(marketing=False)


@pytest.mark.parametrize(
    ("now", "zone", "renewal", "day"),
    [
        ("2026-01-15T12:00+00:00", "UTC", None, "2026-02-01T00:00+00:00"),
        ("2026-12-31T23:30+00:00", "UTC", None, "2027-01-01T00:00+00:00"),
        ("2026-12-31T23:30+00:00", "Europe/Helsinki", None, "2027-01-31T22:00+00:00"),
        ("2026-03-10T12:00+00:00", "UTC", "2024-03-15", "2026-03-15T00:00+00:00"),
        ("2026-03-15T12:00+00:00", "UTC", "2024-03-15", "2026-04-01T00:00+00:00"),
        ("2026-02-20T12:00+00:00", "UTC", "2024-02-29", "2026-03-01T00:00+00:00"),
    ],
)
def test_out_of_marketing_on_the_first_or_at_the_renewal(now: str, zone: str, renewal: str | None, day: str) -> None:
    """Whichever is first, as the zone's clocks show it; a renewal comes again every year."""
    renews = date.fromisoformat(renewal) if renewal else None
    assert non_marketing_from(datetime.fromisoformat(now), zone, renews) == datetime.fromisoformat(day)


async def test_what_surely_went_to_nobody_does_not_count(world: World) -> None:
    """An e-mail that was turned down is neither a duplicate nor one of the day."""
    bench = await consent_bench.in_postgres(world)
    assert await bench.judged(1) == ""
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(
            "insert into visit (enrollment, visit, node, kind, revision, state, answer)"
            " values ($1, 1, 'n', 'send_email', 'r', 'done', $2)",
            *(consent_bench.ENROLLMENT, {"outcome": "failed"}),
        )
    assert await bench.judged(2, once=True, settings={"most_a_day": 1}) == ""


async def test_a_cap_holds_under_concurrency(world: World) -> None:
    """Ten at once, of whom three may: they are counted under the contact's lock."""
    bench = await consent_bench.in_postgres(world)
    judged = await asyncio.gather(*(bench.judged(visit, settings={"most_a_day": 3}) for visit in range(10)))
    assert sorted(judged) == ["", "", ""] + ["too_many_emails"] * 7


async def test_an_opt_out_waits_for_the_send_that_precedes_it(world: World) -> None:
    """So no send is written down after the opt-out that it did not see."""
    bench = await consent_bench.in_postgres(world)
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await PostgresConsent(connection, PLAIN).admit(sending(), {"1": "a@x.fi"}) == {}
        opting_out = asyncio.ensure_future(bench.hears("unsubscribed", {}))
        await until(world.blocked, what="the opt-out, which waits")
        await transaction.commit()
    await opting_out
    sent = await world.pool.fetchval("select at from email_sent")
    assert await world.pool.fetchval("select at from consent") > sent
    assert await bench.judged(2) == "unsubscribed"


async def test_words_are_kept_with_whose_they_are(world: World) -> None:
    """The proof: who said it, when, why and where; nothing is overwritten."""
    bench = await consent_bench.in_postgres(world)
    async with bench.open(PLAIN) as consent:
        await consent.choose("1", Choice("newsletter", "opted_in", "consent_with_notice", "the fair"), SOURCE)
    await bench.hears("marked_as_spam", {})
    rows = await world.pool.fetch("select * from consent order by seq")
    assert [(row["subscription"], row["state"], row["basis"], row["explanation"], row["by_whom"]) for row in rows] == [
        ("newsletter", "opted_in", "consent_with_notice", "the fair", "flow"),
        (None, "opted_out", "", "", "contact"),
    ]
    assert rows[0]["source"]["enrollment"] == SOURCE.enrollment
    assert rows[1]["source"]["event"] == str(
        await world.pool.fetchval("select id from event where type = 'marked_as_spam'")
    )
    assert rows[0]["at"] - rows[1]["at"] < timedelta()


@pytest.mark.parametrize(
    ("type_", "record", "source", "properties"),
    [
        ("email_bounced", "contact", "crm", {"kind": "soft"}),
        ("email_bounced", "contact", "crm", {}),
        ("subscribed", "contact", "crm", {"subscription": "unknown"}),
        ("unsubscribed", "company", "crm", {}),
        ("unsubscribed", "contact", "perdure", {}),
    ],
)
async def test_what_says_nothing_of_consent_changes_none(
    world: World, type_: str, record: str, source: str, properties: dict[str, Any]
) -> None:
    """A bounce that may pass, a sign-up for nothing we know, another record's event, and our own."""
    bench = await consent_bench.in_postgres(world)
    query = "insert into event (type, record_type, record_id, source, properties) values ($1, $2, '1', $3, $4)"
    await world.pool.execute(query, type_, record, source, properties)
    assert await bench.judged(**MARKETING) == ""


async def test_an_opt_out_of_something_forgotten_is_one_of_all(world: World) -> None:
    """Rather too little e-mail than one that was turned down."""
    bench = await consent_bench.in_postgres(world)
    await bench.hears("unsubscribed", {"subscription": "of-last-year"})
    assert await bench.judged() == "unsubscribed"
