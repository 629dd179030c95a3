"""Strict JSON, piece by piece, with the place of each; what Python's own reader lets pass besides is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from starter.language.pieces import MOST_DIGITS, Piece, Unreadable, refused_number, refused_text

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r'(?P<text>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![0-9A-Za-z.]))"
    r"|(?P<word>(?:true|false|null)(?!\w))"
    r"|(?P<sign>[][{},:])"
)
_WORD = re.compile(r"[\w.+-]+")
_WORDS = {"true": True, "false": False, "null": None}
_CLOSING = {"{": "}", "[": "]"}


def pieces(text: str) -> Iterator[Piece]:
    """Give the pieces of a text; raise Unreadable where it is not JSON."""
    reader = _Reader(text)
    if not reader.peek():
        raise Unreadable(len(text), "empty_file", 'the file is empty; a flow begins with {"flow": "its-key"')
    yield from reader.value()
    while reader.open:
        yield from reader.inside()
    if reader.peek():
        raise Unreadable(reader.at, "not_json", "the flow has ended before; take out what stands here")


class _Reader:
    """Reads from left to right, knowing which brackets are open; nothing in it recurses."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.open: list[str] = []
        self.is_first = True

    def peek(self) -> str:
        """Skip what is blank; give the character that follows, nothing at the end."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def value(self) -> Iterator[Piece]:
        """Read a plain value, or what opens a mapping or a list."""
        bracket = self.peek()
        if bracket in _CLOSING:
            self.open.append(bracket)
            self.is_first = True
            self.at += 1
            yield Piece("mapping" if bracket == "{" else "list", self.at - 1, self.at)
        else:
            yield self._plain("a value")

    def inside(self) -> Iterator[Piece]:
        """Read one entry of the innermost mapping or list, or its end."""
        bracket = self.open[-1]
        if self.peek() == _CLOSING[bracket]:
            self.open.pop()
            self.is_first = False
            self.at += 1
            yield Piece("end", self.at - 1, self.at)
            return
        if not self.is_first:
            self._sign(",", f"a `,` or the closing `{_CLOSING[bracket]}`")
            if self.peek() == _CLOSING[bracket]:
                raise Unreadable(self.at, "not_json", "a comma stands before the closing bracket; JSON has none there")
        self.is_first = False
        if bracket == "{":
            yield self._key()
            self._sign(":", "a `:` after the key")
        yield from self.value()

    def _key(self) -> Piece:
        if self.peek() != '"':
            raise self._not_json("a key in double quotes")
        return self._plain("a key")

    def _sign(self, sign: str, wanted: str) -> None:
        if self.peek() != sign:
            raise self._not_json(wanted)
        self.at += 1

    def _plain(self, wanted: str) -> Piece:
        found = _TOKEN.match(self.text, self.at)
        if found is None or found["sign"]:
            raise self._not_json(wanted)
        begin, self.at = self.at, found.end()
        written = found[0]
        if found["text"]:
            text = str(json.loads(written))
            return Piece("value", begin, self.at, text, text, refused_text(text))
        if found["word"]:
            return Piece("value", begin, self.at, _WORDS[written])
        if written.lstrip("-").isdigit():
            if len(written.lstrip("-")) > MOST_DIGITS:
                return Piece("value", begin, self.at, refused=refused_number(written))
            return Piece("value", begin, self.at, int(written))
        number = float(written)
        if not math.isfinite(number):
            return Piece("value", begin, self.at, refused=refused_number(written))
        return Piece("value", begin, self.at, number)

    def _not_json(self, wanted: str) -> Unreadable:
        sign = self.peek()
        word = _WORD.match(self.text, self.at)
        if not sign:
            found = "the file ends"
        elif sign == '"':
            found = "a text begins that is not closed on its line, or holds a control character or an unknown escape"
        elif sign in ("/", "#"):
            found = "a comment stands, and JSON has none"
        else:
            found = f"{(word[0] if word else sign)[:40]!r} stands"
        return Unreadable(self.at, "not_json", f"this is not JSON: {wanted} belongs here, and {found}")
