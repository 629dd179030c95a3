"""Properties whose values no two live records of a type share, as an e-mail address: `A@B.C` is the same as `a@b.c`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

import asyncpg

from activities.gateways.postgres_unique import unique_value
from workflows.model.errors import CallerError

# The index serves whoever looks a record up by `unique_value` of the property, with the type written out.
_INDEX = """
create index concurrently {index} on record ({value}) where type = '{object}' and archived_at is null
"""

_SHARED = """
select {value} as value, (array_agg(id order by id))[:3] as ids, count(*) over () as shared
  from record where type = '{object}' and archived_at is null and {value} is not null
 group by 1 having count(*) > 1 order by 1 limit 1
"""

_VALID = "select indisvalid from pg_index where indexrelid = to_regclass($1)"

_TIMEOUT = 600.0
"""Seconds that looking through all records of a type, or building an index over them, may take."""


async def check_unique(pool: asyncpg.Pool[Any], object_: str, name: str) -> None:
    """Raise CallerError when a value of a property is held by several records."""
    query = _SHARED.format(value=unique_value(name), object=object_)
    if found := await pool.fetchrow(query, timeout=_TIMEOUT):
        told = f"{found['value']!r} is held by {_named(object_, found['ids'])}"
        more = f", and {found['shared'] - 1:,} more values by several" if found["shared"] > 1 else ""
        raise CallerError(f"{name} is not unique: {told}{more}. Change or archive all but one, then load again.")


async def make_findable(pool: asyncpg.Pool[Any], object_: str, name: str) -> None:
    """Let records be found by a unique property without looking through all of them."""
    index = f"record_by_{sha256(f'{object_}.{name}'.encode()).hexdigest()[:16]}"
    is_valid = await pool.fetchval(_VALID, index)
    if is_valid:
        return
    with suppress(asyncpg.InsufficientPrivilegeError, asyncpg.DuplicateTableError):
        if is_valid is False:  # what an interrupted attempt left
            await pool.execute(f"drop index concurrently if exists {index}", timeout=_TIMEOUT)
        statement = _INDEX.format(index=index, value=unique_value(name), object=object_)
        await pool.execute(statement, timeout=_TIMEOUT)


def _named(object_: str, ids: Sequence[str]) -> str:
    return " and ".join(f"{object_}:{id_}" for id_ in ids)
