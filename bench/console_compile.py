"""The cost of compiling a letter for the console: ``python -m bench.console_compile [FILE.md …] [--turns N]``.

For each letter: the first compile of a new pool (the process starts, modules are imported), a later one in the same
process, one that is found among the letters that were compiled before, and one in this process, for comparison.
Printed: milliseconds on the wall; of the later ones the median of the turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import create_engine

from campaigns.lifecycle.compile_cache import CompileCache
from campaigns.lifecycle.compiling import compile_here
from campaigns.lifecycle.preparation import LaunchConfig, letter_source
from campaigns.ops.work_pool import WorkPool
from campaigns.source.campaign_source import from_folder
from mailer.letter.source import LetterSource
from mailer.storage import Database

NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
EXAMPLE = Path("examples/denkt-u-mee.md")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each letter."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=Path, default=[EXAMPLE])
    parser.add_argument("--turns", type=int, default=20)
    chosen = parser.parse_args(arguments)
    db = Database(create_engine("sqlite://"), None)  # asked for nothing
    print(f"{'letter':30} {'first':>9} {'later':>9} {'kept':>9} {'here':>9}   ms")
    for path in chosen.files:
        figures = measured(source_of(db, path), chosen.turns)
        print(f"{path.name:30} " + " ".join(f"{figure:9.2f}" for figure in figures))
    db.close()


def source_of(db: Database, path: Path) -> LetterSource:
    """Return the source of a letter, as the console gives it to a helper."""
    config = LaunchConfig(db, "https://mail.example.org", "bounce@example.org", 7)
    source = letter_source(config, from_folder(path), None, "code", NOW)
    return replace(source, images=dict(source.images))


def measured(source: LetterSource, turns: int) -> list[float]:
    """Return milliseconds: first, later, kept, here."""
    pool = WorkPool(1)
    pooled = partial(pool.run, compile_here)
    first = milliseconds(lambda: pooled(source))
    later = [milliseconds(lambda: pooled(source)) for _ in range(turns)]
    kept = CompileCache(pooled)
    kept(source)
    again = [milliseconds(lambda: kept(source)) for _ in range(turns)]
    pool.close()
    compile_here(source)
    here = [milliseconds(lambda: compile_here(source)) for _ in range(turns)]
    return [first, *(statistics.median(some) for some in (later, again, here))]


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long a piece of work takes."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    main()
