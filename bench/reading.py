"""Rows of the reader's side: opt-outs a second, pages a second, beside a sender, and a burst with a kill."""

from __future__ import annotations

import base64
import http.client
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.harness import LETTER, POSTILJON, ROOT, House, Row, free_port, house, process, sink, timed, wait_for_port
from bench.sending import Scale, send
from campaigns.runtime.sockets import web_processes
from mailer.signing import Key, Keyring, Purpose, Token, seal, to_text

# Measured elsewhere on two cores with the best-known engine (issue 5); it is not run here.
FIELD_PAGES = 1360.0
TURNS = 3
# each turn has 32 new connections, which the kernel shares out, and 30,000 new people: enough for 10,000 a second
POST_PEOPLE, POST_TURNS, POST_SECONDS = 150_000, 5, 3
ONE_CLICK = b"List-Unsubscribe=One-Click"
WRK = """
local paths = {}
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
local threads = 0
function setup(thread) thread:set("index", threads); threads = threads + 1 end
local at = nil
request = function()
  if at == nil then at = index * math.floor(#paths / 2) end
  at = at %% #paths + 1
  return wrk.format("%(method)s", paths[at], {["Content-Type"] = "application/x-www-form-urlencoded"}, %(body)s)
end
"""


@dataclass(frozen=True)
class Load:
    """The report of wrk: requests a second, the 99th percentile in milliseconds, and answers that were not 2xx."""

    per_second: float
    p99: float
    bad: int


def keyring(secrets: Path) -> Keyring:
    """The keys in a file of secrets."""
    kept = tomllib.loads(secrets.read_text())["secret_keys"]
    keys = kept.split(",") if isinstance(kept, str) else kept
    return Keyring.of([base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)) for key in keys])


def key_of(home: House) -> Key:
    """The key by which the house makes its links."""
    return keyring(home.folder / "data" / "secrets.toml").current


def tokens(home: House, number: int) -> list[str]:
    """Opt-out paths of the first campaign for that many recipients, made with the house's own key."""
    key = key_of(home)
    with sqlite3.connect(f"file:{home.folder}/data/postiljon.db?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT mailing_id, recipient FROM delivery ORDER BY id LIMIT ?", (number,)
        ).fetchall()
    return [f"/u/{to_text(seal(key, Token(Purpose.OPT_OUT, mailing, recipient)))}" for mailing, recipient in rows]


@contextmanager
def web(home: House) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """``serve --public-only`` and its port."""
    port = free_port()
    running = subprocess.Popen(
        [*home.command, "serve", "--public-only", "--port", str(port)],
        env=home.env,
        cwd=home.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60):
            pass  # the port is open before the house behind it is
        yield running, port
    finally:
        running.terminate()
        running.wait(20)


def wrk(port: int, paths: Sequence[str], folder: Path, *, post: bool, seconds: int = 7) -> Load:
    """32 connections on distinct paths."""
    listing, script = folder / "paths.txt", folder / "load.lua"
    listing.write_text("\n".join(paths))
    script.write_text(
        WRK
        % {"paths": listing, "method": "POST" if post else "GET", "body": f'"{ONE_CLICK.decode()}"' if post else "nil"}
    )
    text = timed(["wrk", "-t2", "-c32", f"-d{seconds}s", "--latency", "-s", script, f"http://127.0.0.1:{port}"]).output
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if not rate or not p99:
        raise RuntimeError(f"wrk said nothing usable:\n{text}")
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]]
    return Load(float(rate[1]), float(p99[1]) * unit, int(bad[1]) if bad else 0)


def middle(loads: Sequence[Load]) -> Load:
    """The median of some turns, each figure by itself. An answer that was not 200 is a fault."""
    bad = sum(load.bad for load in loads)
    if bad:
        raise RuntimeError(f"{bad} answers were not 200")
    speeds, slowest = [load.per_second for load in loads], [load.p99 for load in loads]
    return Load(statistics.median(speeds), statistics.median(slowest), 0)


