"""Backup and restore of a large installation: processor time, memory and size, beside a plain copy.

``python -m bench.backup [--contacts 200000] [--times 3]``. In turns: SQLite's own online backup followed by gzip, as a
script of one's own would do it; ``postiljon backup``; the same with a passphrase; ``postiljon restore`` of the plain
archive into an empty place. Prints the medians, and the ratio of each to the plain copy of the same turn.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.harness import House, Run, house, timed

COPY = """
import gzip, shutil, sqlite3, sys
with sqlite3.connect(sys.argv[1]) as one, sqlite3.connect(sys.argv[2]) as other:
    one.backup(other)
with open(sys.argv[2], "rb") as plain, gzip.open(sys.argv[2] + ".gz", "wb", compresslevel=6) as packed:
    shutil.copyfileobj(plain, packed)
"""


@dataclass(frozen=True)
class Turn:
    """One turn: each way in its own process, and the size of its archive in MB."""

    copy: Run
    plain: Run
    sealed: Run
    restore: Run
    sizes: tuple[float, float, float]


def one_turn(home: House, number: int) -> Turn:
    """Make each backup once, and restore the plain one; the folders are removed afterwards."""
    place = home.folder / f"turn-{number}"
    place.mkdir()
    secret = place / "passphrase"
    secret.write_text("vier paarden lopen traag door het natte gras\n")
    secret.chmod(0o600)
    copy = timed([sys.executable, "-c", COPY, home.folder / "data" / "postiljon.db", place / "copy.db"])
    plain = home("backup", "--to", place / "plain")
    sealed = home("backup", "--to", place / "sealed", "--passphrase-file", secret)
    archives = [next((place / kind).glob("postiljon-*")) for kind in ("plain", "sealed")]
    restore = restored(home, archives[0], place / "restored")
    sizes = tuple(path.stat().st_size / 1e6 for path in (place / "copy.db.gz", *archives))
    shutil.rmtree(place)
    return Turn(copy, plain, sealed, restore, sizes)  # type: ignore[arg-type]


def restored(home: House, archive: Path, folder: Path) -> Run:
    """``postiljon restore`` into an empty folder, with nothing set but where the data go."""
    folder.mkdir()
    env = home.env | {"POSTILJON_DATA": str(folder / "data")}
    run = timed([*home.command, "restore", archive], env, folder)
    if run.code:
        raise RuntimeError(run.output[-2000:])
    return run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.backup")
    parser.add_argument("--contacts", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=3)
    wanted = parser.parse_args()
    with house() as home:
        home.import_people(wanted.contacts)
        size = (home.folder / "data" / "postiljon.db").stat().st_size / 1e6
        turns = [one_turn(home, number) for number in range(wanted.times)]
    print(f"{wanted.contacts:,} contacts, a database of {size:.0f} MB, medians of {wanted.times}")
    print(f"{'':<34}{'processor s':>12}{'clock s':>9}{'MiB':>6}{'MB':>6}{'ratio':>7}")
    ways = (("SQLite's backup and gzip", "copy"), ("postiljon backup", "plain"))
    ways += (("postiljon backup, encrypted", "sealed"), ("postiljon restore", "restore"))
    for at, (title, name) in enumerate(ways):
        runs: list[Run] = [getattr(turn, name) for turn in turns]
        ratio = statistics.median(run.cpu / turn.copy.cpu for run, turn in zip(runs, turns, strict=True))
        cpu, wall, peak = (
            statistics.median(getattr(run, part) for run in runs) for part in ("cpu", "wall", "peak_mib")
        )
        archive = f"{statistics.median(turn.sizes[at] for turn in turns):.0f}" if at < 3 else ""
        print(f"{title:<34}{cpu:>12.1f}{wall:>9.1f}{peak:>6.0f}{archive:>6}{ratio:>7.2f}")


if __name__ == "__main__":
    main()
