"""Text messages as Twilio tells of them: how far one came, and what is texted to us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg
from pydantic import JsonValue

from activities.effects import Texted
from activities.twilio_words import OPTED_OUT, Wish
from workflows.model.records import RecordRef

SOURCE = "twilio"

_NEWS = "select phone from text_came_to($1, $2, $3, 0, $4)"
_OPT_OUT = "insert into text_opt_out (phone, why) values ($1, $2) on conflict do nothing"
_OPT_IN = "delete from text_opt_out where phone = $1"
_KNOWN = "select exists (select from text_received where sid = $1)"
_RECEIVE = "insert into text_received (sid, phone, text) values ($1, $2, $3) on conflict do nothing returning true"
_EVENT = """
insert into event (source, source_id, type, record_type, record_id, properties)
values ($1, $2, $3, $4, $5, $6) on conflict do nothing
"""

_TEXTED = """
select type, id from (
  select m.type, m.id, max(m.began_at) as last from text_message m
    join record r on r.type = m.type and r.id = m.id and r.archived_at is null
   where m.phone = $1 group by m.type, m.id) texted
 order by last desc limit 10
"""

# A number may be written without its country, and then with zeros in front: what is left of it ends the whole number.
_WITH_NUMBER = """
select type, id from (
  select type, id, ltrim(regexp_replace(properties->>'phone', '\\D', '', 'g'), '0') as digits
    from record where type = 'contact' and archived_at is null and properties ? 'phone') contacts
 where length(digits) >= 7 and right($1, length(digits)) = digits
 order by id limit 10
"""


@dataclass(frozen=True)
class Received:
    """What somebody texted, to which of our numbers, and what it is read as."""

    sid: str
    phone: str
    to: str
    text: str
    wish: Wish | None


async def take_status(pool: asyncpg.Pool[Any], effect: str, texted: Texted) -> None:
    """Take what became of the message that was sent under the key of an effect; what is known already changes nothing.

    Where the number turns out to have opted out, that is kept.
    """
    async with pool.acquire() as connection, connection.transaction():
        phone = await connection.fetchval(_NEWS, effect, texted.sid, texted.state, texted.error)
        if phone and texted.error == str(OPTED_OUT):
            await connection.execute(_OPT_OUT, phone, texted.error)


async def take_text(pool: asyncpg.Pool[Any], received: Received) -> None:
    """Take what was texted to us, once.

    A wish to hear no more counts before all else, and whoever's number it is; then the contacts with that number have
    the event `sms_received`, and `sms_opted_out` or `sms_opted_in` where that is what was texted.
    """
    if await pool.fetchval(_KNOWN, received.sid):
        return
    if received.wish == "stop":
        await pool.execute(_OPT_OUT, received.phone, _storable(received.text.strip()[:80]))
    if received.wish == "start":
        await pool.execute(_OPT_IN, received.phone)
    contacts = await _contacts(pool, received.phone)
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(_RECEIVE, received.sid, received.phone, _storable(received.text)):
            return
        for contact in contacts:
            for event in _told_by(received):
                said: dict[str, JsonValue] = {"sid": received.sid, "text": received.text, "to": received.to}
                await _happened(connection, f"{received.sid} {event} {contact}", event, contact, said)


async def _contacts(pool: asyncpg.Pool[Any], phone: str) -> list[RecordRef]:
    """Give the contacts that were texted at a number; else those who have it as their phone."""
    digits = phone.removeprefix("+")
    found = await pool.fetch(_TEXTED, phone) or await pool.fetch(_WITH_NUMBER, digits, timeout=30)
    return [RecordRef(type=row["type"], id=row["id"]) for row in found]


def _told_by(received: Received) -> list[str]:
    beside = {"stop": ["sms_opted_out"], "start": ["sms_opted_in"]}.get(received.wish or "", [])
    return [*beside, "sms_received"]


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL."""
    return text.replace("\0", "\ufffd")


async def _happened(
    connection: Any,  # noqa: ANN401 - asyncpg's connections of pools are proxies
    source_id: str,
    type_: str,
    record: RecordRef,
    said: dict[str, JsonValue],
) -> None:
    await connection.execute(_EVENT, SOURCE, source_id, type_, record.type, record.id, said)
