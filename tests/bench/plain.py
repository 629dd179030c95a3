"""The same two journeys as one would write them by hand on the plain SDK: each step an ordinary activity.

It is meant to be good code of its kind: one short transaction a step, activities that may be repeated (an edit that is
there already changes nothing, e-mail and webhook carry the same key each time), and a row that says who is inside, for
the CRM must know. There is no ledger, no gate, no journal, no summaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from temporalio import activity, workflow
from temporalio.common import RetryPolicy

from activities.effects import ByHand, Http, Mail, Mailer, Request, SetTo
from activities.gateways.postgres_crm import PostgresCrm
from tests.bench.graphs import DELAY, EDITS
from workflows.model.records import RecordRef

QUEUE = "plain"

TABLE = """
create table if not exists inside (
  id         uuid primary key,
  journey    text not null,
  contact    text not null,
  entered_at timestamptz not null default clock_timestamp(),
  closed_at  timestamptz
);
create unique index if not exists inside_once on inside (journey, contact) where closed_at is null;
"""
ENTER = "insert into inside (id, journey, contact) values ($1, $2, $3) on conflict do nothing returning id"
_READ = "select properties from record where type = 'contact' and id = $1 and archived_at is null"
_CLOSE = "update inside set closed_at = clock_timestamp() where id = $1 and closed_at is null"

RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
TIMEOUT = timedelta(seconds=30)


@dataclass
class Contact:
    """Who walks: the row that says so, and the record."""

    id: str
    contact: str


@dataclass
class Edit:
    """A property to set."""

    contact: str
    name: str
    value: Any


@dataclass
class Message:
    """An e-mail or a request to send, under a key that is the same for every try."""

    contact: str
    key: str


@workflow.defn
class PlainJourney:
    """Enter, delay, e-mail, branch, e-mail."""

    @workflow.run
    async def run(self, who: Contact) -> None:
        await workflow.sleep(DELAY)
        await _do("send_welcome", Message(who.contact, f"{who.id}-welcome"))
        if await _ask("is_lead", who.contact):
            await _do("send_reminder", Message(who.contact, f"{who.id}-reminder"))
        await _do("close", who.id)


@workflow.defn
class PlainGraph:
    """Enter, delay, branch, three edits in a row, e-mail, branch, webhook, end."""

    @workflow.run
    async def run(self, who: Contact) -> None:
        await workflow.sleep(DELAY)
        if await _ask("is_lead", who.contact):
            for name, value in EDITS.items():
                await _do("edit", Edit(who.contact, name, value))
            await _do("send_welcome", Message(who.contact, f"{who.id}-welcome"))
            if await _ask("has_phone", who.contact):
                workflow.logger.debug("they can be called, too")
            await _do("tell_erp", Message(who.contact, f"{who.id}-erp"))
        await _do("close", who.id)


async def _do(name: str, argument: object) -> None:
    await workflow.execute_activity(name, argument, start_to_close_timeout=TIMEOUT, retry_policy=RETRY)


async def _ask(name: str, contact: str) -> bool:
    answer: bool = await workflow.execute_activity(
        name, contact, result_type=bool, start_to_close_timeout=TIMEOUT, retry_policy=RETRY
    )
    return answer


@dataclass(frozen=True)
class Steps:
    """The activities, on the same CRM and the same mail and web clients as all other ways."""

    pool: asyncpg.Pool[Any]
    mail: Mailer
    http: Http
    url: str

    @property
    def all(self) -> list[Any]:
        """Every activity."""
        return [
            *(self.is_lead, self.has_phone, self.edit, self.send_welcome, self.send_reminder, self.tell_erp),
            self.close,
        ]

    @activity.defn
    async def is_lead(self, contact: str) -> bool:
        return bool((await self._read(contact)).get("stage") == "lead")

    @activity.defn
    async def has_phone(self, contact: str) -> bool:
        return bool((await self._read(contact)).get("phone"))

    @activity.defn
    async def edit(self, edit: Edit) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            record = RecordRef(type="contact", id=edit.contact)
            await PostgresCrm(connection).edit([record], {edit.name: SetTo(edit.value)}, ByHand("journey"))

    @activity.defn
    async def send_welcome(self, message: Message) -> None:
        await self._send(message)

    @activity.defn
    async def send_reminder(self, message: Message) -> None:
        await self._send(message)

    @activity.defn
    async def tell_erp(self, message: Message) -> int:
        person = await self._read(message.contact)
        body = f'{{"email":"{person["email"]}"}}'.encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key}
        answer = await self.http.send(Request("POST", self.url, headers, body))
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status}")
        return answer.status

    @activity.defn
    async def close(self, id_: str) -> None:
        await self.pool.execute(_CLOSE, UUID(id_))

    async def _send(self, message: Message) -> None:
        person = await self._read(message.contact)
        text = f"Dear {person['firstname']}"
        await self.mail.send(Mail(person["email"], f"Hello {person['firstname']}", text), message.key)

    async def _read(self, contact: str) -> dict[str, Any]:
        properties: dict[str, Any] | None = await self.pool.fetchval(_READ, contact)
        if properties is None:
            raise LookupError(contact)
        return properties
