"""What a piece is tried on: a record of the database, values of the command line, or a record with values laid over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue, ValidationError

from activities.gateways.postgres_facts import informed
from starter.language.flow_file import FlowMistakes, read
from starter.overview import current
from starter.trials.moments import moment_of, zone_of
from workflows.model.decisions import in_zone_of
from workflows.model.errors import CallerError
from workflows.model.facts import Facts, Needs
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    from starter.client import Client
    from workflows.model.flow import Flow

_RECORD = """
select properties, archived_at is not null as archived, clock_timestamp() as now from record where type = $1 and id = $2
"""

_ENROLLMENT = """
select (select jsonb_object_agg(node, output) from (
          select distinct on (node) node, output from visit
           where enrollment = e.id and output is not null order by node, visit desc) as o) as outputs,
       (select properties from event where id = e.event) as cause
  from enrollment e where e.flow = $1 and e.type = $2 and e.record = $3
 order by e.accepted_at desc limit 1
"""

_DEFAULT_OBJECT = "contact"
_OPTION = "--with"


@dataclass(frozen=True)
class Asked:
    """What a piece is to be tried on, as the command line names it."""

    record: str | None = None
    values: str | None = None
    flow: str | None = None
    object: str | None = None
    at: str | None = None
    zone: str | None = None


@dataclass(frozen=True)
class Subject:
    """What a piece is tried on; the client is there where a database is asked."""

    asked: Asked
    object: str
    record: RecordRef | None = None
    flow: Flow | None = None
    client: Client | None = None

    @property
    def is_named(self) -> bool:
        """Tell whether there is anything to judge: a record, or values."""
        return self.record is not None or self.asked.values is not None

    @property
    def pool(self) -> asyncpg.Pool[Any] | None:
        """The database, where it is asked."""
        return self.client.pool if self.client else None

    async def facts(self, needs: Needs) -> Facts:
        """Read what is needed of the record, lay the values over it, and set the time and the zone."""
        found = Facts(now=datetime.now(UTC))
        if self.pool and self.record:
            # One snapshot: the record is judged as it is at one moment, as the ledger reads it.
            async with self.pool.acquire() as one, one.transaction(isolation="repeatable_read", readonly=True):
                found = await self._stored(one, self.record, needs)
        found = laid_over(found, values_of(self.asked.values), self.object)
        if self.asked.zone:
            found = found.with_zone(zone_of(self.asked.zone))
        elif self.flow:
            found = in_zone_of(self.flow, found)
        now = moment_of(self.asked.at, found.zone, "--at") if self.asked.at else found.now
        return found.model_copy(update={"now": now})

    async def _stored(self, connection: PoolConnectionProxy[Any], ref: RecordRef, needs: Needs) -> Facts:
        row = await connection.fetchrow(_RECORD, ref.type, ref.id)
        if row is None:
            raise CallerError(f"there is no record {ref}")
        if row["archived"]:
            raise CallerError(f"{ref} is archived, and no flow looks at it")
        facts = Facts(properties=row["properties"], now=row["now"])
        if self.flow:
            found = await connection.fetchrow(_ENROLLMENT, self.flow.key, ref.type, ref.id)
            walked = {"outputs": found["outputs"] or {}, "cause": found["cause"] or {}} if found else {}
            facts = facts.model_copy(update=walked)
        return await informed(connection, ref, facts, needs)


@asynccontextmanager
async def subject(asked: Asked, *, in_database: bool = False) -> AsyncIterator[Subject]:
    """Open what is asked for, for a block; the database only where a record or a flow is named, or it is wanted.

    Raise CallerError where there is no such record or flow, or the names do not fit together.
    """
    record = RecordRef.parse(asked.record) if asked.record else None
    if record and asked.object and asked.object != record.type:
        raise CallerError(f"{record} is no {asked.object}; leave --object out where --record is given")
    found = Subject(asked, asked.object or (record.type if record else _DEFAULT_OBJECT), record)
    if not (record or asked.flow or in_database):
        yield found
        return
    from starter.compose import connect_client

    async with connect_client() as client:
        found = replace(found, client=client)
        if asked.flow:
            flow = await current(client.pool, client.revisions, asked.flow)
            if (record or asked.object) and flow.object != found.object:
                raise CallerError(f"{flow.key} is a flow over records of the type {flow.object}, not {found.object}")
            found = replace(found, flow=flow, object=flow.object)
        yield found


def values_of(text: str | None) -> dict[str, JsonValue]:
    """Read the values of `--with`, JSON or YAML; raise FlowMistakes or CallerError when they are none."""
    if text is None:
        return {}
    file = read(text, _OPTION)
    if file.mistakes:
        raise FlowMistakes(file.mistakes)
    if not isinstance(file.data, dict):
        raise CallerError(f'{_OPTION}: write names and values, as \'{{"stage": "lead"}}\'')
    return file.data


def laid_over(facts: Facts, given: Mapping[str, JsonValue], object_: str) -> Facts:
    """Put values in place of those known. A plain value is a property; keys and values are read as in a token:
    `outputs` of steps, the `event`, the `owner`, or an associated record by its type.
    """
    inner = {name: value for name, value in given.items() if _is_inner(value)}
    own = {name: value for name, value in given.items() if name not in inner}
    outputs, event, owner = (_mapping(inner.pop(name, {}), name) for name in ("outputs", "event", "owner"))
    own |= _mapping(inner.pop(object_, {}), object_)
    try:
        return Facts.model_validate(
            {
                **dict(facts),
                "properties": facts.properties | own,
                "outputs": facts.outputs | outputs,
                "cause": facts.cause | event,
                "owners": facts.owners | _owners(owner),
                "associated": facts.associated | {name: _records(value, facts) for name, value in inner.items()},
            }
        )
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"][:2])
        raise CallerError(f"{_OPTION}: {place} is not written as keys and values") from None


def _is_inner(value: JsonValue) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))


def _mapping(value: JsonValue, name: str) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise CallerError(f"{_OPTION}: {name} is not written as keys and values")
    return value


def _owners(given: dict[str, JsonValue]) -> dict[str, dict[str, JsonValue]]:
    """Read `{email: ...}` as the user in the property `owner`, and `{account_manager: {email: ...}}` by the name."""
    named = {key: value for key, value in given.items() if isinstance(value, dict)}
    plain = {key: value for key, value in given.items() if key not in named}
    return named | ({"owner": plain} if plain else {})


def _records(given: JsonValue, facts: Facts) -> tuple[Facts, ...]:
    each = given if isinstance(given, list) else [given]
    return tuple(Facts.model_validate({"properties": one, "now": facts.now, "zone": facts.zone}) for one in each)
