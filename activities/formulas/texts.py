"""Functions of texts and lists."""

from __future__ import annotations

from decimal import Decimal
from html import escape

from activities.formulas.values import LONGEST_TEXT, Value, Wrong, bounded, items, shown, text, whole
from workflows.model.filters import FILTERS, Work

_MOST_ITEMS = 10_000
_LONGEST_PATTERN = 500


def concat(*parts: Value) -> Value:
    """Put texts after each other."""
    return bounded("".join(map(text, parts)))


def capitalize(s: Value) -> Value:
    """Make the first letter large, and all others small."""
    return text(s).capitalize()


def lower(s: Value) -> Value:
    """Make all letters small."""
    return text(s).lower()


def upper(s: Value) -> Value:
    """Make all letters large."""
    return bounded(text(s).upper())


def title(s: Value) -> Value:
    """Make the first letter of each word large, as the token filter does."""
    return _filtered("title", s)


def trim(s: Value) -> Value:
    """Take space away from both ends."""
    return text(s).strip()


def cut(s: Value, piece: Value) -> Value:
    """Take a piece away, wherever it stands."""
    return text(s).replace(text(piece), "") if text(piece) else text(s)


def replaced(s: Value, old: Value, new: Value, count: Value = None) -> Value:
    """Put one piece in place of another, everywhere or so many times from the left."""
    where, piece, by = text(s), text(old), text(new)
    if not piece:
        return where
    times = where.count(piece) if count is None else min(whole(count), where.count(piece))
    if len(where) + times * (len(by) - len(piece)) > LONGEST_TEXT:
        raise Wrong("too_large", f"the text would have more than {LONGEST_TEXT} characters")
    return where.replace(piece, by, times)


def regex_replaced(s: Value, pattern: Value, by: Value) -> Value:
    """Put a text in place of all that a pattern finds, in linear time whatever the pattern says."""
    import re2

    if len(text(pattern)) > _LONGEST_PATTERN:
        raise Wrong("bad_pattern", f"a pattern has at most {_LONGEST_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    try:
        return bounded(re2.compile(text(pattern), options).sub(text(by), text(s)))
    except (re2.error, IndexError) as error:
        raise Wrong("bad_pattern", f"{shown(pattern)} with {shown(by)}: {error}") from None


def reversed_(s: Value) -> Value:
    """Turn round a text, or a list."""
    return s[::-1] if isinstance(s, tuple) else text(s)[::-1]


def truncated(s: Value, most: Value, end: Value = "…") -> Value:
    """Cut after so many characters; the end that marks it counts among them."""
    if (limit := whole(most)) < 0:
        raise Wrong("type_mismatch", f"{shown(most)} is no number of characters")
    whole_, mark = text(s), text(end)
    return whole_ if len(whole_) <= limit else whole_[: max(0, limit - len(mark))].rstrip() + mark[:limit]


def length(s: Value) -> Value:
    """Count characters or items."""
    return Decimal(len(s) if isinstance(s, tuple) else len(text(s)))


def split(s: Value, separator: Value) -> Value:
    """Give the pieces between separators."""
    if not (between := text(separator)):
        raise Wrong("type_mismatch", "a text is not split at an empty separator")
    pieces = text(s).split(between, _MOST_ITEMS) if text(s) else []
    if len(pieces) > _MOST_ITEMS:
        raise Wrong("too_large", f"a list has at most {_MOST_ITEMS} items")
    return tuple(pieces)


def joined(list_: Value, separator: Value) -> Value:
    """Write a list as one text."""
    each, between = items(list_), text(separator)
    if sum(map(len, each)) + len(between) * len(each) > LONGEST_TEXT:
        raise Wrong("too_large", f"the text would have more than {LONGEST_TEXT} characters")
    return between.join(each)


def first(list_: Value) -> Value:
    """Give the first item."""
    return each[0] if (each := items(list_)) else None


def last(list_: Value) -> Value:
    """Give the last item."""
    return each[-1] if (each := items(list_)) else None


def without_tags(s: Value) -> Value:
    """Take HTML tags out, as the token filter does."""
    return _filtered("striptags", s)


def escaped(s: Value) -> Value:
    """Escape the signs of HTML."""
    return bounded(escape(text(s)))


def _filtered(name: str, s: Value) -> str:
    return bounded(str(FILTERS[name].apply(bounded(text(s)), (), Work())))
