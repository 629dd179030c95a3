from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
import sys
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from activities.action import Ambiguous, Refused, Retryable
from activities.effects import Request, Response
from activities.gateways.http import BODY_BYTES, WebGateway
from activities.gateways.outbound import Resolver
from tests.activities.web_servers import (
    MIB,
    Talk,
    answering,
    bomb,
    drip,
    raw,
    reset,
    stall,
    status,
    then_reset,
    zipped,
)
from tests.until import patience
from workflows.model.web_addresses import Allowed

HERE = Allowed.read("127.0.0.1")
MINUTE = timedelta(minutes=1)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


@pytest.fixture
async def web() -> AsyncIterator[WebGateway]:
    """A gateway that may reach this machine."""
    web = WebGateway(HERE)
    yield web
    await web.close()


def briefly() -> timedelta:
    """As long as a request that is answered takes even now."""
    return timedelta(milliseconds=300) * patience()


def post(port: int, **fields: Any) -> Request:
    return replace(Request("POST", f"http://127.0.0.1:{port}/in?a=%2F&b=ä", {"X-Name": "Änne"}, b'{"a":1}'), **fields)


async def test_a_request_arrives_as_it_is(web: WebGateway) -> None:
    """Method, target, headers and body are those that were asked for, byte for byte, and nothing is added but names."""
    async with answering(status(201, b"ok", X_Id="7")) as server:
        response = await web.send(post(server.port))
    assert response == Response(201, {"content-length": "2", "x-id": "7"}, b"ok")
    [asked] = server.asked
    assert (asked.line, asked.body) == ("POST /in?a=%2F&b=%C3%A4 HTTP/1.1", b'{"a":1}')
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["x-name"] == "Änne"
    assert set(asked.headers) == {"host", "user-agent", "accept", "accept-encoding", "x-name", "content-length"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_each_method_is_spoken(web: WebGateway, method: Any) -> None:
    """Also without a body."""
    async with answering(status(204)) as server:
        assert (await web.send(Request(method, f"http://127.0.0.1:{server.port}/"))).status == 204
    assert server.asked[0].line == f"{method} / HTTP/1.1"


async def test_a_header_of_the_step_replaces_ours(web: WebGateway) -> None:
    """In any spelling, and it is sent once."""
    async with answering(status(200)) as server:
        await web.send(post(server.port, headers={"user-agent": "mine", "ACCEPT": "text/plain"}))
    assert (server.asked[0].headers["user-agent"], server.asked[0].headers["accept"]) == ("mine", "text/plain")


async def test_connections_are_kept_and_nothing_else_is(web: WebGateway) -> None:
    """The second request takes the same connection; a cookie of the first answer does not go with it."""
    async with answering(status(200, Set_Cookie="session=1")) as server:
        await web.send(post(server.port))
        await web.send(post(server.port))
    assert len(server.asked) == 2
    assert "cookie" not in server.asked[1].headers


@pytest.mark.parametrize("code", [302, 400, 429, 500])
async def test_any_status_is_an_answer(web: WebGateway, code: int) -> None:
    """What it means is not the gateway's matter, and a redirect is not followed."""
    async with answering(status(code, b"no", Location="/other", Retry_After="5")) as server:
        response = await web.send(post(server.port))
    assert (response.status, response.headers["retry-after"], response.body) == (code, "5", b"no")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:{port}/", "url_blocked: loopback"),
        ("https://127.0.0.1:{port}/", "url_blocked: loopback"),
        ("https://[::ffff:127.0.0.1]:{port}/", "url_blocked: loopback"),
        ("https://2130706433:{port}/", "url_blocked: number for a host"),
        ("https://localhost:{port}/", "url_blocked: internal name"),
        ("https://user:password@example.com/", "url_blocked: userinfo"),
        ("https://example.com:6379/", "url_blocked: port"),
        ("http://example.com/", "url_blocked: not https"),
        ("ftp://example.com/", "url_blocked: scheme"),
        ("https://hooks.example.com:{port}/", "url_blocked: loopback"),
    ],
)
async def test_what_may_not_be_called_is_refused_without_a_packet(url: str, code: str) -> None:
    """By its form, by its address, and by the address that a name leads to."""
    web = WebGateway(resolve=_resolving("127.0.0.1"))
    async with answering(status(200)) as server:
        with pytest.raises(Refused) as refused:
            await web.send(Request("GET", url.format(port=server.port)))
    assert (refused.value.code, server.asked) == (code, [])
    assert "user:" not in refused.value.note


