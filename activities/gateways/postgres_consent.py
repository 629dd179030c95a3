"""Consent in PostgreSQL, under the lock of each contact's row."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from activities.action import Refused
from activities.consent import Standing, by, non_marketing_from, stands, turned_down
from activities.effects import Chosen, MarketingStatus
from activities.gateways.postgres import storable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncpg.pool import PoolConnectionProxy

    from activities.consent import ConsentSettings
    from activities.effects import Choice, Sending, Source

# An upsert, so that the newest row is read, not the one that this statement began with.
_HOLD = """
insert into contact_standing as s (contact) select id from unnest($1::text[]) as c (id) order by id collate "C"
on conflict (contact) do update set held_at = clock_timestamp()
returning is_marketing(s, $2) as marketing, marketing_until, clock_timestamp() as now
"""

_CHANNEL = "select channel from subscription where key = $1"

# The newest word on the subscription or on all of it.
_SAID = """
select state, basis, by_whom from consent
 where contact = c.id and channel = coalesce((select channel from subscription where key = $2), 'email')
   and (subscription is null or subscription = $2)
 order by seq desc limit 1
"""

_STANDING = "select * from stand_for_email($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"

_TAKE_OUT = "delete from email_sent where enrollment = $1 and visit = $2 and contact = any ($3)"

_CHOICE = f"select * from (select $1::text as id) as c, lateral ({_SAID}) as said"

_CHOOSE = """
with chosen as (
  insert into consent (contact, channel, subscription, state, basis, explanation, by_whom, source)
  values ($1, $2, $3, $4, $5, $6, $7, $8) returning *)
insert into event (source, type, record_type, record_id, properties)
select 'perdure', 'subscription_changed', 'contact', contact,
       jsonb_build_object('subscription', subscription, 'state', state, 'by', source) from chosen
"""

_MARKET = "update contact_standing set marketing = $2, marketing_until = $3 where contact = $1"


class PostgresConsent:
    """What contacts have agreed to, as one connection's transaction sees it."""

    def __init__(self, connection: PoolConnectionProxy[Any], settings: ConsentSettings) -> None:
        """Read and write through `connection`."""
        self._connection, self._settings = connection, settings

    async def admit(self, sending: Sending, contacts: Mapping[str, str]) -> Mapping[str, str]:
        """See Consent."""
        rows = await self._standing(sending, contacts, goes=True)
        refused = self._refused(rows, sending, contacts)
        if wrongly := [row["id"] for row in rows if row["written"] and row["id"] in refused]:
            await self._connection.execute(_TAKE_OUT, sending.source.enrollment, sending.visit, wrongly)
        return refused

    async def judge(self, sending: Sending, contacts: Mapping[str, str]) -> Mapping[str, str]:
        """See Consent."""
        return self._refused(await self._standing(sending, contacts, goes=False), sending, contacts)

    async def choose(self, contact: str, choice: Choice, source: Source) -> Chosen:
        """See Consent."""
        channel = await self._check(choice.subscription)
        if choice.state == "opted_in" and self._settings.legal_basis and not choice.basis:
            raise Refused("no_legal_basis", choice.subscription)
        await self._hold([contact])
        said = await self._connection.fetchrow(_CHOICE, contact, choice.subscription)
        kept = stands(said["state"], said["by_whom"], choice.state, source) if said else ""
        if kept:
            return Chosen(said["state"] if said else choice.state, kept)
        written = (choice.state, choice.basis, storable(choice.explanation), by(source), asdict(source))
        await self._connection.execute(_CHOOSE, contact, channel, choice.subscription, *written)
        return Chosen(choice.state)

    async def set_marketing(self, contact: str, *, marketing: bool, zone: str) -> MarketingStatus:
        """See Consent."""
        [held] = await self._hold([contact])
        until = held["marketing_until"]
        if not marketing and not held["marketing"]:
            return MarketingStatus(marketing=False)
        if not marketing and until is None:
            until = non_marketing_from(held["now"], zone, self._settings.renewal)
        status = MarketingStatus(marketing=True, until=None if marketing else until)
        await self._connection.execute(_MARKET, contact, status.marketing, status.until)
        return status

    async def _standing(self, sending: Sending, contacts: Mapping[str, str], *, goes: bool) -> list[Mapping[str, Any]]:
        """Hold contacts and read where they stand; write down that the e-mail goes to them, if it `goes`."""
        source = sending.source
        visit = (source.enrollment, sending.visit, source.flow, source.node)
        asked = (*visit, sending.email, sending.marketing, sending.once, self._settings.marketing_by_default, goes)
        rows = list(await self._connection.fetch(_STANDING, list(contacts), sending.subscription, *asked))
        if contacts and not rows:
            raise Refused("unknown_subscription", str(sending.subscription))
        return rows

    def _refused(
        self, rows: Sequence[Mapping[str, Any]], sending: Sending, contacts: Mapping[str, str]
    ) -> dict[str, str]:
        judged = {row["id"]: turned_down(_stands(row, contacts[row["id"]]), sending, self._settings) for row in rows}
        return {contact: code for contact, code in judged.items() if code}

    async def _hold(self, contacts: Sequence[str]) -> list[Mapping[str, Any]]:
        """Lock contacts, and read their rows as they are now."""
        return list(await self._connection.fetch(_HOLD, contacts, self._settings.marketing_by_default))

    async def _check(self, subscription: str) -> str:
        channel: str | None = await self._connection.fetchval(_CHANNEL, subscription)
        if channel is None:
            raise Refused("unknown_subscription", subscription)
        return channel


def _stands(row: Mapping[str, Any], address: str) -> Standing:
    told = {name: row[name] for name in ("marketing", "said", "basis", "sent_today", "had_it")}
    bounced = (row["bounced_address"] or "").casefold() == address.casefold() and bool(address)
    return Standing(bounced=bounced, **told)
