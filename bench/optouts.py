"""``python -m bench.optouts [--old TREE] [--turns 3] [--people 30000]``: what a one-click opt-out costs, turn by turn.

One house is founded and its campaign sent. Each turn has a copy of its data, a ``serve`` process of its own that was
warmed up, and 32 connections for two seconds: that of another tree (``--old``), ours, and Starlette with one row and
one commit a group (:mod:`bench.plain_optouts`), one after the other. Printed: requests a second, p99, processor time of
all web processes for each request, how many opt-outs a group had on average (from the journal: the lines of a group
have one time), and the disk of that moment. On a machine that others use too, compare the processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.harness import House
from bench.reading import Load, _children, _disk_ms, knock, plain_web, sent_house, tokens, web, wrk

SECONDS, WARM = 2, 64


class Tree(House):
    """A copy of a house's data, kept by some tree of the project."""

    def __init__(self, home: House, tree: Path, folder: Path) -> None:
        self.folder = folder
        self.command = (sys.executable, "-m", "campaigns")
        self.env = home.env | {"POSTILJON_DATA": str(folder / "data"), "PYTHONPATH": str(tree)}
        shutil.copytree(home.folder / "data", folder / "data")
        os.sync()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--old", type=Path, help="the tree of a version to measure beside ours")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--people", type=int, default=30_000, help="enough for all requests of a turn")
    arguments = parser.parse_args()
    trees = {"ours": Path(__file__).resolve().parent.parent}
    if arguments.old:
        trees = {"before": arguments.old.resolve(), **trees}
    print(f"{'':8} {'a second':>9} {'p99':>9} {'processor':>12} {'groups of':>10} {'disk':>8}", flush=True)
    with sent_house(arguments.people) as home:
        paths = tokens(home, arguments.people)
        for _ in range(arguments.turns):
            for name, tree in trees.items():
                with copied(home, tree) as copy, web(copy) as (running, port):
                    turn(name, copy, port, running.pid, paths)
            with copied(home, trees["ours"]) as copy, plain_web(copy) as (running, port):
                turn("plain", copy, port, running.pid, paths)


@contextmanager
def copied(home: House, tree: Path) -> Iterator[House]:
    """A copy that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="postiljon-bench-") as folder:
        yield Tree(home, tree, Path(folder))


def turn(name: str, home: House, port: int, process: int, paths: Sequence[str]) -> None:
    """One measurement, one line."""
    knock(port, paths[:WARM])
    journal = home.folder / "data" / "journal"
    start = journal.stat().st_size if journal.exists() else 0
    disk, before = _disk_ms(home.folder), _processor(process)
    load: Load = wrk(port, paths[WARM:], home.folder, post=True, seconds=SECONDS)
    each = (_processor(process) - before) / max(1.0, load.per_second * SECONDS) * 1e6
    groups = _groups(journal, start)
    size = f"{sum(groups) / len(groups):.1f}" if groups else "-"
    told = f"{name:8} {load.per_second:9,.0f} {load.p99:6.1f} ms {each:9,.0f} us {size:>10} {disk:5.1f} ms"
    print(told + (f" {load.bad} answers were not 200" if load.bad else ""), flush=True)


def _processor(process: int) -> float:
    """Seconds that a process and those below it have used."""
    total = 0
    for pid in (process, *_children(process)):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _groups(journal: Path, start: int) -> list[int]:
    """How many opt-outs each transaction since then had."""
    if not journal.exists():
        return []
    with journal.open("rb") as file:
        file.seek(start)
        lines = [json.loads(line) for line in file if line.strip()]
    return list(Counter(line["since"] for line in lines if "since" in line).values())


if __name__ == "__main__":
    main()
