from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.address_ranges import refusal
from workflows.model.web_addresses import (
    LOWEST_PORT,
    MOST_CHARACTERS,
    NOTHING_ELSE,
    SERVICE_PORTS,
    Allowed,
    Blocked,
    literal,
    read,
    read_public,
    refuse_port,
)

CORPUS = Path(__file__).with_name("urls.txt")


def corpus() -> Iterator[tuple[str, str]]:
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            answer, _, url = line.partition(" | ")
            yield answer, json.loads(url) if url.startswith('"') else url


def answer(url: str, allowed: Allowed = NOTHING_ELSE) -> str:
    try:
        return f"allowed {read_public(url, allowed)}"
    except Blocked as error:
        return error.kind


def test_the_corpus_is_large() -> None:
    """There are 300 URLs at least, none of them twice, 60 of which may be called."""
    every = [url for _, url in corpus()]
    assert len({*every}) == len(every) >= 300
    assert sum(found.startswith("allowed") for found, _ in corpus()) >= 60


@pytest.mark.parametrize(("wanted", "url"), list(corpus()), ids=lambda text: ascii(text)[:60])
def test_each_url_is_answered_as_the_corpus_says(wanted: str, url: str) -> None:
    """What may be called is read in one way, and what may not is refused for the reason named."""
    assert answer(url) == wanted


@given(st.sampled_from([url for found, url in corpus() if found.startswith("allowed")]))
def test_what_was_read_is_read_again_as_the_same(url: str) -> None:
    """Written and read once more, a URL stays what it is."""
    once = read(url)
    assert read(str(once)) == once


@given(st.text(max_size=60) | st.text("htps:/@[]%.\\#?0127fx-_a ", max_size=40).map("http://{}".format))
def test_any_text_is_answered(text: str) -> None:
    """Whatever is written is a URL that may be called or Blocked, and nothing else happens."""
    assert answer(text)


@given(st.ip_addresses())
def test_what_python_holds_for_private_is_refused(address: IPv4Address | IPv6Address) -> None:
    """The written list refuses at least what the standard library of whatever release does."""
    if not address.is_global:
        assert refusal(address) is not None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_address_is_refused_in_whatever_it_is_wrapped(address: IPv4Address) -> None:
    """The reason against an IPv4 address is the reason against each IPv6 form of it; a public one's form is refused."""
    bits = int(address)
    forms = [
        0xFFFF << 32 | bits,
        0x64FF9B << 96 | bits,
        0x2002 << 112 | bits << 80,
        0x20010000 << 96 | bits ^ 2**32 - 1,
    ]
    for form in forms:
        kind = refusal(IPv6Address(form))
        assert kind == refusal(address) or (kind and refusal(address) is None)


def test_a_long_url_is_refused() -> None:
    """A URL is read up to its limit."""
    start = "https://example.com/"
    assert answer(start + "a" * (MOST_CHARACTERS - len(start))).startswith("allowed")
    assert answer(start + "a" * (MOST_CHARACTERS - len(start) + 1)) == "too long"


def test_a_long_name_is_refused() -> None:
    """A host has 253 characters at most."""
    name = ".".join(["a" * 49] * 5)
    assert answer(f"https://{name}.abc").startswith("allowed")
    assert answer(f"https://{name}.abcd") == "host"


@pytest.mark.parametrize("port", sorted(SERVICE_PORTS))
def test_the_ports_of_services_are_none_of_those_reserved(port: int) -> None:
    """The list names ports that would be called without it, below those that systems give out by themselves."""
    assert LOWEST_PORT <= port < 32768
    with pytest.raises(Blocked, match=f"port {port} is that of"):
        refuse_port(port)


@pytest.mark.parametrize(
    ("allow", "url", "wanted"),
    [
        ("10.0.0.5", "http://10.0.0.5/", "allowed http://10.0.0.5/"),
        ("10.0.0.5", "http://10.0.0.6/", "private"),
        ("10.0.0.0/8", "http://10.9.9.9:8080/", "allowed http://10.9.9.9:8080/"),
        ("10.0.0.0/8", "http://[::ffff:10.9.9.9]/", "private"),
        ("fd00::/8, 127.0.0.1", "http://[fd00::1]/", "allowed http://[fd00::1]/"),
        ("fd00::/8\n127.0.0.1", "http://127.0.0.1/", "allowed http://127.0.0.1/"),
        ("::1", "http://[::1]/", "allowed http://[::1]/"),
        ("CRM.internal", "http://crm.INTERNAL/", "allowed http://crm.internal/"),
        ("crm.internal", "http://a.crm.internal/", "internal name"),
        ("10.0.0.1.nip.example", "http://10.0.0.1.nip.example/", "allowed http://10.0.0.1.nip.example/"),
        ("localhost", "http://localhost:8080/", "allowed http://localhost:8080/"),
        ("127.0.0.0/8", "http://localhost/", "internal name"),
        ("crm.internal", "http://crm.internal:6379/", "port"),
        ("127.0.0.0/8", "http://127.1/", "number for a host"),
        ("127.0.0.0/8", "http://a@127.0.0.1/", "userinfo"),
        ("", "http://10.0.0.5/", "private"),
    ],
)
def test_an_operator_lists_what_may_be_called_beside(allow: str, url: str, wanted: str) -> None:
    """A listed host or address may be called; how a URL is read, and which ports are called, stays as it is."""
    assert answer(url, Allowed.read(allow)) == wanted


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.5/8", "10.0.0.0/33", "300.1.2.3", "127.1", "2130706433", "http://a.internal", "a:80", "*.a", "[::1]"],
)
def test_an_entry_that_is_no_host_and_no_range_is_named(entry: str) -> None:
    """An operator is told which entry cannot be read."""
    with pytest.raises(ValueError, match=r"is (no range|neither a host)") as refused:
        Allowed.read(f"crm.internal, {entry}")
    assert entry in str(refused.value)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "[::1]", "a:b", ""])
def test_what_is_no_address_is_none(host: str) -> None:
    """Only four decimal numbers and IPv6 addresses are addresses."""
    assert literal(host) is None


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1", "127.0.0.1 is a loopback address, not one of the public internet"),
        ("::", ":: is an unspecified address, not one of the public internet"),
    ],
)
def test_a_refusal_is_a_sentence(address: str, said: str) -> None:
    """What is refused is told with its reason."""
    host = f"[{address}]" if ":" in address else address
    assert refusal(ip_address(address))
    with pytest.raises(Blocked) as refused:
        read_public(f"http://{host}/")
    assert str(refused.value) == said
