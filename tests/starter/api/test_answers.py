from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.starter.api.conftest import Api, Serve
from tests.world import World

# It waits for their end: one that is only told to end may answer a last question.
_KILL = """
select pg_terminate_backend(pid, 20000) from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid()
"""

_BROKEN = """
create function break_it() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$;
create trigger broken before insert on event execute function break_it()
"""


async def test_what_the_framework_refuses_has_the_one_shape(api: Api) -> None:
    """An unknown path and a method that is not for it are told as every other mistake."""
    unknown = await api.caller.get("/v1/nope")
    assert unknown.json() == {"error": {"code": "not_found", "message": "Not Found."}}
    wrong = await api.caller.put("/v1/events")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"
    assert (await api.caller.get("/v1/events/")).status_code == 404


async def test_a_schema_that_is_behind_is_not_ready(api: Api) -> None:
    """The process lives and says that it cannot work yet."""
    assert (await api.caller.get("/readyz")).json() == {"status": "ok"}
    await api.world.pool.execute("alter table flow rename to gone")
    unready = await api.caller.get("/readyz")
    assert (unready.status_code, unready.json()["error"]["code"]) == (503, "unavailable")
    assert (await api.caller.get("/healthz")).json() == {"status": "ok"}


@asynccontextmanager
async def wire(dsn: str) -> AsyncIterator[tuple[asyncio.Server, str]]:
    """Lead to a database by a port of its own, which a test may close; give both."""
    url = urlsplit(dsn)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(url.hostname, url.port)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer), return_exceptions=True)

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield server, urlunsplit(url._replace(netloc=f"{url.netloc.rpartition(':')[0]}:{port}"))


async def test_a_database_that_is_away_is_no_mistake_of_the_caller(world: World, serve: Serve) -> None:
    """Every request is answered with 503 and when to try again."""
    async with wire(world.dsn) as (server, dsn), serve(DATABASE_URL=dsn) as caller:
        assert (await caller.get("/readyz")).status_code == 200
        server.close()
        await world.pool.execute(_KILL)
        for _ in range(2):
            away = await caller.get("/v1/records/contact/1")
            assert (away.status_code, away.headers["retry-after"]) == (503, "5")
            assert away.json()["error"]["code"] == "unavailable"


async def test_our_own_fault_is_logged_and_not_shown(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """What nobody foresaw is answered with 500 in the one shape; where it came from stands in the log alone."""
    await api.world.record("contact:1")
    await api.world.pool.execute(_BROKEN)
    failed = await api.caller.post("/v1/events", json={"id": "1", "type": "paid", "record": "contact:1"})
    assert failed.status_code == 500
    assert failed.json()["error"]["code"] == "internal"
    assert "broken" not in failed.text
    assert "RaiseError: broken" in caplog.text


async def test_answers_say_nothing_of_the_server(api: Api) -> None:
    """No name of a program, no caching, no guessing of types."""
    headers = (await api.caller.get("/healthz")).headers
    assert "server" not in headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_the_access_log_names_nobody(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Paths are told as the routes are written: no ids, no tokens, no queries, no addresses."""
    caplog.set_level(logging.INFO)
    await api.caller.get("/v1/records/contact/anna@example.com", params={"history": 5})
    await api.caller.get("/unsubscribe/1.token.signature")
    await api.caller.get("/anna@example.com")
    ours = [record for record in caplog.records if record.name != "httpx"]
    assert [record.getMessage().rsplit(" ", 2)[0] for record in ours] == [
        "GET /v1/records/{type}/{id} 404",
        "GET /unsubscribe/{token} 403",
        "GET (no such path) 404",
    ]
