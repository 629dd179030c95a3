"""Text on pictures: made safe, measured, wrapped and shortened, in whatever script it is written.

Nobody knows which font will draw a picture, so widths are estimates, in ems, rather too wide than too narrow.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

MOST_READ = 600
"""Characters of a text that are looked at: more than a box holds, and an e-mail may have 64,000."""

_NARROW, _WIDE, _USUAL, _CAPITAL, _FULL = 0.32, 0.9, 0.58, 0.72, 1.05
_EMS = {**dict.fromkeys("iljtfrI.,:;!|'`()[] ", _NARROW), **dict.fromkeys("mwMW@%&", _WIDE)}
_JOINER, _UNKNOWN = "\u200d", "\ufffd"
_TURNERS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows, also outside of their own text."""

_TOKEN = re.compile(r"\{\{\s*([^{}|\s]{1,200})[^{}]{0,300}\}\}")


def clean(text: str) -> str:
    """Put a text on one line, without characters that XML refuses or that reach beyond it."""
    read = text[:MOST_READ]
    fit = read if read.isascii() and read.isprintable() else "".join(map(_fit, read))
    return " ".join(fit.split()) + ("…" if len(text) > MOST_READ else "")


def _fit(char: str) -> str:
    if char in _TURNERS:
        return ""
    if unicodedata.category(char) in {"Cc", "Cs", "Cn"} and not char.isspace():
        return _UNKNOWN
    return char


def without_braces(text: str) -> str:
    """Show tokens by their last names: `firstname` in angle marks, of `{{ contact.firstname | default('you') }}`."""
    return _TOKEN.sub(lambda found: f"\u2039{found[1].rpartition('.')[2]}\u203a", text)


def width(text: str) -> float:
    """Estimate the width of a text, in ems."""
    return sum(map(_em, text))


@lru_cache(maxsize=4096)
def _em(char: str) -> float:
    if char in _EMS:
        return _EMS[char]
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0.0
    if unicodedata.east_asian_width(char) in {"W", "F"}:
        return _FULL
    return _CAPITAL if char.isupper() else _USUAL


def wrapped(text: str, most: float, lines: int) -> tuple[str, ...]:
    """Break a clean text into at most so many lines of at most so many ems; what does not fit becomes an ellipsis."""
    rows: list[str] = []
    room = 0.0
    for piece, wide in _pieces(text, most):
        if rows and wide <= room:
            rows[-1] += piece
            room -= wide
        elif len(rows) < lines:
            rows.append(piece.lstrip())
            room = most - wide
        else:
            rows[-1] = _shortened(rows[-1], most)
            break
    return tuple(row.rstrip() for row in rows)


def _shortened(row: str, most: float) -> str:
    while row and width(row) + 1 > most:
        row = row[:-1]
    return row.rstrip(f" {_JOINER}") + "…"


def _pieces(text: str, most: float) -> Iterator[tuple[str, float]]:
    """Give what must stay together, with the space before it, and how wide it is.

    That is a word, a piece of a word that is wider than a line, or one sign of a script without spaces.
    """
    for number, word in enumerate(text.split(" ")):
        piece, wide = (" ", _NARROW) if number else ("", 0.0)
        for char in word:
            em = _em(char)
            breaks = wide + em > most or (em >= _FULL and not unicodedata.category(char).startswith("P"))
            if em and breaks and piece.strip() and not piece.endswith(_JOINER):
                yield piece, wide
                piece, wide = "", 0.0
            piece += char
            wide += em
        yield piece, wide
