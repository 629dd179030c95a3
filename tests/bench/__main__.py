"""`make bench`: what a drawn flow costs beside the code that one would have written by hand.

In each round every way walks every graph once with a burst of new contacts, in shuffled order, on one Temporal dev
server (SQLite in WAL mode) and one PostgreSQL; ratios are taken inside a round, so a noisy neighbour hits both sides.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deploy.local.errors import LocalServerError
from tests.bench import figures, graphs, machine, sleeping
from tests.bench.bursts import Burst, burst
from tests.bench.stage import DRAWN, WAYS, Stage, stage

WARM_UP = 10


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--n", type=int, default=50, help="contacts in a burst (50)")
    parser.add_argument("--rounds", type=int, default=6, help="bursts of each case (6, which makes 300 contacts)")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"some of {','.join(WAYS)}, separated by commas")
    parser.add_argument("--graphs", default=",".join(graphs.NAMES), help=f"some of {','.join(graphs.NAMES)}")
    parser.add_argument("--sleepers", type=int, help="how many sleep, for memory (20000; quick: 300; 0: none)")
    parser.add_argument("--starts", type=int, help="how many are let in for the start rate (1000; quick: 100; 0: none)")
    parser.add_argument("--quick", action="store_true", help="a smoke test: bursts of 10, 2 rounds, few sleepers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file, - for the output alone")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the cases")
    given = parser.parse_args(words)
    if given.quick:
        given.n, given.rounds = min(given.n, 10), min(given.rounds, 2)
    given.sleepers = (300 if given.quick else 20_000) if given.sleepers is None else given.sleepers
    given.starts = (100 if given.quick else 1_000) if given.starts is None else given.starts
    for name, known in (("ways", WAYS), ("graphs", graphs.NAMES)):
        chosen = tuple(filter(None, getattr(given, name).split(",")))
        if unknown := set(chosen) - set(known):
            parser.error(f"--{name}: there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        setattr(given, name, chosen)
    return given


async def measured(given: argparse.Namespace, say: Any) -> dict[str, Any]:
    """Run all of it; give every figure."""
    found: dict[str, Any] = {"machine": machine.described(), "settings": _settings(given), "began": time.ctime()}
    say(found["machine"])
    say(" ".join(f"{name}={value}" for name, value in found["settings"].items()))
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as folder:
        async with stage(Path(folder), tuple(dict.fromkeys((*given.ways, DRAWN)))) as up:
            bursts = await _rounds(up, given, say)
            if given.starts:
                found["starts"] = await sleeping.starts(up, given.starts)
                say(sleeping.told_of_starts(found["starts"]))
                found["events"] = await sleeping.events(up, min(100, given.starts))
                say(sleeping.told_of_events("in memory", found["events"]))
        if given.sleepers:
            async with stage(_made(Path(folder) / "sleepers"), (DRAWN,), given.sleepers + 1_000) as up:
                found["memory"] = await sleeping.memory(up, given.sleepers, say)
    found["bursts"] = [each.as_json() for each in bursts]
    found["targets"] = figures.targets(bursts)
    say("\n".join(["", figures.table(bursts), "", figures.ratios(bursts), ""]))
    for what, seen, bound, met in found["targets"]:
        say(f"{'met   ' if met else 'MISSED'} {what}: {seen:.2f}, wanted {bound}")
    return found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _rounds(up: Stage, given: argparse.Namespace, say: Any) -> list[Burst]:
    cases = [(way, graph) for way in given.ways for graph in given.graphs]
    for way, graph in cases:
        await burst(up, up.ways[way], graph, WARM_UP)
    bursts: list[Burst] = []
    dice = random.Random(given.seed)
    for number in range(given.rounds):
        for way, graph in dice.sample(cases, len(cases)):
            done = await burst(up, up.ways[way], graph, given.n)
            bursts.append(done)
            say(
                f"{number + 1}/{given.rounds} {graph:<8}{way:<6} {done.per_s:5.1f}/s  CPU {done.cpu:5.1f} ms (worker "
                f"{done.worker:.1f}, server {done.server:.1f}, PostgreSQL {done.postgres:.1f}, client "
                f"{done.client:.1f})  {done.events:.0f} events {done.bytes:.0f} bytes  load {done.load:.1f}"
            )
    return bursts


def _settings(given: argparse.Namespace) -> dict[str, Any]:
    return {
        **{name: value for name, value in vars(given).items() if name != "json"},
        "delay_s": graphs.DELAY,
        "sandbox": False,
        "sqlite": "journal_mode=wal,synchronous=normal",
        "postgres": "fsync=on",
    }


def main(words: list[str]) -> int:
    """Run the bench; return the exit status, 1 where a server could not be run."""
    given = arguments(words)
    if not machine.can_be_read():
        print("The bench reads /proc, which this system does not have: run it on Linux.", file=sys.stderr)
        return 2
    alone = str(given.json) == "-"
    try:
        found = asyncio.run(measured(given, lambda line: print(line, file=sys.stderr if alone else None, flush=True)))
    except LocalServerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if given.json:
        text = json.dumps(found, indent=2)
        print(text) if alone else given.json.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
