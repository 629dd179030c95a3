"""That the bench measures: a tiny run of it, and its sums. Its figures are for `make bench` alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.bench import figures, graphs, machine
from tests.bench.__main__ import main
from tests.bench.bursts import Burst, percentile
from tests.bench.stage import DRAWN, PLAIN


def a_burst(way: str, *, worker: float, per_s: float) -> Burst:
    rest = {"start_per_s": 1.0, "p50_ms": 1.0, "p99_ms": 2.0, "events": 20.0, "bytes": 3000.0, "load": 0.0}
    return Burst(way, graphs.GRAPH, 50, per_s=per_s, worker=worker, server=1.0, postgres=1.0, client=1.0, **rest)


def test_a_tiny_run_accounts_for_what_is_drawn(tmp_path: Path) -> None:
    """Two contacts walk the journey on servers of their own, by the code that is deployed; nothing is left running."""
    file, before = tmp_path / "figures.json", {*machine.children(os.getpid())}
    words = ["--n", "2", "--rounds", "1", "--ways", DRAWN, "--graphs", graphs.JOURNEY, "--json", str(file)]
    assert main([*words, "--sleepers", "0", "--starts", "0"]) == 0
    (burst,) = json.loads(file.read_text())["bursts"]
    assert (burst["way"], burst["n"], burst["events"]) == (DRAWN, 2, 25)
    assert burst["bytes"] <= 5_000
    assert min(burst["worker"], burst["server"], burst["per_s"]) > 0
    assert {*machine.children(os.getpid())} <= before


def test_ratios_are_taken_inside_rounds() -> None:
    """A round in which everything cost thrice as much does not count as a loss."""
    quiet = [a_burst(DRAWN, worker=6, per_s=30), a_burst(PLAIN, worker=14, per_s=20)]
    noisy = [a_burst(DRAWN, worker=22, per_s=10), a_burst(PLAIN, worker=46, per_s=5)]
    seen = {what: (ratio, met) for what, ratio, _, met in figures.targets([*quiet, *noisy])}
    assert seen["CPU of the graph, against (2)"] == (0.5, True)
    assert seen["throughput of the graph, against (2)"] == (1.75, True)


def test_a_missed_target_is_said() -> None:
    """What costs as much as the code by hand misses its target, and what is missing is not judged."""
    bursts = [a_burst(DRAWN, worker=6, per_s=20), a_burst(PLAIN, worker=6, per_s=20)]
    assert [met for *_, met in figures.targets(bursts)] == [False, False]


def test_the_table_has_a_line_for_each_way_and_graph() -> None:
    """Two ways through one graph are two lines under the head, each with the number of contacts."""
    bursts = [a_burst(DRAWN, worker=6, per_s=20), a_burst(PLAIN, worker=6, per_s=20)] * 6
    lines = figures.table(bursts).splitlines()
    assert len(lines) == 4
    assert all("| 300 |" in line for line in lines[2:])


def test_a_percentile_is_a_value_that_was_seen() -> None:
    """The median of an odd number of values is the middle one, and the 99th of few the largest."""
    assert (percentile([3, 1, 2], 0.5), percentile([3, 1, 2], 0.99)) == (2.0, 3.0)


def test_computing_is_told_from_waiting() -> None:
    """This process has computed for longer after a sum than before it, and its family for at least as long."""
    before = machine.cpu(os.getpid())
    while machine.cpu(os.getpid()) - before < 0.02:
        sum(range(100_000))
    assert machine.cpu_of_family(os.getpid()) >= machine.cpu(os.getpid()) - 0.05
