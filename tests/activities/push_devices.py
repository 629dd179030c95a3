"""A device as a push service knows it: it opens what was encrypted for it (RFC 8291), by nothing of the library's."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.activities.web_servers import Asked


def from_word(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def as_word(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


@dataclass(frozen=True)
class Browser:
    """A private key and a secret that no push service sees."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"sixteen bytes ok"

    @property
    def keys(self) -> dict[str, str]:
        """Give the keys of its subscription, as `PushSubscription.toJSON()` has them."""
        return {"p256dh": as_word(_point(self.key.public_key())), "auth": as_word(self.auth)}

    def opened(self, body: bytes) -> bytes:
        """Open a message in its one record."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        point, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        info = b"WebPush: info\0" + _point(self.key.public_key()) + point
        secret = _derived(self.key.exchange(ec.ECDH(), theirs), self.auth, info, 32)
        key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
        text, mark, padding = AESGCM(key).decrypt(nonce, sealed, None).rpartition(b"\x02")
        assert (mark, padding.strip(b"\0")) == (b"\x02", b"")
        return text


def signed(asked: Asked, public: str) -> dict[str, Any]:
    """Give what a request says of who pushes (RFC 8292), signed by the pair that `public` is of."""
    scheme, *parts = asked.headers["authorization"].replace(",", " ").split()
    given = dict(part.split("=", 1) for part in parts)
    assert (scheme, given["k"]) == ("vapid", public)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_word(public))
    said: dict[str, Any] = jwt.decode(given["t"], key, algorithms=["ES256"], options={"verify_aud": False})
    return said
