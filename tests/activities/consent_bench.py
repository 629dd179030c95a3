"""Consent, real and in memory, on which the tests of both run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activities.consent import ConsentSettings
from activities.effects import Consent, Sending
from activities.fakes import FakeConsent, Said
from activities.gateways.postgres_consent import PostgresConsent
from tests.activities.doing import SOURCE
from tests.world import World

ENROLLMENT = "00000000-0000-0000-0000-000000000001"
SUBSCRIPTIONS = {"newsletter": "email", "offers": "email", "texts": "sms"}


@dataclass
class ConsentBench:
    """Consent under some settings, three subscriptions, and what a contact says itself."""

    open: Callable[[ConsentSettings], AbstractAsyncContextManager[Consent]]
    hears: Callable[[str, dict[str, Any]], Awaitable[None]]
    """An event of the contact `1`, told by somebody who is not us."""

    async def judged(self, visit: int = 1, address: str = "a@x.fi", *, settings: Any = None, **fields: Any) -> str:
        """Ask whether the contact `1` may be sent an e-mail; give the code of why not."""
        async with self.open(ConsentSettings(**(settings or {}))) as consent:
            return (await consent.admit(sending(visit, **fields), {"1": address})).get("1", "")


def sending(visit: int = 1, **fields: Any) -> Sending:
    """Give an e-mail that the visit sends, of no subscription unless it is said."""
    source = type(SOURCE)(SOURCE.flow, SOURCE.revision, SOURCE.node, ENROLLMENT)
    plain = {"email": "welcome", "subscription": None, "marketing": False, "once": False}
    return Sending(**{**plain, **fields}, source=source, visit=visit)


def in_memory() -> ConsentBench:
    """Make a bench in memory."""
    fake = FakeConsent(subscriptions=SUBSCRIPTIONS, clock=lambda: datetime.now(UTC))

    @asynccontextmanager
    async def opened(settings: ConsentSettings) -> AsyncIterator[Consent]:
        fake.settings = settings
        yield fake

    async def hears(type_: str, properties: dict[str, Any]) -> None:
        if type_ == "email_bounced":
            fake.bounced["1"] = "a@x.fi"
        else:
            state: Any = "opted_in" if type_ == "subscribed" else "opted_out"
            basis = properties.get("legal_basis", "")
            fake.words.append(Said("1", properties.get("subscription"), state, basis=basis))

    return ConsentBench(opened, hears)


async def in_postgres(world: World) -> ConsentBench:
    """Make a bench on PostgreSQL."""
    await world.record("contact:1", email="a@x.fi")
    await world.pool.executemany(
        "insert into subscription (key, name, channel) values ($1, $1, $2)", [*SUBSCRIPTIONS.items()]
    )

    @asynccontextmanager
    async def opened(settings: ConsentSettings) -> AsyncIterator[Consent]:
        async with world.pool.acquire() as connection, connection.transaction():
            yield PostgresConsent(connection, settings)

    async def hears(type_: str, properties: dict[str, Any]) -> None:
        query = "insert into event (type, record_type, record_id, properties) values ($1, 'contact', '1', $2)"
        await world.pool.execute(query, type_, properties)

    return ConsentBench(opened, hears)
