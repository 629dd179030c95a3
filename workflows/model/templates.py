"""A text of a flow, taken apart into literal pieces and tokens.

    {{ NAME }}             a value: contact.firstname, company/parent.name, owner.email, outputs.STEP.key
    | FILTER | FILTER(..)  what to do with it; an argument is a text in quotes, without escapes, or a plain number

There is nothing else: no expressions, no loops, no attributes. A value is put in as it stands and never read as tokens
again; a missing one leaves nothing behind. So a text renders in time linear in what it may put out, whatever it says.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape

from workflows.model.errors import FlowError
from workflows.model.filters import FILTERS, OUTPUT_BYTES, Argument, Filter, TooLarge, Work, joined, written
from workflows.model.html_places import TEXT, Link, Misplaced, Place, places, put_in

SOURCE_BYTES = 256 * 1024
"""The most that a text of a flow may take, in bytes of UTF-8."""

MOST_TOKENS = 1000
MOST_FILTERS = 8
MOST_ARGUMENTS = 3
MOST_MISTAKES = 20

OUTPUTS = "outputs"
"""The root of what earlier steps put out."""

OWNER = "owner"
"""The root of the user that the record's property of this name holds, or of one that another property holds."""

_FORMS = {OUTPUTS: f"{OUTPUTS}.STEP.key", OWNER: f"{OWNER}.email, or {OWNER}.PROPERTY.email"}
_OF_RECORD = "TYPE.property, as contact.firstname"
_CACHED = 512
_SHOWN = 60
_LEXEME = re.compile(r"""\s*(?:(?P<name>[\w-]+)|(?P<quoted>'[^']*'|"[^"]*")|(?P<sign>}}|[.|(),/]))""")
_NUMBER = re.compile(r"[0-9]{1,6}")

Step = tuple[Filter, tuple[Argument, ...]]


