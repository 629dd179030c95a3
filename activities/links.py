"""Links of ours that carry a signature: whoever has one may do the one thing that it says, without a login."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from hashlib import sha256

from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

UNSUBSCRIBE = "unsubscribe"
"""The folder of the links that end e-mail, below the public URL."""

_VERSION = "1"


class NoLinks:
    """Stands where no public URL and signing key are set: there are no links then."""

    def unsubscribe(self, contact: RecordRef, key: str, subscription: str = "") -> str | None:
        """See Links."""
        del contact, key, subscription
        return None


@dataclass(frozen=True)
class Unsubscribing:
    """What a link to unsubscribe says: who, by which e-mail, and from which subscription, or all where it is empty."""

    contact: RecordRef
    key: str
    subscription: str = ""


class SignedLinks:
    """Makes links below a public URL, and reads what they say; a link for one purpose is none for another."""

    def __init__(self, public_url: str, signing_key: str) -> None:
        """Sign with a key that nobody else knows; with another key, the links that went out are worth nothing."""
        self._base, self._key = public_url.rstrip("/"), signing_key.encode()

    def unsubscribe(self, contact: RecordRef, key: str, subscription: str = "") -> str | None:
        """See Links."""
        of = f"{key}/{subscription}" if subscription else key  # neither holds a slash, nor a space
        return f"{self._base}/{UNSUBSCRIBE}/{self._token(UNSUBSCRIBE, f'{of} {contact}')}"

    def unsubscribing(self, token: str) -> Unsubscribing:
        """Read the last part of a link to unsubscribe; raise CallerError where it is not one that we made."""
        of, _, contact = self._said(UNSUBSCRIBE, token).partition(" ")
        key, _, subscription = of.partition("/")
        return Unsubscribing(RecordRef.parse(contact), key, subscription)

    def _token(self, purpose: str, said: str) -> str:
        return ".".join((_VERSION, _text(said.encode()), _text(self._signature(purpose, said))))

    def _said(self, purpose: str, token: str) -> str:
        version, _, rest = token.partition(".")
        body, _, signature = rest.partition(".")
        try:
            said = _bytes(body).decode()
            is_ours = version == _VERSION and hmac.compare_digest(_bytes(signature), self._signature(purpose, said))
        except (NotBase64, UnicodeError, ValueError):
            is_ours, said = False, ""
        if not is_ours:
            raise CallerError("this link is not one of ours, or it was cut; use the whole link of the e-mail")
        return said

    def _signature(self, purpose: str, said: str) -> bytes:
        return hmac.digest(self._key, f"perdure:{_VERSION}:{purpose}:{said}".encode(), sha256)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(data) != text:  # the library passes over signs that are none, and over bits that are left
        raise ValueError(text)
    return data
