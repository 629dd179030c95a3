from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

import httpcore
import httpx
import pytest

from activities.gateways.dialing import Guard, guarded_transport
from activities.gateways.outbound import OutboundSettings, Resolver, addresses_of, judged
from workflows.model.address_ranges import Address
from workflows.model.web_addresses import NOTHING_ELSE, Allowed, Blocked

PUBLIC, OTHER, PRIVATE = "93.184.215.14", "2606:2800:21f:cb07::1", "10.0.0.5"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Names:
    """A resolver that gives each of its answers once, in order; the last one from then on."""

    answers: list[list[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(each) for each in answer]


class Line(httpcore.AsyncMockStream):
    """A connection that is answered, and keeps what was sent and the server name that TLS asked for."""

    def __init__(self, network: Network) -> None:
        super().__init__([network.answer])
        self.network = network

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.network.sent += buffer

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self.network.server_names.append(server_hostname)
        return self


@dataclass
class Network(httpcore.AsyncNetworkBackend):
    """A network that keeps what was dialled; it does not reach the addresses that are `down`."""

    answer: bytes = ANSWER
    down: frozenset[str] = frozenset()
    dialled: list[tuple[str, int]] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    sent: bytes = b""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append((host, port))
        if host in self.down:
            raise httpcore.ConnectError("down")
        return Line(self)


def client(network: Network, resolve: Resolver, allowed: Allowed = NOTHING_ELSE) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=guarded_transport(allowed, resolve=resolve, network=network))


@dataclass
class Listener:
    """A web server on loopback that counts who comes."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    answer: bytes = ANSWER

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(answer: bytes = ANSWER) -> AsyncIterator[Listener]:
    listener = Listener(answer=answer)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


async def test_the_address_that_was_checked_is_dialled_under_the_name_of_the_host() -> None:
    """One look-up, one of its addresses dialled; TLS and the Host header name the host."""
    network, names = Network(), Names([[PUBLIC]])
    async with client(network, names) as http:
        answer = await http.get("https://hooks.example.com:8443/in")
    assert (answer.text, network.dialled, names.asked) == ("ok", [(PUBLIC, 8443)], [("hooks.example.com", 8443)])
    assert network.server_names == ["hooks.example.com"]
    assert b"\r\nHost: hooks.example.com:8443\r\n" in network.sent


@pytest.mark.parametrize("answers", [[PUBLIC, "::1"], ["::1", PUBLIC], [PUBLIC, OTHER, PRIVATE], ["127.0.0.1"]])
async def test_one_inner_address_refuses_the_host(answers: list[str]) -> None:
    """Mixed answers are refused as a whole, and nothing is dialled."""
    network = Network()
    async with client(network, Names([answers])) as http:
        with pytest.raises(Blocked):
            await http.get("https://hooks.example.com/")
    assert network.dialled == []


async def test_a_name_that_leads_inside_a_moment_later_is_not_dialled_again() -> None:
    """Each connection asks anew: the second answer, which is private, is never dialled."""
    network, names = Network(), Names([[PUBLIC], ["127.0.0.1"]])
    async with client(network, names) as http:
        assert (await http.get("https://rebinds.example.com/")).status_code == 200
        with pytest.raises(Blocked) as refused:
            await http.get("https://rebinds.example.com/")
    assert (network.dialled, refused.value.kind) == ([(PUBLIC, 443)], "loopback")


async def test_between_check_and_connection_nobody_is_asked() -> None:
    """A name whose second answer would be private is dialled by the first one."""
    network, names = Network(), Names([[PUBLIC], [PRIVATE]])
    async with client(network, names) as http:
        await http.get("https://rebinds.example.com/")
    assert (network.dialled, len(names.asked)) == ([(PUBLIC, 443)], 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/",
        "http://[::1]/",
        "http://[::ffff:7f00:1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:8080/",
        "http://crm.internal/",
        "http://db/",
        "http://hooks.example.com:6379/",
        "http://hooks.example.com:22/",
    ],
)
async def test_what_is_refused_by_itself_is_not_even_looked_up(url: str) -> None:
    """Literal addresses, names of internal networks and ports of services are refused whatever was checked before."""
    network, names = Network(), Names([[PUBLIC]])
    async with client(network, names) as http:
        with pytest.raises(Blocked):
            await http.get(url)
    assert (network.dialled, names.asked) == ([], [])


@pytest.mark.parametrize("url", ["http://2130706433/", "http://127.1/", "http://0x7f.1/", "http://0177.0.0.1/"])
async def test_numbers_that_resolvers_take_for_addresses_lead_nowhere(url: str) -> None:
    """Even where a URL came by without being read, the system's own answer is judged."""
    network = Network()
    async with client(network, addresses_of) as http:
        with pytest.raises((Blocked, httpx.ConnectError, httpx.InvalidURL)):
            await http.get(url)
    assert network.dialled == []


