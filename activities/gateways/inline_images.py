"""Images that stand inside an HTML text, taken out to be parts of the e-mail: mailboxes show no `data:` links."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass

_IMAGE = re.compile(
    r"""(?P<before><img\b[^<>]*?\bsrc\s*=\s*)(?P<quote>["'])data:image/(?P<type>png|jpeg|gif|webp);base64,
        (?P<data>[A-Za-z0-9+/=\s]+)(?P=quote)""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class InlineImage:
    """An image of an e-mail, and the id by which its HTML names it."""

    id: str
    type: str
    content: bytes


def taken_out(html: str, key: str) -> tuple[str, list[InlineImage]]:
    """Give the HTML with its images named by id, and the images; what is no base64 is left as it stands."""
    images: list[InlineImage] = []

    def named(found: re.Match[str]) -> str:
        try:
            content = b64decode("".join(found["data"].split()), validate=True)
        except NotBase64:
            return found[0]
        known = next((each for each in images if each.content == content), None)
        if known is None:
            known = InlineImage(f"image{len(images) + 1}.{key}@inline", found["type"].lower(), content)
            images.append(known)
        return f"{found['before']}{found['quote']}cid:{known.id}{found['quote']}"

    return _IMAGE.sub(named, html), images
