"""A picture as SVG: drawn by us, laid out by Graphviz; readable without a style sheet, a script or a font of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from starter.drawing.layout import Layout, Link, Point, laid_out
from starter.drawing.looks import ICONS, LOOKS, Look
from starter.drawing.picture import Box, Line, Picture
from starter.drawing.text import width, wrapped

MARGIN = 24.0

_TITLE, _DETAIL, _NAME = 14.0, 12.0, 12.0
"""Sizes of letters, in pixels."""

_BOLD = _TITLE * 1.09
"""The title's letters are this wide to the measure."""

_TITLE_WIDTH, _DETAIL_WIDTH, _NAME_WIDTH = 230.0, 230.0, 130.0
_TITLE_LINES, _DETAIL_LINES, _NAME_LINES = 3, 2, 2
_TITLE_STEP, _DETAIL_STEP, _NAME_STEP = 18.0, 16.0, 15.0

_PAD_X, _PAD_Y, _ICON, _GAP = 14.0, 11.0, 18.0, 9.0
_POINT = 12.0
"""How far the sides of a hexagon stand out."""

_DOT, _LEAST = 12.0, 110.0
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
_WEIGHTS = {"named": 20, "plain": 4, "failed": 1, "go_to": 0}
_STROKES = {"plain": "#475569", "go_to": "#64748b", "failed": "#b91c1c"}

_STYLE = f"""
text {{ font-family: {_FONTS}; unicode-bidi: plaintext; }}
.t {{ font-size: {_TITLE:.0f}px; font-weight: 600; }}
.d {{ font-size: {_DETAIL:.0f}px; opacity: .85; }}
.n {{ font-size: {_NAME:.0f}px; fill: #334155; text-anchor: middle; }}
.n.failed {{ fill: #b91c1c; }}
.c {{ font-size: 11px; font-weight: 600; fill: #fff; text-anchor: middle; }}
.i {{ fill: none; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }}
.l {{ fill: none; stroke-width: 1.4; }}
.go_to {{ stroke-dasharray: 5 4; }}
"""


@dataclass(frozen=True)
class _Face:
    """The lines on a box as they are broken, and how big it is with them."""

    title: tuple[str, ...]
    details: tuple[str, ...]
    size: Point


