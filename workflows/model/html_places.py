"""Where in a page of HTML the values stand, and what may stand there.

A value is escaped, so in text and in a quoted attribute it is only ever text. The rest is for this module: a link may
not run code, a style may not load anything, and in a script, in the name of a tag or without quotes no value is safe,
so that a text with a token there is refused. The page is the author's, read as browsers read it, each value standing
for a letter. It is read once, from left to right: a value never changes what follows it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Literal

Kind = Literal["text", "outlook", "link", "links", "style"]

_SPACE = r"[ \t\n\f\r]"
_MARKUP = re.compile(r"<(?:[a-zA-Z!?]|/.)", re.DOTALL)
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
# What stands between `<!--[if mso]>` and `<![endif]-->` is a comment to most readers, and a page to Outlook.
_FOR_OUTLOOK = re.compile(r"<!--\[if[^<>]*>", re.IGNORECASE)
_BOGUS = re.compile(r"<(?:[!?]|/(?![a-zA-Z]))[^>]*>?")
_REMARKS = (_FOR_OUTLOOK, _COMMENT, _BOGUS)
_TAG = re.compile(r"<(?P<close>/?)(?P<name>[a-zA-Z][^ \t\n\f\r/>]*)")
_ATTRIBUTE = re.compile(
    rf"""(?:{_SPACE}|/)*(?P<name>=?[^ \t\n\f\r/>=]*)
         (?:{_SPACE}*={_SPACE}*(?:"(?P<double>[^"]*)"?|'(?P<single>[^']*)'?|(?P<bare>[^ \t\n\f\r>]*)))?""",
    re.VERBOSE,
)

_NO_PAGE = frozenset({"iframe", "math", "noembed", "noframes", "plaintext", "script", "style", "svg", "xmp"})
_ONLY_TEXT = frozenset({"textarea", "title"})
_OPAQUE = _NO_PAGE | _ONLY_TEXT
_ACTING = _NO_PAGE | {"applet", "base", "embed", "frame", "link", "meta", "object", "param"}
_LINKS = frozenset(
    {
        *("action", "background", "cite", "codebase", "data", "dynsrc", "formaction", "href", "icon", "longdesc"),
        *("lowsrc", "manifest", "ping", "poster", "profile", "src", "usemap", "xlink:href"),
    }
)
_ENDS_TAG = ("", ">")
_CLOSED_BY_SLASH = frozenset({"math", "svg"})
_PARTIAL = re.compile(r"&#?\w*\Z")
_REACH = 100
_REACH_ENTITIES = 400
_UNSEEN = re.compile(r"[\x00-\x20]+")
"""What counts for nothing when a browser looks for the scheme of a link."""
_SAFE = re.compile(r"(?:https?|mailto|tel|sms|cid):|[^:]*\Z|[^:/?#]*[/?#]", re.IGNORECASE)
_SETTLED = re.compile(r"(?:https?|mailto|tel|sms|cid):|[^:/?#]*[/?#]", re.IGNORECASE)
_COLON = re.compile(r"[^:/?#]*:")
_STYLE = re.compile(r"[\w#%.,+ -]*", re.ASCII)


@dataclass(frozen=True)
class Place:
    """A place where a value may stand.

    In a link, `ahead` is what the author wrote before it, from the beginning of the link or from the value before it.
    """

    kind: Kind = "text"
    ahead: str = ""
    begins: bool = True


@dataclass(frozen=True)
class Misplaced:
    """A place where no value is safe, in words that follow `a token cannot stand`."""

    why: str


TEXT = Place()
_IN_REMARK = Misplaced("in a comment")
_IN_NAME = Misplaced("in the name of a tag or of an attribute")


class Link:
    """The link that values are put into: what its author and its values have made of it so far."""

    def __init__(self) -> None:
        self.run = ""

    def admits(self, place: Place, value: str) -> bool:
        """Tell whether a link is still a safe one with this value, also where two values make up its scheme."""
        before = place.ahead if place.begins else self.run + place.ahead
        run = (before + _UNSEEN.sub("", value))[:_REACH]
        safe = _SAFE.match(run) is not None
        self.run = run if safe else before
        return safe


def put_in(value: str, place: Place, link: Link) -> str:
    """Escape a value for its place; one that is not safe there becomes an empty one."""
    match place.kind:
        case "link" if not link.admits(place, value):
            return ""
        case "links" if not all(_SAFE.match(_UNSEEN.sub("", each)) for each in value.split(",")):
            return ""
        case "style" if _STYLE.fullmatch(value) is None:
            return ""
        case "outlook":  # two hyphens before the author's `>` would end the comment
            return escape(value, quote=True).replace("-", "&#45;")
    return escape(value, quote=True)


def places(parts: Sequence[str | None]) -> tuple[Place | Misplaced, ...]:
    """Give the place of each value in a page, in linear time; None stands for a value."""
    holes, at = list[int](), 0
    for part in parts:
        if part is None:
            holes.append(at)
        at += 1 if part is None else len(part)
    page = _Page("".join("x" if part is None else part for part in parts), holes)
    page.read()
    return tuple(page.found.get(hole, TEXT) for hole in holes)


