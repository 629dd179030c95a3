"""What the bursts came to: medians by way and graph, and the ratios taken inside rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from tests.bench.bursts import Burst, percentile
from tests.bench.graphs import GRAPH, JOURNEY
from tests.bench.stage import DRAWN, PLAIN, STYLE, TOLD

WALKS = {JOURNEY: "journey of five nodes", GRAPH: "graph of ten nodes"}

_COLUMNS = "graph, way, n, per s, events, bytes, worker, server, PostgreSQL, **CPU**, client, p50 ms, p99 ms, load"
_HEAD = f"| {_COLUMNS.replace(', ', ' | ')} |"

Measure = Callable[[Burst], float]


def table(bursts: Sequence[Burst]) -> str:
    """Give the medians in Markdown; milliseconds of computing per enrollment."""
    lines = [_HEAD, "|" + " --- |" * _HEAD.count("|", 1)]
    for graph, way in _cases(bursts):
        some = _of(bursts, graph, way)
        lines.append("| " + " | ".join((WALKS[graph], TOLD[way], *_cells(some))) + " |")
    return "\n".join(lines)


def ratios(bursts: Sequence[Burst]) -> str:
    """Give what (1) takes of (2) and of (3), in Markdown: the median of the rounds, and the quartiles."""
    lines = ["| graph | (1) against | CPU | worker | server | PostgreSQL | CPU with client | throughput |"]
    lines.append("|" + " --- |" * lines[0].count("|", 1))
    for graph, way in _cases(bursts):
        ours, theirs = _of(bursts, graph, DRAWN), _of(bursts, graph, way)
        if way == DRAWN or not ours:
            continue
        told = [
            _ratio(ours, theirs, measure)
            for measure in (
                *(lambda b: b.cpu, lambda b: b.worker, lambda b: b.server, lambda b: b.postgres),
                *(lambda b: b.whole, lambda b: b.per_s),
            )
        ]
        lines.append(f"| {WALKS[graph]} | {TOLD[way]} | " + " | ".join(told) + " |")
    return "\n".join(lines)


def middle_ratio(bursts: Sequence[Burst], graph: str, way: str, measure: Measure) -> float:
    """Give the median of the rounds' ratios of (1) to another way."""
    return median(_pairs(_of(bursts, graph, DRAWN), _of(bursts, graph, way), measure))


def targets(bursts: Sequence[Burst]) -> list[tuple[str, float, float, bool]]:
    """Give the targets: what, the ratio seen, the ratio wanted, and whether it is met."""
    wanted: list[tuple[str, str, str, Measure, float, bool]] = [
        ("CPU of the graph, against (2)", GRAPH, PLAIN, lambda b: b.cpu, 0.7, False),
        ("throughput of the graph, against (2)", GRAPH, PLAIN, lambda b: b.per_s, 1.25, True),
        ("CPU of the journey, against (2)", JOURNEY, PLAIN, lambda b: b.cpu, 0.9, False),
        ("throughput of the graph, against (3)", GRAPH, STYLE, lambda b: b.per_s, 0.95, True),
        ("throughput of the journey, against (3)", JOURNEY, STYLE, lambda b: b.per_s, 0.95, True),
    ]
    cases = set(_cases(bursts))
    found = []
    for what, graph, way, measure, bound, at_least in wanted:
        if {(graph, DRAWN), (graph, way)} <= cases:
            seen = middle_ratio(bursts, graph, way, measure)
            found.append((what, seen, bound, seen >= bound if at_least else seen <= bound))
    return found


def _cells(some: list[Burst]) -> list[str]:
    def middle(measure: Measure) -> float:
        return median(map(measure, some))

    loads = [each.load for each in some]
    return [
        f"{sum(each.n for each in some)}",
        f"{middle(lambda b: b.per_s):.1f}",
        f"{middle(lambda b: b.events):.0f}",
        f"{middle(lambda b: b.bytes):,.0f}",
        f"{middle(lambda b: b.worker):.1f}",
        f"{middle(lambda b: b.server):.1f}",
        f"{middle(lambda b: b.postgres):.1f}",
        f"**{middle(lambda b: b.cpu):.1f}**",
        f"{middle(lambda b: b.client):.1f}",
        f"{middle(lambda b: b.p50_ms):,.0f}",
        f"{middle(lambda b: b.p99_ms):,.0f}",
        f"{min(loads):.1f}-{max(loads):.1f}",
    ]


def _cases(bursts: Sequence[Burst]) -> list[tuple[str, str]]:
    there = {(each.graph, each.way) for each in bursts}
    return [(graph, way) for graph in WALKS for way in TOLD if (graph, way) in there]


def _of(bursts: Sequence[Burst], graph: str, way: str) -> list[Burst]:
    return [each for each in bursts if (each.graph, each.way) == (graph, way)]


def _pairs(ours: list[Burst], theirs: list[Burst], measure: Measure) -> list[float]:
    """Give the ratios of bursts of the same round; a noisy minute hits both sides."""
    return [measure(a) / measure(b) for a, b in zip(ours, theirs, strict=False) if measure(b)]


def _ratio(ours: list[Burst], theirs: list[Burst], measure: Measure) -> str:
    found = _pairs(ours, theirs, measure)
    return f"x{median(found):.2f} ({percentile(found, 0.25):.2f}-{percentile(found, 0.75):.2f})" if found else "-"
