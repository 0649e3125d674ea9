"""Run the table: ``python -m bench [--small] [--pairs N] [--only WORD …]``; writes docs/benchmarks.json and its plot.

``--small`` shows in some minutes that every row works; its figures are not quoted anywhere.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import million, people, reading, sending, storm
from bench.harness import ROOT, Row

RowMaker = Callable[[sending.Scale], "Row | list[Row]"]
ROWS: dict[str, RowMaker] = {
    "speed-40": lambda scale: sending.against_smtp_source(scale, 40, 1.0),
    "speed-100": lambda scale: sending.against_smtp_source(scale, 100, 1.0),
    "senders": sending.many_senders,
    "script": sending.against_plain_script,
    "dkim": sending.with_dkim,
    "far": sending.far_relay,
    "postgres": sending.postgres,
    "scale": sending.scales,
    "import": people.imports,
    "optout-beside-sender": reading.optout_beside_sender,
    "optouts": reading.optouts_per_second,
    "pages": reading.pages_per_second,
    "burst": reading.burst_with_kill,
    "million": million.pages_at_a_million,
    "chaos": storm.kills,
}
SMALL = sending.Scale(letters=4_000, largest=20_000, imported=20_000, pairs=1)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="few letters: shows that each row works")
    parser.add_argument("--only", nargs="*", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    parser.add_argument("--pairs", type=int, default=3, help="how often a pair is measured; the median counts")
    arguments = parser.parse_args()
    scale = SMALL if arguments.small else sending.Scale(pairs=arguments.pairs)
    rows: list[Row] = []
    for name in arguments.only:
        started = time.perf_counter()
        made = ROWS[name](scale)
        for row in made if isinstance(made, list) else [made]:
            rows.append(row)
            _show(row)
        print(f"    ({name}: {time.perf_counter() - started:.0f} s)", file=sys.stderr, flush=True)
    if not arguments.small:
        _write(rows, ROOT / "docs" / "benchmarks.json")
        _plot(ROOT / "docs" / "benchmarks.json", ROOT / "docs" / "benchmarks.png")
    return 0


def _show(row: Row) -> None:
    mark = "reached" if row.reached else "NOT reached"
    print(
        f"{row.name}\n    {row.ours:,.1f} {row.unit}; {row.against}: {row.theirs:,.1f}; ratio {row.ratio:.2f} "
        f"(aim {row.aim}: {mark}){'; ' + row.notes if row.notes else ''}",
        flush=True,
    )


def _write(rows: list[Row], path: Path) -> None:
    """Replace the rows that were measured now, keep the others, each with its day and machine."""
    machine = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "cores": __import__("os").cpu_count(),
    }
    known = {row["name"]: row for row in json.loads(path.read_text())["rows"]} if path.exists() else {}
    day = datetime.now(UTC).date().isoformat()
    known |= {row.name: row.as_json() | {"measured": day} for row in rows}
    path.write_text(json.dumps({"machine": machine, "rows": list(known.values())}, indent=1, ensure_ascii=False) + "\n")


def _plot(source: Path, target: Path) -> None:
    """Bars of the ratios, on a log scale, the aim of 1 as a line."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = json.loads(source.read_text())["rows"]
    figure, axes = pyplot.subplots(figsize=(11, 0.5 * len(rows) + 1.5))
    names = [row["name"] for row in rows][::-1]
    axes.barh(
        names,
        [row["ratio"] for row in rows][::-1],
        color=["#0B6138" if row["reached"] else "#A8121C" for row in rows][::-1],
    )
    axes.set_xscale("log")
    axes.axvline(1, color="#16202B", linewidth=1)
    axes.set_xlabel("ratio to what was run in the same go (green: the aim was reached)")
    figure.tight_layout()
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    raise SystemExit(main())
