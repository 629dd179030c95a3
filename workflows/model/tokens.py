"""Personalisation tokens: `{{ contact.firstname | default('there') }}` in the texts of a flow.

    {{ TYPE.property }}        a property of the enrolled record, TYPE being its object type
    {{ outputs.STEP.key }}     what an earlier step has put out
    | default('..')            instead of a value that is missing or empty
    | upper | lower | title | trim

A text literal has single or double quotes and no escapes. There is nothing else: no expressions, no loops, no
attributes. A value is put in as it stands and never read as tokens again. A missing one leaves nothing behind.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from pydantic import JsonValue

from workflows.model.errors import FlowError, RecordError

SOURCE_BYTES = 64 * 1024
"""The most that a text of a flow may take, in bytes of UTF-8."""

OUTPUT_BYTES = 256 * 1024
"""The most that a rendered text may take, in bytes of UTF-8."""

OUTPUTS = "outputs"
"""The root of what earlier steps put out."""

_CACHED = 1024
_SHOWN = 60
_MOST_FILTERS = 8
_EXACT = 1e15
_LEXEME = re.compile(r"""\s*(?:(?P<name>[\w-]+)|(?P<quoted>'[^']*'|"[^"]*")|(?P<sign>}}|[.|()]))""")
_AFTER_EQUALS = re.compile(r"=\s*\Z")
_LINK = re.compile(r"""(?<![\w-])(?:href|src|action|background|poster)\s*=\s*["']?\s*\Z""", re.IGNORECASE)
_LINK_REACH = 40
_SAFE_LINK = re.compile(r"(?:https?:|mailto:|tel:|[^:]*\Z|[^:/?#]*[/?#])", re.IGNORECASE)
_ENDS_BARE_VALUE = re.compile(r"[\s=`/]")

_FILTERS: Mapping[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "title": lambda text: re.sub(r"[^\W_]+(?:['\u2019][^\W_]+)*", lambda word: word[0].capitalize(), text),
    "trim": str.strip,
}
_DEFAULT = "default"


class TooLarge(RecordError):
    """The values of the record make a text larger than OUTPUT_BYTES."""


@dataclass(frozen=True)
class Token:
    """One `{{ ... }}`: where it stands, the path it names, and its filters with their text, in order."""

    at: int
    path: tuple[str, ...]
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The dotted name, as `contact.firstname`."""
        return ".".join(self.path)

    @property
    def way(self) -> tuple[object, ...]:
        """What its text depends on: tokens of one way are filled once."""
        return self.path, self.filters

    def fill(self, facts: Mapping[str, object]) -> str:
        """Give the text for this token; raise TooLarge before a filter works on too much."""
        text = _written(_found(self.path, facts))
        _allow(text)
        for name, literal in self.filters:
            text = (text or literal) if name == _DEFAULT else _FILTERS[name](text)
        return text


@dataclass(frozen=True)
class Template:
    """A text taken apart: literal pieces and tokens, in order."""

    source: str
    parts: tuple[str | Token, ...]

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens in order."""
        return tuple(part for part in self.parts if isinstance(part, Token))

    @property
    def needs(self) -> frozenset[str]:
        """The dotted names of all values that the text wants."""
        return frozenset(token.name for token in self.tokens)

    def render(self, facts: Mapping[str, object], *, html: bool = False) -> str:
        """Put the values in; see the function `render`."""
        filled = {token.way: token.fill(facts) for token in self.tokens}
        place = _Place()
        done: list[str] = []
        size = 0
        for part in self.parts:
            if isinstance(part, str):
                text = place.after(part)
            else:
                text = place.escaped(filled[part.way]) if html else filled[part.way]
            size += _allow(text, size)
            done.append(text)
        return "".join(done)


@lru_cache(_CACHED)
def parse(text: str) -> Template:
    """Take a text apart, in linear time.

    Raise FlowError, with line and column of the token, for anything between `{{` and `}}` that is no token, and for a
    text of more than SOURCE_BYTES.
    """
    if _size(text) > SOURCE_BYTES:
        raise FlowError(f"the text is too large: at most {SOURCE_BYTES // 1024} KiB; shorten it or link to the rest")
    parts: list[str | Token] = []
    at = 0
    while (begin := text.find("{{", at)) >= 0:
        token, end = _Reader(text, begin).token()
        parts += [text[at:begin], token] if begin > at else [token]
        at = end
    return Template(text, (*parts, text[at:]) if at < len(text) else tuple(parts))


def render(text: str, facts: Mapping[str, object], *, html: bool = False) -> str:
    """Put values in place of the tokens.

    `facts` holds mappings by root: `{"contact": {...}, "outputs": {"step": {...}}}`. A missing value, null, a mapping
    and a number that is none render empty; true and false in lower case; 1.0 as 1; a list joined by "; ". With `html`
    values are escaped, quotes included, and a link may only lead to http, https, mailto, tel or a relative address.
    Raise FlowError where the text is wrong and TooLarge above OUTPUT_BYTES.
    """
    return parse(text).render(facts, html=html)


def check(text: str, object_type: str, steps: Collection[str]) -> list[str]:
    """Find what is wrong with a text of a flow over `object_type` whose steps have these ids; empty when all is well.

    Each mistake begins with the line and column inside the text.
    """
    try:
        template = parse(text)
    except FlowError as error:
        return [str(error)]
    found = [(token, _mistake(token, object_type, steps)) for token in template.tokens]
    return [f"{_place(text, token.at)}: {mistake}" for token, mistake in found if mistake]


def _mistake(token: Token, object_type: str, steps: Collection[str]) -> str:
    root = token.path[0]
    if root == OUTPUTS and token.path[1] not in steps:
        return f"no step has the id {token.path[1]!r}{_nearest(token.path[1], steps)}"
    if root in {object_type, OUTPUTS}:
        return ""
    return f"{root!r} is not known here{_nearest(root, (object_type, OUTPUTS), always=True)}"


def _nearest(word: str, words: Collection[str], *, always: bool = False) -> str:
    near = difflib.get_close_matches(word[:_SHOWN], words, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(words)}" if always else ""


def _place(text: str, at: int) -> str:
    return f"{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


class _Reader:
    """Reads one token from its `{{` on; each step moves ahead, so the whole is linear."""

    def __init__(self, text: str, begin: int) -> None:
        self.text, self.begin, self.at = text, begin, begin + 2

    def token(self) -> tuple[Token, int]:
        path = self._path()
        filters: list[tuple[str, str]] = []
        while self._next("| or the closing }}", "|", "}}") == "|":
            filters.append(self._filter())
            if len(filters) > _MOST_FILTERS:
                raise self._mistake(f"a token takes at most {_MOST_FILTERS} filters")
        return Token(self.begin, path, tuple(filters)), self.at

    def _path(self) -> tuple[str, ...]:
        path = [self._next("a name such as contact.firstname")]
        while self._peek() == ".":
            self._next("a dot", ".")
            path.append(self._next("a name after the dot"))
        if len(path) != (3 if path[0] == OUTPUTS else 2):
            form = f"{OUTPUTS}.STEP.key" if path[0] == OUTPUTS else "TYPE.property, as contact.firstname"
            raise self._mistake(f"{'.'.join(path)[:_SHOWN]!r} is no name of a value; write {form}")
        return tuple(path)

    def _filter(self) -> tuple[str, str]:
        name = self._next("the name of a filter")
        if name == _DEFAULT:
            self._next("(", "(")
            literal = self._next("a text in quotes", quoted=True)
            self._next(")", ")")
            return name, literal[1:-1]
        if name not in _FILTERS:
            hint = _nearest(name, (_DEFAULT, *_FILTERS), always=True)
            raise self._mistake(f"no filter is called {name[:_SHOWN]!r}{hint}")
        return name, ""

    def _peek(self) -> str:
        match = _LEXEME.match(self.text, self.at)
        return match[match.lastgroup or 0] if match else ""

    def _next(self, wanted: str, *signs: str, quoted: bool = False) -> str:
        match = _LEXEME.match(self.text, self.at)
        kind = "sign" if signs else "quoted" if quoted else "name"
        if match is None or match.lastgroup != kind or (signs and match[kind] not in signs):
            raise self._mistake(f"expected {wanted}")
        self.at = match.end()
        return match[kind]

    def _mistake(self, what: str) -> FlowError:
        end = self.text.find("}}", self.begin, self.begin + _SHOWN)
        shown = self.text[self.begin : end + 2 if end >= 0 else self.begin + _SHOWN]
        return FlowError(f"{_place(self.text, self.begin)}: {what}, in {shown!r}")


def _found(path: tuple[str, ...], facts: Mapping[str, object]) -> object:
    value: object = facts
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _written(value: object) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(filter(None, map(_scalar, value)))
    return _scalar(value)


def _scalar(value: JsonValue | object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
        case _:
            return ""


class _Place:
    """Where in a page values are put in: the author's text just ahead, and what values have brought since."""

    def __init__(self) -> None:
        self.before, self.run = "", ""

    def after(self, literal: str) -> str:
        self.before, self.run = literal[-_LINK_REACH:], ""
        return literal

    def escaped(self, text: str) -> str:
        """Escape a value; a link that would run code becomes an empty one, also where two values make it up."""
        # Spaces and control characters count for nothing when a browser looks for the scheme.
        self.run = (self.run + "".join(sign for sign in text if sign > " "))[:_LINK_REACH]
        if _LINK.search(self.before) and not _SAFE_LINK.match(self.run):
            return ""
        value = escape(text, quote=True)
        # An attribute without quotes ends at a space, so a value could bring attributes of its own.
        bare = _AFTER_EQUALS.search(self.before)
        return _ENDS_BARE_VALUE.sub(lambda sign: f"&#{ord(sign[0])};", value) if bare else value


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _allow(text: str, so_far: int = 0) -> int:
    size = _size(text)
    if so_far + size > OUTPUT_BYTES:
        raise TooLarge(f"the values make the text too large: at most {OUTPUT_BYTES // 1024} KiB")
    return size
