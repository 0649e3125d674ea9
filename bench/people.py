"""The row of the import: 200,000 contacts from CSV against raw executemany into the same tables and indexes."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path

from bench.harness import Row, house, timed
from bench.sending import Scale


def imports(scale: Scale) -> Row:
    """The whole command ``contacts import`` against :func:`copy_rows`, each into an empty database."""
    number = scale.imported
    with house() as home, house() as raw:
        run = home.import_people(number)
        source, target = (place.folder / "data" / "postiljon.db" for place in (home, raw))
        baseline = timed([sys.executable, "-m", "bench.people", source, target])
        if baseline.code:
            raise RuntimeError(baseline.output)
        inserting = float(baseline.output.split()[-1])
    ours, theirs = number / run.wall, number / inserting
    return Row(
        f"import of {number:,} contacts from CSV",
        "rows/s",
        ours,
        "executemany into the same tables",
        theirs,
        ours / theirs,
        ">= 0.5",
        ours / theirs >= 0.5,
        "executemany alone is timed, without reading the rows",
    )


def copy_rows(source: Path, target: Path) -> float:
    """Insert all rows of the tables that the import filled into an empty database; seconds of the inserting."""
    there = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    here = sqlite3.connect(target, isolation_level=None)
    here.execute("PRAGMA synchronous=FULL")
    tables = [
        name
        for (name,) in there.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")
    ]
    spent = 0.0
    for table in tables:
        rows = there.execute(f"SELECT * FROM {table}").fetchall()
        if not rows or here.execute(f"SELECT count(*) FROM {table}").fetchone()[0]:
            continue
        marks = ",".join("?" * len(rows[0]))
        started = time.perf_counter()
        here.execute("BEGIN IMMEDIATE")
        here.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        here.execute("COMMIT")
        spent += time.perf_counter() - started
    return spent


if __name__ == "__main__":
    print(copy_rows(Path(sys.argv[1]), Path(sys.argv[2])))
