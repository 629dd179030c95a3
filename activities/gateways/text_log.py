"""The log of text messages, in PostgreSQL: what was begun and what it came to, and who opted out.

It is written around each request to the provider, outside any visit: so that an attempt knows of the one before it,
and a STOP counts that came while a text was put off.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from activities.effects import Texted, TextMessage
from activities.gateways.postgres import storable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

# Whoever comes second waits for the first to commit, and finds its row.
_BEGIN = """
insert into text_message (effect, phone, type, id)
select $1, $2, $3, $4 where not exists (select from text_opt_out where phone = $2)
on conflict (effect) do nothing returning true
"""
_BEGUN = "select sid, state, segments, error, began_at from text_message where effect = $1"
_OPTED_OUT = "select phone from text_opt_out where phone = any ($1)"
_SETTLE = "select true from text_came_to($1, $2, $3, $4, $5)"
_TAKEN = "select sid from text_message where sid = any ($1)"
_KNOWN = "select sid, state, segments, error from text_message where sid = any ($1)"
_NEWS = "select count(*) from text_message m, text_came_to(m.effect, m.sid, $2, $3, $4) where m.sid = $1"
_FORGET = "delete from text_message where effect = $1 and sid is null"
_OPT_OUT = "insert into text_opt_out (phone, why) values ($1, $2) on conflict do nothing"


@dataclass(frozen=True)
class Begun:
    """What is known of a message that is to be sent: when it was first begun, if before; what it came to, if known."""

    opted_out: bool = False
    before: datetime | None = None
    texted: Texted | None = None


class TextLog:
    """The log, on a pool."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        """Read and write through `pool`."""
        self._pool = pool

    async def begin(self, message: TextMessage, key: str) -> Begun:
        """Write down that a message is about to be sent, unless its number opted out."""
        contact = (message.contact.type, message.contact.id) if message.contact else (None, None)
        if await self._pool.fetchval(_BEGIN, key, message.to, *contact):
            return Begun()
        opted_out = bool(await self._pool.fetch(_OPTED_OUT, [message.to]))
        row = await self._pool.fetchrow(_BEGUN, key)
        if row is None:
            return Begun(opted_out=opted_out)
        return Begun(opted_out, row["began_at"], _texted(row) if row["sid"] else None)

    async def settle(self, key: str, texted: Texted) -> bool:
        """Write down what a message came to; tell whether it was news, and the message is not another effect's."""
        try:
            found = (key, texted.sid, texted.state, texted.segments, texted.error)
            return bool(await self._pool.fetchval(_SETTLE, *found))
        except asyncpg.UniqueViolationError:
            return False

    async def news(self, texted: Texted) -> None:
        """Write down how far a message came, unless that is known already."""
        await self._pool.execute(_NEWS, texted.sid, texted.state, texted.segments, texted.error)

    async def forget(self, key: str) -> None:
        """Strike out a message that was surely not sent."""
        await self._pool.execute(_FORGET, key)

    async def taken(self, sids: Collection[str]) -> set[str]:
        """Give those of some messages that are known to be an effect's."""
        return {row["sid"] for row in await self._pool.fetch(_TAKEN, [*sids])}

    async def known(self, sids: Collection[str]) -> dict[str, Texted]:
        """Give what is known of some messages."""
        return {row["sid"]: _texted(row) for row in await self._pool.fetch(_KNOWN, [*sids])}

    async def opt_out(self, phone: str, why: str) -> None:
        """Keep that a number wants no more texts."""
        await self._pool.execute(_OPT_OUT, phone, storable(why))


class PostgresOptOuts:
    """Who opted out, within one connection's transaction."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        """Read through `connection`."""
        self._connection = connection

    async def of(self, numbers: Collection[str]) -> frozenset[str]:
        """See OptOuts."""
        return frozenset(row["phone"] for row in await self._connection.fetch(_OPTED_OUT, [*numbers]))


def _texted(row: asyncpg.Record) -> Texted:
    return Texted(row["sid"], row["state"], row["segments"], row["error"])
