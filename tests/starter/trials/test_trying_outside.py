from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from starter.trials import outside
from tests.starter.conftest import Alone
from workflows.model.address_ranges import Address
from workflows.model.web_addresses import NOTHING_ELSE


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("https://93.184.215.14:8443/a?b=1#c", 0, "Allowed."),
        ("https://127.0.0.1/", 2, "Refused: 127.0.0.1 is a loopback address, not one of the public internet."),
        ("http://localhost:6379/", 2, "Refused: port 6379 is that of Redis"),
        ("http://a:b@example.com/", 2, "Refused: a user or a password stands before the host"),
        ("http://2130706433/", 2, "Refused: '2130706433': an address is written as four decimal numbers"),
        ("ftp://example.com/", 2, "Refused: a URL begins with https:// or http://"),
        ("http://\u001b[31m", 2, "Refused: a blank or a character that cannot be seen stands in the URL (U+001B)"),
    ],
)
def test_a_url_is_judged(alone: Alone, url: str, status: int, said: str) -> None:
    """What may be called has the status 0, what may not 2, with the reason."""
    ran = alone("try", "url", url)
    assert (ran.status, ran.err) == (status, "")
    assert said in ran.out.splitlines()[-1]


def test_a_listed_host_is_let_through(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's list is asked."""
    assert alone("try", "url", "http://localhost:8080/").status == 2
    monkeypatch.setenv("PERDURE_OUTBOUND__ALLOW", "localhost")
    ran = alone("try", "url", "http://localhost:8080/", "--json")
    assert {each["why"] for each in json.loads(ran.out)["addresses"]} == {"listed in PERDURE_OUTBOUND__ALLOW"}


def test_a_list_that_cannot_be_read_is_told(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad entry is the operator's mistake, by the name of the variable."""
    monkeypatch.setenv("PERDURE_OUTBOUND__ALLOW", "10.0.0.1/8")
    assert (
        "PERDURE_OUTBOUND__ALLOW: '10.0.0.1/8' is no range of addresses"
        in alone("try", "url", "https://a.example/").err
    )


async def test_each_address_of_a_host_is_judged() -> None:
    """One that is refused refuses the host, and each is told."""

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address("93.184.215.14"), ip_address("::1")]

    tried = await outside.url("https://hooks.example.com/in", NOTHING_ELSE, resolve)
    assert [(each.address, each.is_refused, each.why) for each in tried.addresses] == [
        ("93.184.215.14", False, "public"),
        ("::1", True, "loopback"),
    ]
    assert (tried.is_allowed, tried.kind) == (False, "loopback")


def test_a_host_without_an_address_is_no_refusal(alone: Alone) -> None:
    """It is the name system's answer, and the status is 1."""
    ran = alone("try", "url", "https://hooks.invalid/")
    assert (ran.status, "hooks.invalid has no address" in ran.err) == (1, True)


def test_a_number_is_told_in_words(alone: Alone) -> None:
    """E.164 first, then what is known of the number."""
    ran = alone("try", "phone", "(415) 555-2671", "--country", "us")
    assert (ran.status, ran.out) == (
        0,
        (
            "+14155552671\n"
            "  written  +1 415-555-2671, or (415) 555-2671 within the country\n"
            "  country  US\n"
            "  kind     fixed line or mobile\n"
            "  valid    yes\n"
            "  zones    America/Los_Angeles\n"
        ),
    )


def test_a_costly_number_is_told(alone: Alone) -> None:
    """No text is sent to a premium number, and its many zones are not all told."""
    out = alone("try", "phone", "+1 900 555 1234").out
    assert "premium rate; it costs whoever calls it, and no text is sent to it" in out
    assert "more\n" in out


def test_what_is_no_number_is_told(alone: Alone) -> None:
    """The status is 2."""
    ran = alone("try", "phone", "0401234567")
    assert (ran.status, "of which country?" in ran.err) == (2, True)


def test_a_number_is_printed_as_json(alone: Alone) -> None:
    """Programs read the same."""
    found = json.loads(alone("try", "phone", "+358401234567", "--json").out)
    assert (found["e164"], found["country"], found["kind"], found["is_valid"]) == (
        "+358401234567",
        "FI",
        "mobile",
        True,
    )