def svg(picture: Picture) -> str:
    """Write a picture as SVG; the same picture gives the same text. Raise as `laid_out` does."""
    faces = [_face(box) for box in picture.boxes]
    tags = [_tag(line) for line in picture.lines]
    layout = laid_out([face.size for face in (*faces, *filter(None, tags))], [*_links(picture, tags)])
    return "\n".join(
        [
            *_head(picture, layout),
            *_lines(picture.lines, tags, layout.curves),
            *_boxes(picture.boxes, faces, layout.boxes[: len(faces)]),
            *_tags(picture.lines, tags, layout.boxes[len(faces) :]),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _links(picture: Picture, tags: Sequence[_Face | None]) -> Iterator[Link]:
    """Give the lines to lay out: the name of a branch is a box of its own on its way, so that it hides nothing."""
    numbers = {box.id: number for number, box in enumerate(picture.boxes)}
    tag_number = len(numbers)
    for line, tag in zip(picture.lines, tags, strict=True):
        start, end = numbers[line.start], numbers[line.end]
        if tag is None:
            yield Link(start, end, _WEIGHTS[line.style])
        else:
            yield Link(start, tag_number)
            yield Link(tag_number, end, _WEIGHTS["named"])
            tag_number += 1


def _face(box: Box) -> _Face:
    label, look = box.label, LOOKS[box.label.look]
    if look.shape == "dot":
        return _Face((), (), (_DOT, _DOT))
    title = wrapped(label.title, _TITLE_WIDTH / _BOLD, _TITLE_LINES)
    details = tuple(row for detail in label.details for row in wrapped(detail, _DETAIL_WIDTH / _DETAIL, _DETAIL_LINES))
    text = max([width(row) * _BOLD for row in title] + [width(row) * _DETAIL for row in details])
    widest = max(_ICON + _GAP + text, _LEAST)
    tall = len(title) * _TITLE_STEP + len(details) * _DETAIL_STEP
    return _Face(title, details, (widest + 2 * (_PAD_X + _beside(look)), tall + 2 * _PAD_Y))


def _beside(look: Look) -> float:
    """Give what a shape needs at its sides beyond what a card does."""
    return {"hexagon": _POINT, "pill": 4.0}.get(look.shape, 0.0)


def _tag(line: Line) -> _Face | None:
    """Give the name of a branch as a face; none where a line needs no name."""
    if not line.label:
        return None
    rows = wrapped(line.label, _NAME_WIDTH / _NAME, _NAME_LINES)
    return _Face(rows, (), (max(width(row) for row in rows) * _NAME + 18, len(rows) * _NAME_STEP + 7))


def _head(picture: Picture, layout: Layout) -> Iterator[str]:
    wide, tall = (round(each + 2 * MARGIN) for each in layout.size)
    size = f'width="{wide}" height="{tall}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {wide} {tall}" role="img">'
    yield f"<title>{escape(picture.title)}</title>"
    yield f"<style>{_STYLE}</style>"
    yield "<defs>"
    for style, stroke in _STROKES.items():
        yield (
            f'<marker id="{style}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5L8 4L0 7.5z" fill="{stroke}"/></marker>'
        )
    yield "</defs>"
    yield f'<rect {size} rx="8" fill="#fff"/>'
    yield f'<g transform="translate({MARGIN:g} {MARGIN:g})">'


def _lines(lines: Sequence[Line], tags: Sequence[_Face | None], curves: Sequence[Sequence[Point]]) -> Iterator[str]:
    ahead = iter(curves)
    for line, tag in zip(lines, tags, strict=True):
        if tag is not None:
            yield _curved(line, next(ahead), "")
        yield _curved(line, next(ahead), f' marker-end="url(#{line.style})"')


def _curved(line: Line, points: Sequence[Point], tip: str) -> str:
    path = f"M{_at(points[0])}C{' '.join(map(_at, points[1:-1]))}L{_at(points[-1])}"
    return f'<path class="l {line.style}" d="{path}" stroke="{_STROKES[line.style]}"{tip}/>'


def _tags(lines: Sequence[Line], tags: Sequence[_Face | None], places: Sequence[Point]) -> Iterator[str]:
    named = [(line, tag) for line, tag in zip(lines, tags, strict=True) if tag is not None]
    for (line, tag), (x, y) in zip(named, places, strict=True):
        wide, tall = tag.size
        yield f'<g transform="translate({x - wide / 2:.1f} {y - tall / 2:.1f})"><title>{escape(line.label)}</title>'
        paint = f'fill="#fff" stroke="{_STROKES[line.style]}"'
        yield f'<rect width="{wide:.1f}" height="{tall:g}" rx="{min(tall / 2, 11):g}" {paint}/>'
        for number, row in enumerate(tag.title):
            yield _row(f"n {line.style}", (wide / 2, _NAME + 3.5 + number * _NAME_STEP), row)
        yield "</g>"


def _boxes(boxes: Sequence[Box], faces: Sequence[_Face], places: Sequence[Point]) -> Iterator[str]:
    for box, face, (x, y) in zip(boxes, faces, places, strict=True):
        wide, tall = face.size
        look = LOOKS[box.label.look]
        yield f'<g transform="translate({x - wide / 2:.1f} {y - tall / 2:.1f})" fill="{look.ink}">'
        yield f"<title>{escape(box.label.tooltip)}</title>"
        yield _shape(look, wide, tall)
        if face.title:
            yield from _written(box, face, look)
        if box.count:
            yield from _badge(f"{box.count:,}", wide, "#111827")
        if box.came:
            yield from _badge(f"{box.came:,} came", _badge_width(f"{box.came:,} came") - 12, "#64748b")
        yield "</g>"


def _shape(look: Look, wide: float, tall: float) -> str:
    paint = f'fill="{look.fill}" stroke="{look.stroke}" stroke-width="1.4"'
    match look.shape:
        case "hexagon":
            middle, right = tall / 2, wide - _POINT
            corners = [(_POINT, 0), (right, 0), (wide, middle), (right, tall), (_POINT, tall), (0, middle)]
            return f'<polygon points="{" ".join(map(_at, corners))}" stroke-linejoin="round" {paint}/>'
        case "card":
            radius = 8.0
        case "pill" | "dot":
            radius = min(tall / 2, 22.0)
    return f'<rect width="{wide:.1f}" height="{tall:g}" rx="{radius:g}" {paint}/>'


def _written(box: Box, face: _Face, look: Look) -> Iterator[str]:
    left = _PAD_X + _beside(look)
    stroke = look.ink if look.ink != "#111827" else look.stroke
    yield (
        f'<path class="i" transform="translate({left:g} {_PAD_Y + 0.5:g})" stroke="{stroke}" '
        f'd="{ICONS[box.label.icon].path}"/>'
    )
    left += _ICON + _GAP
    baseline = _PAD_Y + _TITLE - 0.5
    for number, row in enumerate(face.title):
        yield _row("t", (left, baseline + number * _TITLE_STEP), row)
    baseline += len(face.title) * _TITLE_STEP - 1.5
    for number, row in enumerate(face.details):
        yield _row("d", (left, baseline + number * _DETAIL_STEP), row)


def _badge(count: str, right: float, fill: str) -> Iterator[str]:
    """Draw a count of records on the upper edge of a step: dark on the right who stand there, left who ever came."""
    wide = _badge_width(count)
    yield f'<rect x="{right - wide + 6:.1f}" y="-9" width="{wide:g}" height="18" rx="9" fill="{fill}" stroke="#fff"/>'
    yield _row("c", (right - wide / 2 + 6, 4.0), count)


def _badge_width(count: str) -> float:
    return max(20.0, len(count) * 7.0 + 12)


def _row(style: str, place: Point, row: str) -> str:
    return f'<text class="{style}" x="{place[0]:.1f}" y="{place[1]:.1f}">{escape(row)}</text>'


def _at(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