def _resolving(*addresses: str) -> Resolver:
    async def resolve(_host: str, _port: int) -> list[Any]:
        return [ip_address(each) for each in addresses]

    return resolve


async def test_plain_http_is_for_hosts_that_are_listed() -> None:
    """A name may be listed, wherever it leads; one beside it is spoken to by https only."""
    web = WebGateway(Allowed.read("crm.internal, 127.0.0.1"), resolve=_resolving("127.0.0.1"))
    async with answering(status(200)) as server:
        assert (await web.send(Request("GET", f"http://crm.internal:{server.port}/"))).status == 200
        with pytest.raises(Refused, match="not https"):
            await web.send(Request("GET", f"http://www.crm.example:{server.port}/"))
    await web.close()
    assert [asked.headers["host"] for asked in server.asked] == [f"crm.internal:{server.port}"]


async def test_a_server_that_is_not_there_has_taken_nothing(web: WebGateway) -> None:
    """A refused connection may be tried again."""
    async with answering(status(200)) as server:
        pass
    with pytest.raises(Retryable) as raised:
        await web.send(post(server.port))
    assert (raised.value.code, raised.value.note) == ("no_connection", "ConnectError")


async def test_a_name_without_an_address_has_taken_nothing() -> None:
    """It may have one later."""
    with pytest.raises(Retryable, match="no_connection"):
        await WebGateway(resolve=_resolving()).send(Request("GET", "https://gone.example.com/"))


async def test_a_server_that_takes_no_connection_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time to connect has a limit of its own, and nothing has been taken."""

    async def hang(_host: str, _port: int) -> list[Any]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr("activities.gateways.dialing.CONNECT_SECONDS", 0.05)
    with pytest.raises(Retryable, match="connect_timeout"):
        await WebGateway(resolve=hang).send(Request("GET", "https://hooks.example.com/"))


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (reset, "connection_lost"),
        (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "connection_lost"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n"), "connection_lost"),
        (then_reset(b"HTTP/1.1 200 OK\r\n"), "connection_lost"),
        (then_reset(OK + b"half"), "connection_lost"),
        (stall, "no_answer"),
        (drip(OK.replace(b"10", b"1000"), 0.02), "no_answer"),
    ],
    ids=["reset", "no HTTP", "an endless header", "reset in the headers", "reset in the body", "stalled", "dripping"],
)
async def test_a_request_that_went_out_and_came_to_nothing_is_ambiguous(web: WebGateway, talk: Talk, code: str) -> None:
    """The server had it whole; nobody knows what it did. A trickle does not hold us longer than silence."""
    async with answering(talk) as server:
        begun = asyncio.get_running_loop().time()
        with pytest.raises(Ambiguous) as raised:
            await web.send(post(server.port, timeout=briefly() if code == "no_answer" else MINUTE))
        assert asyncio.get_running_loop().time() - begun < 5 * patience()
    assert raised.value.code == code
    assert len(server.asked) == 1
    assert "127.0.0.1" not in raised.value.note


@pytest.mark.parametrize(
    "talk",
    [
        then_reset(b"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 10\r\n\r\nhal"),
        drip(b"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 1000\r\n\r\n", 0.02),
    ],
    ids=["reset", "dripping"],
)
async def test_a_status_that_is_no_success_says_enough(web: WebGateway, talk: Talk) -> None:
    """Its body is not needed, so one that breaks off does not make it doubtful."""
    async with answering(talk) as server:
        response = await web.send(post(server.port, timeout=briefly()))
    assert (response.status, response.headers["retry-after"], response.whole) == (429, "7", False)


@pytest.mark.parametrize(("count", "whole"), [(99, True), (200, False)])
async def test_headers_are_counted(web: WebGateway, count: int, whole: bool) -> None:
    """A hundred are enough for anybody."""
    headers = "".join(f"X-{number}: x\r\n" for number in range(count - 1))
    async with answering(raw(f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{headers}\r\nok".encode())) as server:
        response = await web.send(post(server.port))
    assert (response.status, response.whole) == (200, whole)


@pytest.mark.parametrize(("size", "whole"), [(BODY_BYTES, True), (BODY_BYTES + 1, False), (5 * MIB, False)])
@pytest.mark.parametrize("pressed", [False, True])
async def test_a_body_is_taken_up_to_its_limit(web: WebGateway, size: int, whole: bool, pressed: bool) -> None:
    """To the byte, as it is once inflated."""
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with answering(zipped(body) if pressed else status(200, body)) as server:
        response = await web.send(post(server.port))
    assert (response.whole, response.body == body[:BODY_BYTES]) == (whole, True)


@pytest.mark.parametrize("header", ["gzip", "GZIP", "x-gzip"])
async def test_a_bomb_does_not_go_off(web: WebGateway, header: str) -> None:
    """A gigabyte of zeros in a megabyte of gzip: cut at the limit, with less than 8 MiB of memory more."""
    async with answering(status(200), bomb(1024 * MIB, header=header)) as server:
        await web.send(post(server.port))
        tracemalloc.start()
        response = await web.send(post(server.port))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (response.whole, len(response.body)) == (False, BODY_BYTES)
    assert most < 8 * MIB


async def test_gzip_that_inflates_to_nothing_is_left(web: WebGateway) -> None:
    """What is read counts, too: empty blocks of gzip are no way to keep us reading."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    empty = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * (MIB // 2)
    async with answering(raw(head + empty)) as server:
        response = await web.send(post(server.port))
    assert (response.whole, response.body) == (False, b"")