async def test_the_next_address_is_dialled_where_the_first_is_down() -> None:
    """The checked addresses are tried in their order."""
    network = Network(down=frozenset({OTHER}))
    async with client(network, Names([[OTHER, PUBLIC]])) as http:
        assert (await http.get("https://hooks.example.com/")).text == "ok"
    assert network.dialled == [(OTHER, 443), (PUBLIC, 443)]


async def test_a_host_that_is_down_is_a_failed_connection() -> None:
    """What does not answer is no refusal: it may be tried again."""
    network = Network(down=frozenset({OTHER, PUBLIC}))
    async with client(network, Names([[OTHER, PUBLIC]])) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("https://hooks.example.com/")


async def test_a_name_without_addresses_is_a_failed_connection() -> None:
    """A name that nobody knows may be known later."""
    async with client(Network(), Names([[]])) as http:
        with pytest.raises(httpx.ConnectError, match="has no address"):
            await http.get("https://gone.example.com/")


async def test_a_resolver_that_hangs_is_left_at_the_limit() -> None:
    """Looking up counts towards the time to connect."""

    async def hang(host: str, port: int) -> Sequence[Address]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(httpcore.ConnectTimeout):
        await Guard(resolve=hang).connect_tcp("hooks.example.com", 443, timeout=0.01)


async def test_a_listed_address_is_called_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What the operator lists is let through, and said."""
    network = Network()
    with caplog.at_level(logging.INFO, "perdure"):
        async with client(network, Names([[PRIVATE]]), Allowed.read("10.0.0.0/8")) as http:
            await http.get("http://hooks.example.com/")
    assert network.dialled == [(PRIVATE, 80)]
    assert f"hooks.example.com ({PRIVATE})" in caplog.text


async def test_a_listed_host_is_called_wherever_it_is() -> None:
    """A host that is listed by its name may have any address; another with the same address may not."""
    allowed = Allowed.read("crm.internal")
    assert not (await judged("crm.internal", 8080, allowed, Names([[PRIVATE]])))[0].refused
    assert (await judged("hooks.example.com", 8080, allowed, Names([[PRIVATE]])))[0].refused


async def test_no_packet_reaches_a_blocked_address() -> None:
    """Counted at a real socket: nobody comes, until the address is listed."""
    async with listening() as listener:
        url = f"http://127.0.0.1:{listener.port}/"
        async with httpx.AsyncClient(transport=guarded_transport()) as http:
            with pytest.raises(Blocked):
                await http.get(url)
        assert listener.requests == []
        async with httpx.AsyncClient(transport=guarded_transport(Allowed.read("127.0.0.1"))) as http:
            assert (await http.get(url)).text == "ok"
        assert len(listener.requests) == 1


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every proxy variable set, the proxy sees nothing."""
    async with listening() as proxy, listening() as target:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        async with httpx.AsyncClient(transport=guarded_transport(Allowed.read("127.0.0.1"))) as http:
            assert (await http.get(f"http://127.0.0.1:{target.port}/")).text == "ok"
        assert (len(proxy.requests), len(target.requests)) == (0, 1)


async def test_a_redirect_is_not_followed() -> None:
    """A 302 is an answer like another: nothing else is dialled."""
    network = Network(answer=MOVED)
    async with client(network, Names([[PUBLIC]])) as http:
        assert (await http.get("https://hooks.example.com/")).status_code == 302
    assert network.dialled == [(PUBLIC, 443)]


async def test_sockets_of_this_computer_are_not_called() -> None:
    """The guard opens no Unix socket."""
    with pytest.raises(NotImplementedError):
        await Guard().connect_unix_socket("/var/run/docker.sock")


async def test_the_systems_resolver_gives_addresses() -> None:
    """Loopback has an address wherever a test runs."""
    assert {each.is_loopback for each in await addresses_of("localhost", 80)} == {True}


def test_the_list_of_the_settings_is_read() -> None:
    """Settings hold the list as text, and give it read; a bad entry is refused at once."""
    assert OutboundSettings(allow="crm.internal,10.0.0.0/8").allowed == Allowed.read("crm.internal 10.0.0.0/8")
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        OutboundSettings(allow="10.0.0.1/8")
