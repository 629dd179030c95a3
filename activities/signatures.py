"""Signatures of what we send: by them a receiver tells our requests from those of anybody else.

HubSpot's are given as its own receivers check them, and beside them those of Standard Webhooks 1.0, which any language
has a library for.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from hmac import digest

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
_DECODED = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""The escapes that version 3 wants read before it signs a URI: those of : / ? @ ! $ ' ( ) * , and ;"""


def hubspot(secret: str, method: str, uri: str, body: bytes, now: datetime) -> dict[str, str]:
    """Give the headers that HubSpot signs a request of a workflow with: version 2, and 3 beside it.

    `uri` is the whole of it, exactly as it is requested.
    """
    at = str(int(now.timestamp() * 1000))
    plain = f"{method}{uri}".encode() + body
    read = f"{method}{_DECODED.sub(lambda found: chr(int(found[1], 16)), uri)}".encode() + body + at.encode()
    return {
        "X-HubSpot-Signature": sha256(secret.encode() + plain).hexdigest(),
        "X-HubSpot-Signature-Version": "v2",
        "X-HubSpot-Signature-v3": b64encode(digest(secret.encode(), read, "sha256")).decode(),
        "X-HubSpot-Request-Timestamp": at,
    }


def standard(keys: Iterable[bytes], id_: str, body: bytes, now: datetime) -> dict[str, str]:
    """Give the headers of Standard Webhooks; with several keys the receiver may hold any of them."""
    at = str(int(now.timestamp()))
    signed = f"{id_}.{at}.".encode() + body
    signatures = [f"v1,{b64encode(digest(key, signed, 'sha256')).decode()}" for key in keys]
    return {"webhook-id": id_, "webhook-timestamp": at, "webhook-signature": " ".join(signatures)}


def standard_key(secret: str) -> bytes:
    """Read a secret of Standard Webhooks, `whsec_` and 24 to 64 bytes in Base64; raise ValueError where it is none."""
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except Error:
        key = b""
    if len(key) not in _KEY_BYTES:
        raise ValueError("a key of Standard Webhooks is whsec_ and 24 to 64 bytes in Base64")
    return key