@pytest.mark.parametrize(("coding", "body"), [("gzip", b""), ("br", b"no gzip"), ("gzip, gzip", b"no gzip")])
async def test_a_body_in_a_strange_coding_harms_nobody(web: WebGateway, coding: str, body: bytes) -> None:
    """Gzip that is none counts as empty, and a coding that was not asked for is left as it is."""
    async with answering(status(200, b"no gzip", Content_Encoding=coding)) as server:
        response = await web.send(post(server.port))
    assert (response.status, response.body, response.whole) == (200, body, True)


async def test_a_slow_server_does_not_keep_the_others_waiting(web: WebGateway) -> None:
    """Fifty requests hang, and the next is answered all the same."""
    async with answering(stall) as slow, answering(status(200)) as quick:
        hanging = [asyncio.ensure_future(web.send(post(slow.port, timeout=timedelta(seconds=30)))) for _ in range(50)]
        await asyncio.sleep(0)
        assert (await asyncio.wait_for(web.send(post(quick.port)), 60)).status == 200
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_certificates_are_checked(certificate: Path, tls: ssl.SSLContext) -> None:
    """One that nobody vouches for gets nothing; one that the operator trusts is served."""
    async with answering(status(200), tls=tls) as server:
        request = Request("GET", f"https://127.0.0.1:{server.port}/")
        with pytest.raises(Retryable, match="tls_failed"):
            await WebGateway(HERE).send(request)
        assert server.asked == []
        web = WebGateway(HERE, ca_file=certificate)
        assert (await web.send(request)).status == 200
        await web.close()


async def test_neither_the_log_nor_an_error_shows_a_secret(web: WebGateway, caplog: pytest.LogCaptureFixture) -> None:
    """At the lowest level, neither the key in the URL nor that in a header is written down."""
    with caplog.at_level(logging.DEBUG):
        async with answering(status(200), reset) as server:
            request = post(
                server.port, headers={"Authorization": "Bearer hush"}, url=f"http://127.0.0.1:{server.port}/?k=hush"
            )
            await web.send(request)
            with pytest.raises(Ambiguous) as raised:
                await web.send(request)
    assert "hush" not in caplog.text + repr(raised.value) + raised.value.note + repr(request)
    assert raised.value.__cause__ is None


async def test_nothing_is_loaded_before_the_first_request() -> None:
    """A worker whose flows call nobody does not pay for the library."""
    code = "import sys, activities.gateways.http as h; h.WebGateway(); sys.exit('httpx' in sys.modules)"
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await run.wait() == 0
