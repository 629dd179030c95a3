"""Images inside an e-mail."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from activities.effects import Mail
from activities.gateways.inline_images import taken_out
from activities.gateways.mail_message import Mailbox, compose

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SRC = f'src="data:image/png;base64,{PNG}"'


def test_images_become_parts_of_the_email() -> None:
    """Beside the HTML that names them; one that stands there twice is sent once; the rest of the e-mail is the same."""
    html = f"<p>a <img alt='x' {SRC}> b <img {SRC} width=1></p>"
    mail = Mail("anna@example.com", "Hi", "text", html)
    contents = {
        compose(mail, "key1", Mailbox.read("a@b.example"), "b.example", datetime(2026, 1, 1, tzinfo=UTC)).content
        for _ in range(2)
    }
    [content] = contents
    message = message_from_bytes(content, policy=policy.default)
    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png")
    ]
    *_, page, image = message.walk()
    assert image.get_payload(decode=True) == b64decode(PNG)
    assert image["Content-Disposition"] == "inline"
    said = page.get_payload(decode=True)
    assert isinstance(said, bytes)
    assert said.decode().strip() == html.replace(SRC, 'src="cid:image1.key1@inline"')
    assert image["Content-ID"] == "<image1.key1@inline>"


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://acme.example/a.png">',
        '<img src="data:image/png;base64,%%%">',
        '<img src="data:image/png;base64,AAA">',
        '<img src="data:image/svg+xml;base64,AAAA">',
        f"<img src=data:image/png;base64,{PNG}>",
        '<a href="data:image/png;base64,AAAA">x</a>',
        f"in words: data:image/png;base64,{PNG}",
    ],
)
def test_all_else_is_left_as_it_stands(html: str) -> None:
    """A linked image, one that is no base64, a drawing that may run code, and what is no image."""
    assert taken_out(html, "k") == (html, [])
