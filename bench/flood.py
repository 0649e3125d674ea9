"""``python -m bench.flood [--old TREE] [--tries 100000]``: what a flood of sign-ups costs those who opt out.

A real ``serve`` process on SQLite. One visitor tries to sign up over 64 connections, far over the limit (``wrk``),
while others opt out one after the other: their median and p99, how many tries were answered, and how many rows the
tries have left. ``--old`` names the tree of a version that kept a row a try (schema 0006): it is measured first, in the
same go, empty and with 400,000 and a million tries of this hour in its table. Ours is measured empty, after that number
of real tries, and with a million rows of others.
"""

from __future__ import annotations

import argparse
import http.client
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.harness import House, sink
from bench.reading import _p99, _post, tokens, web
from bench.sending import send

TOPIC = "verenigingsnieuws"
PEOPLE, SECONDS, CONNECTIONS = 12_000, 10, 64
FORM = """
local n = %(start)d
local headers = {["Content-Type"] = "application/x-www-form-urlencoded", ["X-Forwarded-For"] = "192.0.2.9"}
request = function()
  n = n + 1
  return wrk.format("POST", "/subscribe", headers, "topic=verenigingsnieuws&email=p" .. n .. "@gouda.example")
end
"""


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--old", type=Path, help="the tree of a version to measure before ours")
    parser.add_argument("--tries", type=int, default=100_000, help="real tries before the last measurements")
    arguments = parser.parse_args()
    print(f"{'':44} {'opt-outs':>8} {'median':>9} {'p99':>11} {'tries':>9} {'rows':>9}", flush=True)
    if arguments.old:
        with founded(arguments.old.resolve()) as home, web(home) as (_, port):
            bench = Bench(home, port, "signup_try")
            bench.measure("before: alone", flood=False)
            bench.measure("before: flood, empty table")
            for rows in (400_000, 1_000_000):
                bench.fill(rows)
                bench.measure(f"before: flood, {rows:,} tries this hour")
    with founded(None) as home, web(home) as (_, port):
        bench = Bench(home, port, "allowance")
        bench.measure("now: alone", flood=False)
        bench.measure("now: flood, empty table")
        while bench.tries < arguments.tries:
            bench.flood(30, 4 * CONNECTIONS).wait()
            bench.count()
        bench.measure(f"now: flood, after {bench.tries:,} real tries")
        bench.fill(1_000_000)
        bench.measure("now: flood, 1,000,000 rows of others")


class Bench:
    """One house under attack: its opt-outs that are left, and the tries so far."""

    def __init__(self, home: House, port: int, table: str) -> None:
        self.home, self.port, self.table = home, port, table
        self.paths = iter(tokens(home, PEOPLE))
        self.tries = 0
        self._said = home.folder / "wrk.txt"

    def flood(self, seconds: int, connections: int = CONNECTIONS) -> subprocess.Popen[bytes]:
        """Run the visitor, for ``seconds``."""
        script = self.home.folder / "flood.lua"
        script.write_text(FORM % {"start": self.tries})
        url = f"http://127.0.0.1:{self.port}"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script), url]
        with self._said.open("wb") as out:
            return subprocess.Popen(command, stdout=out)

    def count(self) -> int:
        """Tries that were answered in the flood that is over; all of them with 200."""
        said = self._said.read_text()
        if "Non-2xx" in said:
            print(f"    {said.strip().splitlines()[-3]}", file=sys.stderr)
        found = re.search(r"(\d+) requests in", said)
        number = int(found[1]) if found else 0
        self.tries += number
        return number

    def measure(self, name: str, *, flood: bool = True) -> None:
        """Opt-outs for some seconds, beside a flood that began before."""
        running = self.flood(SECONDS + 4) if flood else None
        time.sleep(2)
        spent = self._opt_outs()
        answered = 0
        if running:
            running.wait()
            answered = self.count()
        told = f"{name:44} {len(spent):8,} {statistics.median(spent):6.1f} ms {_p99(spent):8.1f} ms {answered:9,}"
        print(f"{told} {self.rows():9,}", flush=True)

    def _opt_outs(self) -> list[float]:
        spent: list[float] = []
        deadline = time.monotonic() + SECONDS
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            while time.monotonic() < deadline:
                started = time.perf_counter()
                _post(connection, next(self.paths))
                spent.append((time.perf_counter() - started) * 1000)
                time.sleep(0.003)
        return spent

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        path = self.home.folder / "data" / "postiljon.db"
        with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
            yield connection

    def rows(self) -> int:
        """Return the connections that the tries have left."""
        with self._database() as connection:
            number: int = connection.execute(f"SELECT count(*) FROM {self.table}").fetchone()[0]
        return number

    def fill(self, number: int) -> None:
        """Write rows into the table: tries of this visitor for this domain, or counters of other visitors."""
        with self._database() as connection:
            there = connection.execute(f"SELECT count(*) FROM {self.table}").fetchone()[0]
            if self.table == "signup_try":
                (row,) = connection.execute("SELECT peer, domain, at FROM signup_try ORDER BY id DESC LIMIT 1")
                statement = "INSERT INTO signup_try (peer, domain, at) VALUES (?, ?, ?)"
                connection.executemany(statement, [row] * (number - there))
                return
            ends = (datetime.now(UTC) + timedelta(minutes=50)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            rows = ((place.to_bytes(16, "big"), ends, 20) for place in range(number - there))
            connection.executemany("INSERT INTO allowance (who, ends, number) VALUES (?, ?, ?)", rows)


class Elsewhere(House):
    """A house that another tree of the project keeps."""

    command = (sys.executable, "-m", "campaigns")


@contextmanager
def founded(tree: Path | None) -> Iterator[House]:
    """A house whose campaign went out, with a topic that is open."""
    more = {"POSTILJON_CONTACT": "info@vng.example"} | ({"PYTHONPATH": str(tree)} if tree else {})
    with sink() as relay, tempfile.TemporaryDirectory(prefix="postiljon-bench-") as folder:
        home = (Elsewhere if tree else House)(Path(folder), port=relay, more=more)
        home.import_people(PEOPLE)
        send(home)
        home("topic", TOPIC, "--open")
        yield home


if __name__ == "__main__":
    main()
