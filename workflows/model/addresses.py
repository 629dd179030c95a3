"""E-mail addresses: what counts as one."""

from __future__ import annotations

import re

ADDRESS_LENGTH = 254
"""The most characters of an address (RFC 5321 leaves that many inside the angle brackets)."""

_LOCAL_LENGTH = 64
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]")


def is_address(text: str) -> bool:
    """Tell whether a text is one plain e-mail address: `anna@example.com`, no name, no list, no quotes, ASCII only.

    A domain with letters beyond ASCII is written in its `xn--` form.
    """
    local, _, domain = text[: ADDRESS_LENGTH + 1].partition("@")
    return (
        len(text) <= ADDRESS_LENGTH
        and len(local) <= _LOCAL_LENGTH
        and _LOCAL.fullmatch(local) is not None
        and _DOMAIN.fullmatch(domain) is not None
    )