@contextmanager
def sent_house(number: int) -> Iterator[House]:
    """A house whose campaign went to that many people."""
    with sink() as port, house(port=port) as home:
        home.import_people(number)
        send(home)
        yield home


def optouts_per_second(scale: Scale) -> list[Row]:
    """Distinct one-click POSTs, each on disk when it is answered, beside the least that does that; turn and turn about.

    Beside each turn stands the disk of that moment: the median of 100 times 48 KiB with ``fdatasync``.
    """
    number = POST_PEOPLE if scale.letters >= POST_PEOPLE // 2 else scale.letters
    ours: list[Load] = []
    plain: list[Load] = []
    disk: list[float] = []
    with sent_house(number) as home, web(home) as (_, port), plain_web(home) as (_, plain_port):
        paths = tokens(home, number)
        part = len(paths) // POST_TURNS
        knock(port, paths[:32])
        knock(plain_port, paths[:32])
        for turn in range(POST_TURNS):
            disk.append(_disk_ms(home.folder))
            some = paths[turn * part :][:part]
            ours.append(wrk(port, some, home.folder, post=True, seconds=POST_SECONDS))
            plain.append(wrk(plain_port, some, home.folder, post=True, seconds=POST_SECONDS))
    few = max(load.per_second for load in ours) * POST_SECONDS > part
    return _posts(ours, plain, disk, "; some left twice: there were too few people" if few else "")


def _posts(ours: Sequence[Load], plain: Sequence[Load], disk: Sequence[float], more: str) -> list[Row]:
    """Return the rows for ``pairs`` of turns: speed, and the slowest in a hundred."""
    mine, theirs = middle(ours), middle(plain)
    speed = statistics.median(one.per_second / other.per_second for one, other in zip(ours, plain, strict=True))
    slow = statistics.median(one.p99 / other.p99 for one, other in zip(ours, plain, strict=True))
    pairs = ", ".join(f"{a.per_second:,.0f}/{b.per_second:,.0f}" for a, b in zip(ours, plain, strict=True))
    beside = "Starlette, one row, one fsync a group, as many processes"
    notes = f"{pairs}; fdatasync {', '.join(f'{one:.1f}' for one in disk)} ms{more}"
    return [
        Row(
            "one-click POSTs, 32 connections",
            "requests/s",
            mine.per_second,
            beside,
            theirs.per_second,
            speed,
            ">= 0.5",
            speed >= 0.5,
            notes,
        ),
        Row("one-click POSTs, p99", "ms", mine.p99, beside, theirs.p99, slow, "<= 2", slow <= 2),
    ]


@contextmanager
def plain_web(home: House) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """:mod:`bench.plain_optouts` with as many processes as ``serve`` has, and its port."""
    port, data = free_port(), home.folder / "data"
    program = [sys.executable, "-m", "bench.plain_optouts"]
    given = [home.folder / "plain.db", data / "secrets.toml", port, web_processes(None)]
    with process([*program, *map(str, given)], cwd=ROOT) as running:
        wait_for_port(port)
        yield running, port


def knock(port: int, paths: Sequence[str]) -> None:
    """One click for each path, on connections of their own: what a process makes at its first request is made then."""
    for path in paths:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", ONE_CLICK, timeout=60):
            pass


def _disk_ms(folder: Path) -> float:
    """Return the time it takes to have 48 KiB on disk, about a group's pages; milliseconds, the median of 100."""
    spent = []
    with (folder / "disk").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(bytes(48 * 1024))
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            spent.append((time.perf_counter() - started) * 1000)
    return statistics.median(spent)