class _Page:
    """Reads a page from left to right and finds the places of its holes; one not found is in text."""

    def __init__(self, page: str, holes: list[int]) -> None:
        self.page, self.holes = page, holes
        self.found: dict[int, Place | Misplaced] = {}
        self.outlook: int | None = None

    def read(self) -> None:
        """Read as far as the last hole; what follows it is of no account."""
        at = 0
        while self.holes and at <= self.holes[-1] and (markup := _MARKUP.search(self.page, at)):
            begin = markup.start()
            tag = _TAG.match(self.page, begin)
            at = self._tag(tag) if tag else self._remark(begin)
        if self.outlook is not None:
            self._mark(self.outlook, len(self.page), Place("outlook"))

    def _remark(self, begin: int) -> int:
        remark = next(found for form in _REMARKS if (found := form.match(self.page, begin)))
        self._mark(begin, remark.end(), _IN_REMARK)
        if remark.re is _FOR_OUTLOOK and self.outlook is None:
            self.outlook = remark.end()
        return remark.end()

    def _tag(self, tag: re.Match[str]) -> int:
        name, at, page = tag["name"].lower(), tag.end(), self.page
        while page[at : at + 1] not in _ENDS_TAG and (attribute := _ATTRIBUTE.match(page, at)):
            at = attribute.end()
            if attribute["name"] and self._between(attribute.start(), at):
                self._attribute(name, attribute)
        if at >= len(page):
            self.found.update(dict.fromkeys(self._between(tag.start(), at), Misplaced("in a tag that does not end")))
        self._mark(tag.start(), at, _IN_NAME)
        if tag["close"] or name not in _OPAQUE or (name in _CLOSED_BY_SLASH and page[at - 1] == "/"):
            return at + 1
        return self._inside(name, at + 1)

    def _inside(self, name: str, begin: int) -> int:
        """Pass over the inside of an element that holds only text, or markup in which no value is safe."""
        close = re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE).search(self.page, begin)
        end = close.start() if close else len(self.page)
        # A tag in a title is text to browsers, and a tag to some mail programs.
        if name in _NO_PAGE or self.page.find("<", begin, end) >= 0:
            self._mark(begin, end, Misplaced(f"inside <{name}>" if name in _NO_PAGE else f"beside a tag in <{name}>"))
        return end

    def _attribute(self, tag: str, attribute: re.Match[str]) -> None:
        name = attribute["name"].lower()
        group = next((each for each in ("double", "single", "bare") if attribute[each] is not None), "name")
        begin, end = attribute.span(group)
        if group == "name":
            self._mark(begin, end, _IN_NAME)
        elif tag in _ACTING:
            self._mark(begin, end, Misplaced(f"inside <{tag}>"))
        elif name.startswith("on") or name == "srcdoc":
            self._mark(begin, end, Misplaced(f"in {name!r}, which is code"))
        elif group == "bare":
            self._mark(begin, end, Misplaced(f'in an attribute without quotes; write {name}="..."'))
        elif name in _LINKS:
            self._link(begin, end)
        else:
            self._mark(begin, end, Place("style" if name == "style" else "links" if "srcset" in name else "text"))

    def _link(self, begin: int, end: int) -> None:
        at, holes = begin, self._between(begin, end)
        for hole, following in zip(holes, [*holes[1:], end], strict=True):
            place = _in_link(self.page[at:hole], self.page[hole + 1 : following], begins=at == begin)
            if place == TEXT:
                self._mark(hole, end, TEXT)
                return
            self.found[hole] = place
            at = hole + 1

    def _between(self, begin: int, end: int) -> list[int]:
        first = bisect_left(self.holes, begin)
        if first == len(self.holes) or self.holes[first] >= end:
            return []
        return self.holes[first : bisect_left(self.holes, end)]

    def _mark(self, begin: int, end: int, place: Place | Misplaced) -> None:
        for hole in self._between(begin, end):
            self.found.setdefault(hole, place)


def _in_link(before: str, behind: str, *, begins: bool) -> Place | Misplaced:
    """Judge a place in a link by what the author wrote before it and behind it, as far as the next values."""
    partial = _PARTIAL.search(before)
    ahead = _seen(before[: partial.start()] if partial else before)
    if begins and _SETTLED.match(ahead):
        return TEXT
    if begins and ":" in ahead:
        return Misplaced(f"in a link that begins with {ahead[: ahead.index(':') + 1]!r}")
    if _COLON.match(_seen(behind)):
        return Misplaced("before the colon of a link; write out what it begins with, as https://")
    return Misplaced("in a character reference") if partial else Place("link", ahead, begins)


def _seen(link: str) -> str:
    """Give the beginning of a link as a browser sees it."""
    return _UNSEEN.sub("", unescape(_UNSEEN.sub("", link)[:_REACH_ENTITIES]))[:_REACH]
