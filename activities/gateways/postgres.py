"""Our connection to PostgreSQL: the pool, and the revisions read through it."""

from __future__ import annotations

import re
from typing import Any, Literal

import asyncpg
from pydantic_core import from_json, to_json

Plans = Literal["auto", "force_generic_plan"]

COMMAND_TIMEOUT = 4.0
"""Seconds a statement may take: under the local activity's limit, so that a hung server is our own error."""


_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,  # it shuts down, or starts up
    asyncpg.TooManyConnectionsError,
)


_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""PostgreSQL keeps no NUL in JSON; a stranger's text with one must not fail whoever has to write it down."""


def storable(text: str) -> str:
    """Give a text as PostgreSQL can hold it: with U+FFFD in place of NUL, and `?` of half a character."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def storable_json(value: object) -> bytes:
    """Write JSON as PostgreSQL can hold it: as `storable`, and null in place of a number that is none."""
    data = to_json(value, inf_nan_mode="null")
    return _NUL.sub(rb"\1\\ufffd", data) if b"\\u0000" in data else data


class _Connection(asyncpg.Connection):
    def get_reset_query(self) -> str:
        """Reset nothing: no session state is changed here, and the reset is a round trip."""
        return ""


async def _prepare(connection: asyncpg.Connection[Any]) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + storable_json(value),
        decoder=lambda data: from_json(data[1:]),
    )


async def open_pool(dsn: str, *, size: int = 20, ready: int = 1, plans: Plans = "auto") -> asyncpg.Pool[Any]:
    """Open a pool in which `jsonb` columns are Python values, with so many connections made at once.

    `plans`: a worker asks the same few questions by key for ever, and keeps one plan of each; left to itself PostgreSQL
    plans the larger ones anew each time, which takes it longer than to answer them.

    Raise OSError while the server is away; without a connection to make, the first use of the pool does.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=ready,
        max_size=size,
        init=_prepare,
        connection_class=_Connection,
        max_inactive_connection_lifetime=0,  # a new one is dear: a process, a login, types to look up
        command_timeout=COMMAND_TIMEOUT,
        timeout=COMMAND_TIMEOUT,
        server_settings={"application_name": "perdure", "timezone": "UTC", "plan_cache_mode": plans},
    )


class PostgresSource:
    """Revisions from the table `revision`."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        """Read through `pool`, which serves nothing else.

        A transaction that meets a new revision waits for it: were its connection of the same pool, a pool full of such
        transactions would wait for itself.
        """
        self.pool = pool

    async def read(self, revision: str) -> str | None:
        """See RevisionSource."""
        try:
            text = await self.pool.fetchval("select body from revision where hash = $1", revision)
        except _AWAY as error:
            raise OSError(str(error)) from error
        return None if text is None else str(text)
