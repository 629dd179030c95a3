from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from starter.api import connections, limits
from tests.starter.api.conftest import KEY, Api

EVENT = {"id": "1", "type": "paid", "record": "contact:1"}


async def raw(api: Api, *parts: bytes) -> bytes:
    """Send bytes to the server, and give all that it answers until it closes the connection."""
    url = api.caller.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


def head(*headers: str) -> bytes:
    """Write the head of a request with a key."""
    first = ["POST /v1/events HTTP/1.1", "Host: x", f"Authorization: Bearer {KEY}", "Content-Type: application/json"]
    return "\r\n".join([*first, *headers, "", ""]).encode()


async def test_a_body_that_announces_too_much_is_not_read(api: Api) -> None:
    """The length alone is enough to be refused, and the connection is closed."""
    answered = await raw(api, head(f"Content-Length: {limits.MOST_BYTES + 1}"))
    assert answered.startswith(b"HTTP/1.1 413")
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["error"]["code"] == "too_large"


async def test_a_body_that_grows_is_cut_off(api: Api) -> None:
    """A body that is sent in pieces is counted."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(limits.MOST_BYTES // 65536 + 1):
            yield b" " * 65536

    refused = await api.caller.post("/v1/events", content=pieces(), headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")


async def test_a_slow_head_does_not_hold_its_place(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever never finishes asking is cut off, at once or after a first request; others are served."""
    monkeypatch.setattr(connections, "HEAD_WITHIN", 0.2)
    assert await raw(api, b"GET /healthz HTTP/1.1\r\nHost:") == b""
    answered = await raw(api, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /heal")
    assert answered.startswith(b"HTTP/1.1 200")
    assert (await api.caller.get("/healthz")).status_code == 200


async def test_a_slow_body_does_not_hold_its_place(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends byte by byte is cut off."""
    monkeypatch.setattr(limits, "BODY_WITHIN", 0.2)
    answered = await raw(api, head("Content-Length: 100"), b"{")
    assert answered.startswith(b"HTTP/1.1 408")
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["error"]["code"] == "slow_body"


async def test_no_answer_is_waited_for_without_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits for a lock is told to come again, and what it began is undone."""
    await api.world.record("contact:1")
    monkeypatch.setattr(limits, "ANSWER_WITHIN", 0.2)
    async with api.world.pool.acquire() as connection, connection.transaction():
        await connection.execute("lock table event")
        answered = await api.caller.post("/v1/events", json=EVENT)
    assert (answered.status_code, answered.json()["error"]["code"]) == (503, "timeout")
    assert await api.events() == []


async def test_a_thousand_events_are_taken_within_the_limits(api: Api) -> None:
    """The longest list is neither too large nor too slow."""
    await api.world.record("contact:1")
    answered = await api.caller.post("/v1/events", json=[EVENT | {"id": str(n)} for n in range(1000)], timeout=90)
    assert sum(each["new"] for each in answered.json()["results"]) == 1000
