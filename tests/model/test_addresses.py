from __future__ import annotations

import pytest

from workflows.model.addresses import ADDRESS_LENGTH, is_address

LONG = "a" * 64 + "@" + ("b" * 62 + ".") * 2
LONG += "c" * (ADDRESS_LENGTH - len(LONG) - 3) + ".de"


@pytest.mark.parametrize(
    "text",
    [
        "anna@example.com",
        "a.b+c_d-e@sub.example.co",
        "o'neill@example.com",
        "1@1.example",
        "a@xn--mller-kva.example",
        "a@b.xn--p1ai",
        LONG,
    ],
)
def test_addresses(text: str) -> None:
    """A plain address of the kind that people have is one."""
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.com",
        "anna@",
        "anna@localhost",
        "a b@example.com",
        " a@example.com",
        "a@example.com\n",
        "a@b@example.com",
        "a@example.com,b@example.com",
        "a@example.com;b@example.com",
        "Anna <a@example.com>",
        '"a b"@example.com',
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a@.example.com",
        "a@example..com",
        "a@-example.com",
        "a@example-.com",
        "a@example.com.",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        "ä@example.com",
        "a@exämple.com",
        "a" * 65 + "@example.com",
        LONG + "e",
        "a" * 100_000,
        "a@" + "a-" * 50_000,
    ],
)
def test_no_addresses(text: str) -> None:
    """Names, lists, quotes, letters beyond ASCII and broken domains are no address."""
    assert not is_address(text)
