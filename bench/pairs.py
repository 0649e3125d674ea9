"""``python -m bench.pairs --old TREE [--pairs 20] [--only WORD …]``: this tree against another one, in turn.

Each pair runs both trees one after the other, the order changing from pair to pair, so that other work on the machine
meets both. Rows: the engine alone (``bench.send`` of each tree), an import of 20,000 contacts (the whole command),
GET of the opt-out page, and one-click POST (two seconds of ``wrk`` on a copy of the same data). Printed for each row:
the median of both, the median of the ratios (more than 1: this tree is faster), and its 95 % interval by bootstrap.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.harness import ROOT, House
from bench.optouts import WARM, copied
from bench.reading import knock, sent_house, tokens, web, wrk

PEOPLE, READERS, LETTERS = 20_000, 12_000, 4_000
Measure = Callable[[Path], float]  # one run of a tree: something a second


def engine(tree: Path) -> float:
    """Letters a second of ``bench.send`` in that tree."""
    command = [sys.executable, "-m", "bench.send", "--letters", str(LETTERS), "--window", "40"]
    said = subprocess.run(command, cwd=tree, env=_env(tree), capture_output=True, text=True, check=True).stdout
    found = re.search(r"window 40: ([\d,]+)/s", said)
    if found is None:
        raise RuntimeError(f"bench.send said nothing usable:\n{said}")
    return float(found[1].replace(",", ""))


def imports(tree: Path) -> float:
    """Contacts a second of the whole command ``contacts import``, into an empty database."""
    with tempfile.TemporaryDirectory(prefix="postiljon-bench-") as folder:
        place = Path(folder)
        lines = (f"lezer{number}@example{number % 97}.nl,Lezer {number},nl,Gouda\n" for number in range(PEOPLE))
        (place / "people.csv").write_text("email,name,language,city\n" + "".join(lines))
        env = _env(tree) | {"POSTILJON_DATA": str(place / "data")}
        _postiljon(place, env, "init")
        began = time.perf_counter()
        _postiljon(place, env, "contacts", "import", "people.csv", "--topic", "t", "--basis", "member")
        return PEOPLE / (time.perf_counter() - began)


def served(home: House, paths: Sequence[str], *, post: bool) -> Measure:
    """Return the measure of requests a second on copies of a house."""

    def measure(tree: Path) -> float:
        with copied(home, tree) as copy, web(copy) as (_, port):
            knock(port, paths[:WARM])
            load = wrk(port, paths[WARM:], copy.folder, post=post, seconds=2)
        if load.bad:
            raise RuntimeError(f"{load.bad} answers were not 200")
        return load.per_second

    return measure


@contextmanager
def rows(only: Sequence[str]) -> Iterator[dict[str, Measure]]:
    """Yield the measures by name."""
    found: dict[str, Measure] = {"engine": engine, "import": imports}
    if not only or {"page", "one-click"} & set(only):
        with sent_house(READERS) as home:
            paths = tokens(home, READERS)
            yield found | {"page": served(home, paths, post=False), "one-click": served(home, paths, post=True)}
    else:
        yield found


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--old", type=Path, required=True, help="the tree of another version")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=[], choices=["engine", "import", "page", "one-click"])
    arguments = parser.parse_args()
    old = arguments.old.resolve()
    with rows(arguments.only) as found:
        for name, measure in found.items():
            if not arguments.only or name in arguments.only:
                _show(name, [_pair(measure, old, turn % 2 == 0) for turn in range(arguments.pairs)])


def _pair(measure: Measure, old: Path, old_first: bool) -> tuple[float, float]:
    first = [old, ROOT] if old_first else [ROOT, old]
    done = {tree: measure(tree) for tree in first}
    return done[old], done[ROOT]


def _show(name: str, pairs: Sequence[tuple[float, float]]) -> None:
    ratios = [ours / theirs for theirs, ours in pairs]
    low, high = _interval(ratios)
    theirs, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{name:10} before {theirs:8,.0f}/s  now {ours:8,.0f}/s  ratio {statistics.median(ratios):.3f}", end="  ")
    print(f"95 % [{low:.3f}, {high:.3f}]  ({min(ratios):.3f} to {max(ratios):.3f})", flush=True)


def _interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median, by 4,000 draws with replacement."""
    dice = random.Random(1)
    medians = sorted(statistics.median(dice.choices(ratios, k=len(ratios))) for _ in range(4_000))
    return medians[100], medians[-101]


def _env(tree: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(tree), "LC_ALL": "C.UTF-8"}


def _postiljon(folder: Path, env: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-m", "campaigns", *words]
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


if __name__ == "__main__":
    main()
