"""Where boxes and lines stand: asked of Graphviz, which is told sizes alone and never sees a text of a person."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workflows.model.errors import CallerError, EngineError

PROGRAM = "graphviz-pure"
PATIENCE = 60.0
"""Seconds that a layout may take."""

MOST_BOXES = 3_000
"""Boxes and branch names laid out: the time grows with their square, and nobody looks at a picture of more."""

_MANY = 500
"""Boxes from which a picture is laid out in fewer rounds, so that it takes seconds."""

_TIP = 9.0
"""Pixels that a line comes straight down on its box, so that its arrow does."""

_INCH = 72.0
"""Graphviz measures boxes in inches and places in points; a point is a pixel of ours."""

_GRAPH = "ordering=out nodesep=0.35 ranksep=0.55 margin=0"
_ROUNDS = " nslimit=0.2 mclimit=0.2"
_EDGE = "arrowsize=0.8"

Point = tuple[float, float]


@dataclass(frozen=True)
class Link:
    """A line to be laid out: from which box to which, by number, and how much it matters that it is a plumb line.

    One of no weight may leave and arrive at any side.
    """

    start: int
    end: int
    weight: int = 1


@dataclass(frozen=True)
class Layout:
    """The size of the picture, the centre of each box, and the points of each line: of Bézier curves, and its tip."""

    size: Point
    boxes: tuple[Point, ...]
    curves: tuple[tuple[Point, ...], ...]


def laid_out(sizes: Sequence[Point], links: Sequence[Link]) -> Layout:
    """Lay out boxes of these sizes from top to bottom, in pixels.

    Raise CallerError when there are too many, or when Graphviz is not installed; EngineError when it fails.
    """
    if len(sizes) > MOST_BOXES:
        message = (
            f"a picture of {len(sizes):,} boxes and branch names is too big; at most {MOST_BOXES:,} are laid out. "
            "Without --svg the flow is written as Mermaid text, however big it is."
        )
        raise CallerError(message)
    found = json.loads(_run("\n".join(_dot(sizes, links))))
    width, height = map(float, found["bb"].split(",")[2:])
    boxes = tuple(_point(box["pos"], height) for box in found["objects"])
    edges = {edge["id"]: edge for edge in found.get("edges", ())}
    bands = _Bands(sizes, boxes)
    curves = (
        bands.across(link) or tuple(_curve(edges[str(number)]["pos"], height)) for number, link in enumerate(links)
    )
    return Layout((width, height), boxes, tuple(curves))


class _Bands:
    """The empty bands between the rows in which boxes stand: a line through one alone is better drawn by us.

    Graphviz lets lines swing out where there is room. Ours go straight down to the band, cross it in one curve, and go
    straight down to their box; nothing can be in their way.
    """

    def __init__(self, sizes: Sequence[Point], boxes: Sequence[Point]) -> None:
        """Find the rows: boxes of one row have their centres on one height."""
        self.sizes, self.boxes = sizes, boxes
        half: dict[float, float] = {}
        for (_, tall), (_, y) in zip(sizes, boxes, strict=True):
            half[y] = max(half.get(y, 0.0), tall / 2)
        rows = sorted(half)
        self.bands = {
            upper: (lower, upper + half[upper], lower - half[lower] - _TIP) for upper, lower in pairwise(rows)
        }

    def across(self, link: Link) -> tuple[Point, ...] | None:
        """Give the curve of a line from one row to the next; None for a line between others."""
        (x, y), (to_x, to_y) = self.boxes[link.start], self.boxes[link.end]
        lower, top, bottom = self.bands.get(y, (None, 0.0, 0.0))
        if lower != to_y or not link.weight:
            return None
        begin, end = y + self.sizes[link.start][1] / 2, to_y - self.sizes[link.end][1] / 2
        down, middle = ((x, begin), (x, top), (x, top)), (top + bottom) / 2
        return (*down, (x, top), (x, middle), (to_x, middle), (to_x, bottom), (to_x, end))


def _dot(sizes: Sequence[Point], links: Sequence[Link]) -> Iterator[str]:
    yield f"digraph {{ graph [{_GRAPH}{_ROUNDS if len(sizes) > _MANY else ''}]"
    yield f'node [shape=box fixedsize=true label=""] edge [{_EDGE}]'
    for number, (width, height) in enumerate(sizes):
        yield f"n{number} [width={width / _INCH:.4f} height={height / _INCH:.4f}]"
    for number, link in enumerate(links):
        ports = " tailport=s headport=n" if link.weight else ""
        yield f"n{link.start} -> n{link.end} [id={number} weight={link.weight}{ports}]"
    yield "}"


def _run(dot: str) -> str:
    command = shutil.which(PROGRAM, path=sysconfig.get_path("scripts")) or shutil.which(PROGRAM)
    if command is None:
        message = (
            f"an SVG picture needs {PROGRAM}, which is not installed: pip install 'perdure[draw]'. "
            "Without --svg the flow is written as Mermaid text, which needs nothing."
        )
        raise CallerError(message)
    try:
        ran = subprocess.run([command, "-Tjson0"], input=dot, capture_output=True, text=True, timeout=PATIENCE)  # noqa: S603, PLW1510 - our extra's own program; its status is looked at
    except subprocess.TimeoutExpired:
        message = f"the flow could not be laid out within {PATIENCE:.0f} seconds; without --svg it is Mermaid text"
        raise CallerError(message) from None
    if ran.returncode:
        message = f"{PROGRAM} failed with status {ran.returncode}: {ran.stderr.strip()[:300]}"
        raise EngineError(message)
    return ran.stdout


def _point(text: str, height: float) -> Point:
    x, y = text.split(",")
    return float(x), height - float(y)


def _curve(text: str, height: float) -> Iterator[Point]:
    """Read the points of a line; its tip, which Graphviz names first, comes last."""
    first, *rest = text.split(" ")
    for each in rest:
        yield _point(each, height)
    yield _point(first.removeprefix("e,"), height)
