"""The pieces of a flow file's text in either notation: where mappings and lists begin and end, and plain values."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import JsonValue

MOST_DIGITS = 18
"""Digits of a whole number: what has more does not fit the 64 bits that a database keeps."""

Refusal = tuple[str, str]
"""The code and the message of what is wrong with a piece."""


class Piece(NamedTuple):
    """One piece and its offsets in the text; `key` is how a plain value reads as a key.

    `refused` says what is wrong with the piece, where all that follows can be read all the same.
    """

    kind: Literal["mapping", "list", "value", "end"]
    begin: int
    end: int
    value: JsonValue = None
    key: str | None = None
    refused: Refusal | None = None


class Unreadable(Exception):
    """A mistake after which the rest of a text cannot be told apart."""

    def __init__(self, at: int, code: str, message: str) -> None:
        """`at` is the offset in the text."""
        super().__init__(message)
        self.at, self.code, self.message = at, code, message


def refused_text(text: str) -> Refusal | None:
    """Tell what no database would keep: NUL, and half of a surrogate pair."""
    if "\0" in text:
        return "control_character", "the character NUL stands in this text; take it out"
    if any("\ud800" <= sign <= "\udfff" for sign in text) if not text.isascii() else False:
        return "lone_surrogate", "half of a surrogate pair stands in this text, which is no character; take it out"
    return None


def refused_number(written: str) -> Refusal:
    """Say that a number is too large to be kept exactly, or at all."""
    shown = written if len(written) <= 2 * MOST_DIGITS else f"{written[:MOST_DIGITS]}... ({len(written)} characters)"
    return (
        "number_too_large",
        f"{shown} is too large a number; if it is a text, as a telephone number, put it in quotes",
    )
