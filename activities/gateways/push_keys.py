"""The pair of keys of an application that pushes (VAPID, RFC 8292): made, and read."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_BYTES = 32


@dataclass(frozen=True)
class PushKeys:
    """A pair of keys, each as one word: the private one for our settings, the public one for the web page."""

    private: str = field(repr=False)
    public: str


def make_keys() -> PushKeys:
    """Make a new pair."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    return PushKeys(_word(key.private_numbers().private_value.to_bytes(_BYTES, "big")), public_word(key))


def public_word(key: EllipticCurvePrivateKey) -> str:
    """Give the public key of a private one as `pushManager.subscribe` takes it, as `applicationServerKey`."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return _word(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def read_key(text: str) -> EllipticCurvePrivateKey:
    """Read a private key, one word or PEM; raise ValueError where it is none of the one curve."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if text.startswith("-----"):
        key = load_pem_private_key(text.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("it is not of the curve P-256")
        return key
    return ec.derive_private_key(int.from_bytes(urlsafe_b64decode(f"{text}="), "big"), ec.SECP256R1())


def as_pem(key: EllipticCurvePrivateKey) -> tuple[bytes, bytes]:
    """Write a private key and its public one as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def _word(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
