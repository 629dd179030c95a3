"""An e-mail as bytes, with headers that no value can break out of.

The standard library's `EmailMessage` decodes encoded words inside header values and, in some Python releases, writes
the line breaks that they hold: a subject could add recipients. So headers are encoded here, from values that hold
neither control characters nor encoded words, and the finished bytes are read once more. The library writes bodies only.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime

from activities.action import Refused
from activities.effects import Mail
from activities.gateways.inline_images import InlineImage, taken_out
from workflows.model.addresses import is_address
from workflows.model.errors import EngineError

HEADER_CHARACTERS = 900
"""The most characters that a header value may have: one line, with its name, where it needs no encoding."""

LINE_BYTES = 998
"""The most bytes in a line of an e-mail, its line break not counted (RFC 5322, 2.1.1)."""

_NAME_CHARACTERS = 200
_WORD_BYTES = 39
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|=\\?")
_KEY = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_FIELD = re.compile(rb"\r\n(?![ \t])")
_BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_LONG_LINE = re.compile(rb"[^\r\n]{%d}" % (LINE_BYTES + 1))
_OURS = [b"Message-ID", b"Date", b"From", b"To", b"Subject", b"Auto-Submitted", b"Precedence"]
_LIST = [b"List-Unsubscribe", b"List-Unsubscribe-Post"]
_LINK = re.compile(r"https?://[!-~]+")
_LINK_CHARACTERS = 900
_BODY = {b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding"}
_BODY_POLICY = policy.SMTP.clone(max_line_length=76, cte_type="7bit")


@dataclass(frozen=True)
class Letter:
    """What goes over the wire: from whom, to whom, and the finished bytes."""

    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True)
class Mailbox:
    """A name, often empty, and an address."""

    name: str
    address: str

    @classmethod
    def read(cls, text: str) -> Mailbox:
        """Read `Name <address>` or a plain address; raise Refused when it is neither."""
        name, angle, address = text.strip().removesuffix(">").rpartition("<")
        if bool(angle) != text.strip().endswith(">"):
            raise Refused("bad_address", f"{text[:300]!r}: write Name <address>")
        name = name.strip()
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = name[1:-1]
        if len(name) > _NAME_CHARACTERS:
            raise Refused("invalid_header_value", f"{name[:300]!r}: a name may have {_NAME_CHARACTERS} characters")
        return cls(safe(name), one_address(address))


def safe(value: str) -> str:
    """Give a value back if it may stand in a header; raise Refused if it could end or rewrite one."""
    if len(value) > HEADER_CHARACTERS or _UNSAFE.search(value):
        raise Refused("invalid_header_value", f"{value[:300]!r}: a control character, '=?', or too long for a header")
    return value


def one_address(text: str) -> str:
    """Give a plain address back; raise Refused for anything else, a list of addresses included."""
    if not is_address(safe(text)):
        raise Refused("bad_address", f"{text[:300]!r} is not one plain e-mail address")
    return text


def compose(mail: Mail, key: str, sender: Mailbox, domain: str, now: datetime) -> Letter:
    """Write the bytes of an e-mail; those of one key share a Message-ID.

    Raise Refused for a value that may not stand in a header, and for an address that is not one plain address.
    """
    if not _KEY.fullmatch(key):
        raise EngineError(f"the effect key {key!r} cannot be the first half of a Message-ID")
    to = one_address(mail.to)
    fields = (
        _field("Message-ID", f"<{key}@{domain}>"),
        _field("Date", format_datetime(now)),
        _field("From", f"{_phrase(sender.name)}<{sender.address}>"),
        _field("To", to),
        _field("Subject", _unstructured(safe(mail.subject))),
        _field("Auto-Submitted", "auto-generated"),
        _field("Precedence", "bulk"),
        *_unsubscribing(mail.unsubscribe),
    )
    content = "".join(fields).encode("ascii") + _body(mail, key)
    verify(content)
    return Letter(sender.address, to, content)


def _unsubscribing(link: str | None) -> tuple[str, ...]:
    """Give the headers by which a mailbox offers to end such e-mail at one click (RFC 8058); the link is never cut."""
    if link is None:
        return ()
    if len(link) > _LINK_CHARACTERS or not _LINK.fullmatch(link) or ">" in link:
        raise EngineError(f"{link[:300]!r} cannot be a link to unsubscribe")
    return _field("List-Unsubscribe", f"<{link}>"), _field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


def verify(content: bytes) -> None:
    """Read the finished bytes: our headers once each, those of the body, nothing else; raise Refused otherwise."""
    head, _, _ = content.partition(b"\r\n\r\n")
    names = [field.partition(b":")[0] for field in _FIELD.split(head)]
    expected = [*_OURS, *_LIST] if _LIST[0] in names else _OURS
    ours, body = names[: len(expected)], names[len(expected) :]
    whole = ours == expected and b"Content-Type" in body and len(set(body)) == len(body) and _BODY.issuperset(body)
    if not whole or not content.isascii() or _BARE_BREAK.search(content) or _LONG_LINE.search(content):
        raise Refused("invalid_header_value", f"the finished e-mail has other headers or lines than ours: {names!r}")


def _body(mail: Mail, key: str) -> bytes:
    # Quoted-printable keeps lines short and ASCII, and writes `=` as `=3D`: no text can hold the boundary.
    message = EmailMessage(policy=_BODY_POLICY)
    message.set_content(_encodable(mail.text), cte="quoted-printable")
    if mail.html is not None:
        html, images = taken_out(_encodable(mail.html), key)
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        message.set_boundary(f"=_{key}")
        _add_images(message, images, key)
    return message.as_bytes()


def _add_images(message: EmailMessage, images: list[InlineImage], key: str) -> None:
    if not images:
        return
    [_, page] = message.iter_parts()
    for image in images:
        page.add_related(image.content, "image", image.type, cid=f"<{image.id}>", disposition="inline")
    page.set_boundary(f"=r_{key}")


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _field(name: str, value: str) -> str:
    return f"{name}: {value}\r\n"


def _unstructured(text: str) -> str:
    return text if text.isascii() else _encoded(text)


def _phrase(name: str) -> str:
    if not name:
        return ""
    if not name.isascii():
        return f"{_encoded(name)}\r\n "
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" '


def _encoded(text: str) -> str:
    words = (b64encode(chunk).decode("ascii") for chunk in _chunks(text))
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)


def _chunks(text: str) -> Iterator[bytes]:
    """Cut between characters, for each encoded word is decoded by itself."""
    chunk = b""
    for sign in text:
        code = sign.encode("utf-8")
        if len(chunk) + len(code) > _WORD_BYTES:
            yield chunk
            chunk = b""
        chunk += code
    yield chunk