def pages_per_second(scale: Scale) -> Row:
    """Opt-out pages."""
    number = min(20_000, scale.letters)
    with sent_house(number) as home, web(home) as (_, port):
        paths = tokens(home, number)
        load = middle([wrk(port, paths, home.folder, post=False) for _ in range(TURNS)])
    return Row(
        "opt-out pages, 32 connections",
        "requests/s",
        load.per_second,
        "the best-known engine, measured elsewhere",
        FIELD_PAGES,
        load.per_second / FIELD_PAGES,
        ">= 4",
        load.per_second >= 4 * FIELD_PAGES,
        f"p99 {load.p99:.1f} ms",
    )


def optout_beside_sender(scale: Scale) -> Row:
    """p99 of one-click POSTs, alone and while a sender runs at full speed on the same SQLite file."""
    number = max(20_000, scale.letters)  # fewer are gone before the first POST is answered
    with sink() as relay, house(port=relay) as home:
        home.import_people(number)
        sending = subprocess.Popen(
            [POSTILJON, "send", LETTER, "--yes"],
            env=home.env,
            cwd=home.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with web(home) as (_, port):
            time.sleep(1)
            beside = _post_steadily(port, tokens(home, 2_000), until=sending)
            sending.wait()
            alone = _post_steadily(port, tokens(home, 4_000)[2_000:], until=None)
    busy, quiet = _p99(beside), _p99(alone)
    return Row(
        "opt-out POST, p99, beside a sender at full speed",
        "ms",
        busy,
        "alone",
        quiet,
        busy / quiet,
        "< 50 ms",
        busy < 50,
        f"{len(beside):,} POSTs beside it, median {statistics.median(beside):.1f} ms",
    )


def _post_steadily(port: int, paths: Sequence[str], until: subprocess.Popen[bytes] | None) -> list[float]:
    """One POST after another, some hundred a second, for ten seconds or until the sender is done; milliseconds each."""
    connection, spent, deadline = http.client.HTTPConnection("127.0.0.1", port), [], time.monotonic() + 10
    for path in paths:
        if (until and until.poll() is not None) or time.monotonic() > deadline:
            break
        started = time.perf_counter()
        _post(connection, path)
        spent.append((time.perf_counter() - started) * 1000)
        time.sleep(0.003)
    return spent


def _post(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("POST", path, ONE_CLICK, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"answered {answer.status}")


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def burst_with_kill(scale: Scale) -> Row:
    """Distinct opt-outs from eight clients, the web killed in the middle; each 200 must be in the database."""
    number = 50_000 if scale.letters >= 50_000 else scale.letters
    with sent_house(number) as home:
        paths = tokens(home, number)
        answered: set[int] = set()
        with web(home) as (running, port):
            clients = [threading.Thread(target=_burst, args=(port, paths, part, answered)) for part in range(8)]
            for client in clients:
                client.start()
            while len(answered) < number // 2 and any(client.is_alive() for client in clients):
                time.sleep(0.01)
            for child in _children(running.pid):
                os.kill(child, signal.SIGKILL)
            running.kill()
            for client in clients:
                client.join()
        with sqlite3.connect(home.folder / "data" / "postiljon.db") as connection:
            left = {
                row[0] for row in connection.execute("SELECT contact_id FROM subscription WHERE state = 'opted_out'")
            }
            recipients = [
                row[0] for row in connection.execute("SELECT recipient FROM delivery ORDER BY id LIMIT ?", (number,))
            ]
    missing = sum(recipients[index] not in left for index in answered)
    return Row(
        "a burst of opt-outs with kill -9 in the middle: answered 200 and missing",
        "people",
        missing,
        "answered 200",
        len(answered),
        missing / max(1, len(answered)),
        "0",
        missing == 0,
        f"{number:,} tokens, killed half-way",
    )


def _burst(port: int, paths: Sequence[str], part: int, answered: set[int]) -> None:
    """Post every eighth path until the server is gone; note the index of each that was answered 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        for index in range(part, len(paths), 8):
            _post(connection, paths[index])
            answered.add(index)
    except (OSError, http.client.HTTPException):
        return


def _children(pid: int) -> list[int]:
    """The processes below a process, deepest last."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *_children(int(child))]
    return found
