"""A picture as Mermaid text, which GitHub, GitLab and most editors draw.

Whatever a person wrote stands in quotes with every sign that means something to Mermaid or to HTML written as a
number; boxes are named by ids of ours, for a step may well be called `end`.
"""

from __future__ import annotations

from collections.abc import Iterator

from starter.drawing.looks import ICONS, LOOKS, Look
from starter.drawing.picture import Box, Line, Picture, Style
from starter.drawing.text import wrapped

MOST_CHARACTERS, MOST_LINES = 50_000, 500
"""What Mermaid draws unless it is told otherwise; GitHub and GitLab leave it so."""

_OPTIONS = '%%{init: {"flowchart": {"wrappingWidth": 400, "nodeSpacing": 36, "rankSpacing": 40}}}%%'
_TITLE, _TITLE_LINES = 17.0, 4
_DETAIL, _DETAIL_LINES = 19.0, 3
_NAME, _NAME_LINES = 11.0, 2

_BRACKETS = {"card": ("(", ")"), "pill": ("([", "])"), "hexagon": ("{{", "}}"), "dot": ("((", "))")}
_ARROWS: dict[Style, str] = {"plain": "-->", "go_to": "-.->", "failed": "-->"}
_FAILED = "stroke:#b91c1c,stroke-width:2px,color:#b91c1c"
_PLAIN = frozenset(" -_.,:/!?=+()")


def mermaid(picture: Picture) -> str:
    """Write a picture as Mermaid text; the same picture gives the same text."""
    ids = _ids(picture)
    return "\n".join([_OPTIONS, "flowchart TD", *_boxes(picture, ids), *_lines(picture, ids), *_styles(picture), ""])


def too_big(picture: Picture, text: str) -> bool:
    """Tell whether Mermaid refuses to draw this with its usual limits."""
    return len(picture.lines) > MOST_LINES or len(text) > MOST_CHARACTERS


def _ids(picture: Picture) -> dict[str, str]:
    """Give each box an id for Mermaid that changes only with its own, so that an edit of a flow changes few lines.

    A dash could be read as part of an arrow; the few steps that differ in dashes and underscores alone get a number.
    """
    ids: dict[str, str] = {}
    taken = set[str]()
    for box in picture.boxes:
        wanted = chosen = "_".join([box.id[0], *box.id.split(":")[1:]]).replace("-", "_")
        number = 1
        while chosen in taken:
            number += 1
            chosen = f"{wanted}__{number}"
        ids[box.id] = chosen
        taken.add(chosen)
    return ids


def _boxes(picture: Picture, ids: dict[str, str]) -> Iterator[str]:
    for box in picture.boxes:
        begin, end = _BRACKETS[LOOKS[box.label.look].shape]
        yield f'  {ids[box.id]}{begin}"{_text(box)}"{end}:::{box.label.look}'


def _text(box: Box) -> str:
    label = box.label
    if not label.title:
        return " "
    title = "<br/>".join(map(escaped, wrapped(label.title, _TITLE, _TITLE_LINES)))
    rows = [f"{ICONS[label.icon].sign} <b>{title}</b>"]
    rows += [escaped(row) for detail in label.details for row in wrapped(detail, _DETAIL, _DETAIL_LINES)]
    told = [f"{box.came:,} came"] if box.came else []
    if told or box.count:
        rows.append(f"<b>{', '.join([*told, f'{box.count:,} here now'])}</b>")
    return "<br/>".join(rows)


def _lines(picture: Picture, ids: dict[str, str]) -> Iterator[str]:
    for line in picture.lines:
        label = f'|"{_named(line)}"|' if line.label else ""
        yield f"  {ids[line.start]} {_ARROWS[line.style]}{label} {ids[line.end]}"


def _named(line: Line) -> str:
    return "<br/>".join(map(escaped, wrapped(line.label, _NAME, _NAME_LINES)))


def _styles(picture: Picture) -> Iterator[str]:
    used = {box.label.look for box in picture.boxes}
    for name, look in LOOKS.items():
        if name in used:
            yield f"  classDef {name} {_style(look)}"
    failed = [str(number) for number, line in enumerate(picture.lines) if line.style == "failed"]
    if failed:
        yield f"  linkStyle {','.join(failed)} {_FAILED}"


def _style(look: Look) -> str:
    return f"fill:{look.fill},stroke:{look.stroke},color:{look.ink}"


def escaped(text: str) -> str:
    """Write a text so that Mermaid shows it as it is: `"` as `#34;`, and so every ASCII sign with a meaning."""
    return "".join(
        char if char.isalnum() or char in _PLAIN or not char.isascii() else f"#{ord(char)};" for char in text
    )
