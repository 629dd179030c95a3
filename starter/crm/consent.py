"""Consent as people look after it: subscription types, what a contact has said, and writing down what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import JsonValue

from activities.effects import OptState, SubscriptionContent
from starter.patience import PATIENCE
from workflows.model.errors import FlowError, NotThere
from workflows.model.records import RecordRef

Channel = Literal["email", "sms"]

_CHANNEL = "select channel from subscription where key = $1 for update"

_SAVE = """
insert into subscription as s (key, name, channel, description) values ($1, $2, $3, $4)
on conflict (key) do update set name = excluded.name, description = excluded.description
 where (s.name, s.description) is distinct from (excluded.name, excluded.description) returning 1
"""

_NEWEST = """
select distinct on (subscription, channel, contact) subscription, channel, contact, state, by_whom, basis,
       explanation, source, at, seq
  from consent order by subscription, channel, contact, seq desc
"""

_SUBSCRIPTIONS = f"""
with newest as ({_NEWEST})
select s.key, s.name, s.channel, s.description, count(*) filter (where n.state = 'opted_in') as opted_in,
       count(*) filter (where n.state = 'opted_out') as opted_out
  from subscription s left join newest n on n.subscription = s.key group by s.key order by s.key
"""  # noqa: S608 - of a constant

_WORDS = """
select distinct on (subscription, channel) subscription, channel, state, by_whom, basis, explanation, source, at
  from consent where contact = $1 order by subscription nulls first, channel, seq desc
"""

_STANDING = "select marketing, marketing_until, bounced_address, bounced_at from contact_standing where contact = $1"

# The newest word on a subscription of e-mail or on all of it.
_SAID = """
select state from consent where contact = $1 and channel = 'email' and (subscription is null or subscription = $2)
 order by seq desc limit 1
"""

_SAY = """
with held as (
  insert into contact_standing (contact) values ($1)
  on conflict (contact) do update set held_at = clock_timestamp() returning contact),
said as (
  insert into consent (contact, channel, subscription, state, basis, explanation, by_whom, source)
  select contact, coalesce((select channel from subscription where key = $2), 'email'), $2, $3, $4, $5, 'hand', $6
    from held returning *)
insert into event (source, type, record_type, record_id, properties)
select 'perdure', 'subscription_changed', 'contact', contact, jsonb_strip_nulls(
       jsonb_build_object('subscription', subscription, 'state', state, 'by', source)) from said
"""


@dataclass(frozen=True)
class Subscription:
    """A subscription type, and how many contacts last said that they want it, and that they do not."""

    key: str
    name: str
    channel: Channel
    description: str
    opted_in: int
    opted_out: int


@dataclass(frozen=True)
class Word:
    """The newest word on a subscription, or on all of a channel where that is None; whose it is, and why."""

    subscription: str | None
    channel: Channel
    state: OptState
    by_whom: Literal["contact", "flow", "hand"]
    basis: str
    explanation: str
    source: dict[str, JsonValue]
    at: datetime


@dataclass(frozen=True)
class ConsentPage:
    """What is known of a contact's consent; `marketing` None means that nobody has said."""

    words: tuple[Word, ...]
    marketing: bool | None = None
    marketing_until: datetime | None = None
    bounced_address: str | None = None
    bounced_at: datetime | None = None


async def subscriptions(pool: asyncpg.Pool[Any]) -> tuple[Subscription, ...]:
    """Give all subscription types, by key."""
    return tuple(Subscription(**dict(row)) for row in await pool.fetch(_SUBSCRIPTIONS, timeout=PATIENCE))


async def save(connection: PoolConnectionProxy[Any], content: SubscriptionContent) -> bool:
    """Keep a subscription type, in place of the earlier one of its key; tell whether that changed anything.

    Raise FlowError where it would be of another channel: what was said of it was said of the other.
    """
    channel = await connection.fetchval(_CHANNEL, content.key)
    if channel not in (None, content.channel):
        raise FlowError(f"the subscription type {content.key} is of the channel {channel}; make another for this one")
    columns = content.key, content.name, content.channel, content.description
    return await connection.fetchval(_SAVE, *columns) is not None


async def consent_of(pool: asyncpg.Pool[Any], record: RecordRef) -> ConsentPage | None:
    """Give what is known of a contact's consent, None for another record."""
    if record.type != "contact":
        return None
    words = tuple(Word(**dict(row)) for row in await pool.fetch(_WORDS, record.id))
    return ConsentPage(words, **dict(await pool.fetchrow(_STANDING, record.id) or {}))


async def has_opted_out(pool: asyncpg.Pool[Any], contact: str, subscription: str) -> bool:
    """Tell whether a contact's newest word on a subscription, or on all e-mail, is that it wants none."""
    return bool(await pool.fetchval(_SAID, contact, subscription or None) == "opted_out")


async def say(  # noqa: PLR0913 - what a word is
    pool: asyncpg.Pool[Any],
    contact: RecordRef,
    subscription: str | None,
    state: OptState,
    *,
    by: str,
    basis: str = "",
    explanation: str = "",
) -> None:
    """Write down by hand what a contact says of a subscription, or of all e-mail where that is None.

    It holds whatever was said before. Raise CallerError where there is no such contact or subscription.
    """
    known = await pool.fetchval("select count(*) from record where type = $1 and id = $2", contact.type, contact.id)
    if contact.type != "contact" or not known:
        raise NotThere(f"there is no contact {contact}" if contact.type == "contact" else f"{contact} is no contact")
    keys = [row["key"] for row in await pool.fetch("select key from subscription order by key")]
    if subscription is not None and subscription not in keys:
        there = f"there are {', '.join(keys)}" if keys else "a file with the top key `subscription` defines one"
        raise NotThere(f"there is no subscription {subscription!r}; {there}")
    await pool.execute(_SAY, contact.id, subscription, state, basis, explanation, {"who": by})
