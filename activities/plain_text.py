"""HTML as plain text, for the part of an e-mail that says the same without looks."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_PARAGRAPHS = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
_BLOCKS = _PARAGRAPHS | {
    *("address", "article", "body", "div", "fieldset", "footer", "form"),
    *("header", "hr", "li", "main", "nav", "section", "tr"),
}
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})
_SPACE = re.compile(r"[ \t\n\f\r]+")


class _Reader(HTMLParser):
    """Collects what a page shows; a line break of the source is a space, a block stands in lines of its own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.links: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag in _UNSEEN:
            self.unseen += 1
        elif tag == "br":
            self.lines.append("")
        elif tag in _BLOCKS:
            self._new_block(tag)
        if tag == "li":
            self.lines[-1] += "- "
        elif tag == "img":
            self.handle_data(said.get("alt", ""))
        elif tag == "a":
            self.links.append(said.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self.unseen = max(0, self.unseen - 1)
        elif tag in _BLOCKS:
            self._new_block(tag)
        elif tag in ("td", "th"):
            self.handle_data(" ")
        elif tag == "a" and self.links:
            link = self.links.pop()
            if link.startswith(("http", "mailto:")) and not self.lines[-1].endswith(link):
                self.lines[-1] += f" ({link})"

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.lines[-1] += _SPACE.sub(" ", data)

    def _new_block(self, tag: str) -> None:
        if self.lines[-1].strip():
            self.lines.append("")
        if tag in _PARAGRAPHS and len(self.lines) > 1 and self.lines[-2].strip():
            self.lines.append("")


def as_text(html: str) -> str:
    """Give what a page of HTML says."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [_SPACE.sub(" ", line).strip() for line in reader.lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
