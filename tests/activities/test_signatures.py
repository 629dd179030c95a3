from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from activities.signatures import hubspot, standard, standard_key

APP_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URI = "https://www.example.com/webhook_uri"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
KEY = "whsec_" + b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("method", "body", "signature"),
    [
        ("GET", b"", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
        (
            "POST",
            b'{"example_field":"example_value"}',
            "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900",
        ),
    ],
)
def test_version_2_is_that_of_the_documentation(method: str, body: bytes, signature: str) -> None:
    """The documentation's own examples come out, under the two headers of version 2."""
    headers = hubspot(APP_SECRET, method, URI, body, NOW)
    assert (headers["X-HubSpot-Signature"], headers["X-HubSpot-Signature-Version"]) == (signature, "v2")


def test_version_3_is_what_hubspots_own_library_expects() -> None:
    """What its tests expect comes out, to the millisecond of its time."""
    body = b"{'example_field':'example_value'}"
    headers = hubspot(APP_SECRET, "POST", URI, body, datetime.fromtimestamp(15_000, UTC))
    assert headers["X-HubSpot-Request-Timestamp"] == "15000000"
    assert headers["X-HubSpot-Signature-v3"] == "HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw="


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("?a=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", "?a=:/?@!$'()*,;"),
        ("?a=%3a%2f", "?a=:/"),
        ("?a=%26%3D%20%25%23%C3%A4", "?a=%26%3D%20%25%23%C3%A4"),
        ("?a=%253A", "?a=%253A"),
    ],
)
def test_version_3_reads_some_escapes_and_no_others(sent: str, signed: str) -> None:
    """Those twelve are read, an escaped escape is not, and version 2 takes the URI exactly as it is requested."""
    headers = hubspot(APP_SECRET, "POST", URI + sent, b"x", NOW)
    at = headers["X-HubSpot-Request-Timestamp"]
    expected = hmac.new(APP_SECRET.encode(), f"POST{URI}{signed}x{at}".encode(), sha256).digest()
    assert b64decode(headers["X-HubSpot-Signature-v3"]) == expected
    assert headers["X-HubSpot-Signature"] == sha256(f"{APP_SECRET}POST{URI}{sent}x".encode()).hexdigest()


def test_signatures_take_utf_8() -> None:
    """Letters beyond ASCII in the body are signed by their bytes, as they are sent."""
    body = '{"name":"Änne"}'.encode()
    expected = sha256(APP_SECRET.encode() + b"POST" + URI.encode() + body).hexdigest()
    assert hubspot(APP_SECRET, "POST", URI, body, NOW)["X-HubSpot-Signature"] == expected


def test_the_reference_library_verifies_standard_webhooks() -> None:
    """A receiver with the reference library takes what we sign, and not another body."""
    headers = standard([standard_key(KEY)], "msg_1", '{"a":"ä"}'.encode(), datetime.now(UTC))
    assert Webhook(KEY).verify('{"a":"ä"}', headers) == {"a": "ä"}
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify('{"a":"b"}', headers)


def test_while_keys_are_exchanged_either_verifies() -> None:
    """With two secrets both the receiver with the old one and the one with the new take it; a third does not."""
    old, new, other = (f"whsec_{b64encode(bytes([n]) * 24).decode()}" for n in (1, 2, 3))
    headers = standard([standard_key(new), standard_key(old)], "msg_1", b"{}", datetime.now(UTC))
    assert Webhook(old).verify("{}", headers) == Webhook(new).verify("{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify("{}", headers)


def test_a_later_attempt_has_the_same_id_and_another_time() -> None:
    """The receiver knows it again by its id, and can tell an old recording by its time."""
    first = standard([standard_key(KEY)], "msg_1", b"{}", NOW)
    later = standard([standard_key(KEY)], "msg_1", b"{}", NOW + timedelta(hours=1))
    assert first["webhook-id"] == later["webhook-id"] == "msg_1"
    assert int(later["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 3600
    assert first["webhook-signature"] != later["webhook-signature"]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "plain text", f"whsec_{b64encode(bytes(23)).decode()}"])
def test_what_is_no_key_is_refused(secret: str) -> None:
    """A secret that is no Base64, or weaker than 24 bytes, signs nothing."""
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        standard_key(secret)


def test_a_key_may_stand_without_its_prefix() -> None:
    """The bytes are the same."""
    assert standard_key(KEY) == standard_key(KEY.removeprefix("whsec_")) == bytes(range(32))