@dataclass(frozen=True)
class TokenMistake:
    """What is wrong in a text, and where: line and column count from 1."""

    line: int
    column: int
    message: str

    @classmethod
    def at(cls, text: str, offset: int, message: str) -> TokenMistake:
        """Give the mistake at an offset of a text."""
        return cls(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset), message)

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class BadText(FlowError):
    """A text of a flow is wrong; `mistake` says what and where."""

    def __init__(self, mistake: TokenMistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


@dataclass(frozen=True)
class Token:
    """What stands between `{{` and `}}`: the path of a value, and its filters with their arguments, in order."""

    path: tuple[str, ...]
    steps: tuple[Step, ...] = ()

    def fill(self, roots: Mapping[str, object], work: Work) -> str:
        """Give the text for this token; raise TooLarge when its filters would go over too much."""
        found: object = roots
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        value = written(found)
        if self.steps:
            work.spend(value)
        for step, arguments in self.steps:
            value = step.apply(value, arguments, work)
            work.spend(value)
        return joined(value)


@dataclass(frozen=True)
class Template:
    """A text taken apart: literal pieces, and where its tokens stand; `offsets` says where each begins in the source.

    A token that stands in several places is one of `tokens`, and is filled once.
    """

    source: str
    tokens: tuple[Token, ...]
    parts: tuple[str | int, ...]
    offsets: tuple[int, ...]

    def render(self, roots: Mapping[str, object], *, html: bool = False, zone: str = "UTC") -> str:
        """Put the values in; see `workflows.model.tokens.render`."""
        work = Work(zone, html)
        texts = [token.fill(roots, work) for token in self.tokens]
        _allow(sum(len(part if isinstance(part, str) else texts[part]) for part in self.parts))
        whole = "".join(self._escaped(texts) if html else _laid(self.parts, texts))
        _allow(_size(whole))
        return whole

    def mistakes(self, *, html: bool) -> Iterator[tuple[int, str]]:
        """Find the tokens that stand where no value is safe, each by its place among the tokens, with why."""
        for number, place in enumerate(self._places if html else ()):
            if isinstance(place, Misplaced):
                yield number, f"a token cannot stand {place.why}"

    def _escaped(self, texts: list[str]) -> Iterator[str]:
        if self._is_plain:
            return _laid(self.parts, [escape(text, quote=True) for text in texts])
        for number, why in self.mistakes(html=True):
            raise BadText(TokenMistake.at(self.source, self.offsets[number], why))
        return self._placed(texts)

    def _placed(self, texts: list[str]) -> Iterator[str]:
        link, ahead = Link(), iter(self._places)
        for part in self.parts:
            if isinstance(part, str):
                yield part
            elif isinstance(place := next(ahead), Place):
                yield put_in(texts[part], place, link)

    @cached_property
    def _places(self) -> tuple[Place | Misplaced, ...]:
        return places([part if isinstance(part, str) else None for part in self.parts])

    @cached_property
    def _is_plain(self) -> bool:
        return all(place == TEXT for place in self._places)


def parse(text: str) -> Template:
    """Take a text apart; raise BadText for anything between `{{` and `}}` that is no token, and for one too large."""
    template, mistakes = read(text)
    if mistakes:
        raise BadText(mistakes[0])
    return template


@lru_cache(_CACHED)
def read(text: str) -> tuple[Template, tuple[TokenMistake, ...]]:
    """Take a text apart as far as it goes, in linear time, and find up to MOST_MISTAKES that keep it from going."""
    reading = _Reading(text)
    reading.read()
    parts, offsets = tuple(reading.parts), tuple(reading.offsets)
    return Template(text, tuple(reading.tokens), parts, offsets), tuple(reading.mistakes)


def nearest(word: str, words: Collection[str], *, always: bool = False) -> str:
    """Hint at the word that was meant; where none is near, name them all, if `always`."""
    near = difflib.get_close_matches(word[:_SHOWN], words, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(words)}" if always else ""


class _Wrong(Exception):
    """What stands after `{{` is no token."""


class _Reading:
    """Reads a text; each step moves ahead, so the whole is linear."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.parts: list[str | int] = []
        self.tokens: dict[Token, int] = {}
        self.offsets: list[int] = []
        self.mistakes: list[TokenMistake] = []

    def read(self) -> None:
        if _size(self.text) > SOURCE_BYTES:
            wrong = f"the text is too large: at most {SOURCE_BYTES // 1024} KiB; shorten it or link to the rest"
            self.mistakes.append(TokenMistake(1, 1, wrong))
            return
        done = 0
        while len(self.mistakes) < MOST_MISTAKES and (begin := self.text.find("{{", self.at)) >= 0:
            self.at = begin + len("{{")
            try:
                token = self._token()
            except _Wrong as wrong:
                self.mistakes.append(TokenMistake.at(self.text, begin, f"{wrong}, in {self._shown(begin)!r}"))
                continue
            self.parts += [self.text[done:begin]] if begin > done else []
            self.parts.append(self.tokens.setdefault(token, len(self.tokens)))
            self.offsets.append(begin)
            done = self.at
        self.parts += [self.text[done:]] if done < len(self.text) else []

    def _token(self) -> Token:
        if len(self.offsets) == MOST_TOKENS:
            raise _Wrong(f"a text takes at most {MOST_TOKENS} tokens")
        path = self._path()
        steps: list[Step] = []
        while self._next("| or the closing }}", "|", "}}") == "|":
            steps.append(self._step())
            if len(steps) > MOST_FILTERS:
                raise _Wrong(f"a token takes at most {MOST_FILTERS} filters")
        return Token(path, tuple(steps))

    def _path(self) -> tuple[str, ...]:
        path = [self._next("a name such as contact.firstname")]
        if self._peek() == "/":
            self._next("/", "/")
            path[0] += "/" + self._next("the label of an association after the /")
        while self._peek() == ".":
            self._next("a dot", ".")
            path.append(self._next("a name after the dot"))
        if path[0] == OWNER and len(path) == 2:  # noqa: PLR2004
            path.insert(1, OWNER)
        if len(path) != (3 if path[0] in (OUTPUTS, OWNER) else 2):
            form = _FORMS.get(path[0], _OF_RECORD if len(path) < 3 else f"{_OF_RECORD}, or {_FORMS[OUTPUTS]}")  # noqa: PLR2004
            raise _Wrong(f"{'.'.join(path)[:_SHOWN]!r} is no name of a value; write {form}")
        return tuple(path)

    def _step(self) -> Step:
        name = self._next("the name of a filter")
        if name not in FILTERS:
            raise _Wrong(f"no filter is called {name[:_SHOWN]!r}{nearest(name, FILTERS, always=True)}")
        arguments: list[Argument] = []
        more = self._peek() == "("
        while more and len(arguments) <= MOST_ARGUMENTS:
            self._next("(", "(", ",")
            arguments.append(self._argument())
            more = self._peek() == ","
            if not more:
                self._next(")", ")")
        if mistake := FILTERS[name].mistake(tuple(arguments)):
            raise _Wrong(f"the filter {name!r} is misused; {mistake}")
        return FILTERS[name], tuple(arguments)

    def _argument(self) -> Argument:
        match = _LEXEME.match(self.text, self.at)
        if match is None or not (match["quoted"] or _NUMBER.fullmatch(match["name"] or "")):
            raise _Wrong("expected a text in quotes or a number")
        self.at = match.end()
        return match["quoted"][1:-1] if match["quoted"] else int(match["name"])

    def _peek(self) -> str:
        match = _LEXEME.match(self.text, self.at)
        return match[match.lastgroup or 0] if match else ""

    def _next(self, wanted: str, *signs: str) -> str:
        match = _LEXEME.match(self.text, self.at)
        kind = "sign" if signs else "name"
        if match is None or match.lastgroup != kind or (signs and match[kind] not in signs):
            raise _Wrong(f"expected {wanted}")
        self.at = match.end()
        return match[kind]

    def _shown(self, begin: int) -> str:
        end = self.text.find("}}", begin, begin + _SHOWN)
        return self.text[begin : end + 2 if end >= 0 else begin + _SHOWN]


def _laid(parts: tuple[str | int, ...], texts: list[str]) -> Iterator[str]:
    return (part if isinstance(part, str) else texts[part] for part in parts)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _allow(size: int) -> None:
    if size > OUTPUT_BYTES:
        raise TooLarge(f"the values make the text too large: at most {OUTPUT_BYTES // 1024} KiB")
