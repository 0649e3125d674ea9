"""One-click opt-outs while ten people click in the console: ``python -m bench.console_beside [--turns 5]``.

One house whose campaign was sent, with a staff user. In each turn, two ``serve --workers 0`` one after the other, in
changing order: one alone, one with ten signed-in clients that open pages of the console and wait a second between two
clicks. Each is loaded with distinct one-click POSTs over 32 connections. Printed: requests a second, the 99th
percentile, and their ratios in the same turn. The aim (issue 16): beside the clicks p99 below twice that alone, and
below 50 ms.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import re
import statistics
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.harness import ROOT, House, free_port, timed, wait_for_port
from bench.optouts import copied
from bench.reading import Load, sent_house, tokens, wrk

CLICKS, PEOPLE, SECONDS = 10, 30_000, 5
STAFF, PASSWORD = "vera@voorbeeld.example", "vier paarden lopen traag"
PATHS = ("/console", "/console/campaigns", "/console/campaigns?q=denkt", "/console/campaigns?show=sent")


@dataclass
class Clicks:
    """What the clients of the console got: the number of pages, and of other answers."""

    pages: int = 0
    bad: int = 0
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def served(home: House) -> Iterator[int]:
    """The whole web side of a house, without a sender, and its port."""
    port = free_port()
    running = subprocess.Popen(
        [*home.command, "serve", "--workers", "0", "--port", str(port)],
        env=home.env,
        cwd=home.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60):
            yield port
    finally:
        running.terminate()
        running.wait(30)


@contextmanager
def clicking(port: int, number: int) -> Iterator[Clicks]:
    """That number of signed-in clients, each with a click a second, until the end of the block."""
    clicks = Clicks()
    threads = [threading.Thread(target=click, args=(port, clicks, at)) for at in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield clicks
    finally:
        clicks.stop.set()
        for thread in threads:
            thread.join(30)


def click(port: int, clicks: Clicks, at: int) -> None:
    """Sign in, then open page after page."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    base = f"http://127.0.0.1:{port}"
    form = opener.open(f"{base}/console/sign-in", timeout=30).read().decode()
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', form)
    given = {"email": STAFF, "password": PASSWORD, "csrf": token[1] if token else ""}
    opener.open(f"{base}/console/sign-in", urllib.parse.urlencode(given).encode(), timeout=60).read()
    while not clicks.stop.wait(1.0):
        with opener.open(base + PATHS[(at + clicks.pages) % len(PATHS)], timeout=30) as answer:
            is_page = answer.status == 200 and "/sign-in" not in answer.url
        clicks.pages, clicks.bad = clicks.pages + is_page, clicks.bad + (not is_page)


def one(home: House, paths: Sequence[str], people: int) -> tuple[Load, Clicks]:
    """The load of one ``serve``, with that number of people in the console."""
    clicks = clicking if people else no_clicks
    with copied(home, ROOT) as copy, served(copy) as port, clicks(port, people) as counted:
        wrk(port, paths[:64], copy.folder, post=True, seconds=1)
        return wrk(port, paths[64:], copy.folder, post=True, seconds=SECONDS), counted


@contextmanager
def no_clicks(_port: int, _number: int) -> Iterator[Clicks]:
    """Nobody in the console."""
    yield Clicks()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    slower: list[float] = []
    print(f"{'':14}{'a second':>9}{'p99 ms':>8}{'pages':>7}", flush=True)
    with sent_house(PEOPLE) as home:
        add = ["sh", "-c", f"echo '{PASSWORD}' | {home.command[0]} user add {STAFF} --role sender"]
        added = timed(add, home.env, home.folder)
        if added.code:
            raise RuntimeError(added.output)
        paths = tokens(home, PEOPLE)
        for turn in range(turns):
            found = {people: one(home, paths, people) for people in ((0, CLICKS) if turn % 2 else (CLICKS, 0))}
            for people, (load, clicks) in sorted(found.items()):
                name = f"{people} in console" if people else "alone"
                print(f"{name:14}{load.per_second:>9.0f}{load.p99:>8.1f}{clicks.pages:>7}", flush=True)
                if load.bad or clicks.bad:
                    raise RuntimeError(f"{load.bad} opt-outs and {clicks.bad} pages were not answered as they should")
            slower.append(found[CLICKS][0].p99 / found[0][0].p99)
    print(f"p99 beside the clicks / alone: median {statistics.median(slower):.2f}, most {max(slower):.2f}")


if __name__ == "__main__":
    main()
