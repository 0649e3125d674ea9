"""The cost of hostile connections for a web process: ``python -m bench.connections [--only KIND …] [--connections N]``.

For each kind a fresh ``serve --public-only`` with one web process, 200 connections that are opened again whenever they
are closed, and beside them one-click opt-outs, each on a connection of its own. Says the process's peak memory, and how
many opt-outs were answered 200 and how slowly. ``--json`` prints values. Sockets only, loopback only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlalchemy import insert

from bench.harness import POSTILJON, House, free_port, wait_for_port
from bench.reading import ONE_CLICK
from mailer.archive import BLOB
from mailer.storage import open_database
from tests.support.site import KEYS_IN_SETTINGS, Town

CONNECTIONS, SECONDS, BOUND = 200, 8.0, 250.0
PICTURE, PICTURE_BYTES = "ab" * 32, 4_000_000
HOST = b" HTTP/1.1\r\nHost: a\r\n"
FORM = b"POST /subscribe" + HOST + b"Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = FORM + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = b"GET /privacy" + HOST + b"\r\n"


@dataclass(frozen=True)
class Kind:
    """Sent once on each connection, then again and again; ``pause`` seconds between; whether answers are read."""

    name: str
    once: bytes
    again: bytes = b""
    pause: float = 0.0
    reads: bool = False
    end: str = ""  # after the first bytes: "half" closes our half, "reset" the connection


def _many(piece: bytes, size: int = 60_000) -> bytes:
    return piece * (size // len(piece))


KINDS = (
    Kind("idle", b""),
    Kind("trailers without end", CHUNKED + b"0\r\n", _many(b"X-Trailer: " + b"t" * 100 + b"\r\n")),
    Kind("one trailer without end", CHUNKED + b"0\r\nX: ", b"t" * 60_000),
    Kind("chunk extensions without end", CHUNKED + b"1;", b"e" * 60_000),
    Kind("a chunk size without end", CHUNKED, b"0" * 60_000),
    Kind("chunks of one byte", CHUNKED, _many(b"1\r\na\r\n")),
    Kind("chunks of a megabyte", CHUNKED, b"100000\r\n" + b"a" * 0x100000 + b"\r\n"),
    Kind("pipelined GETs, answers not read", b"", _many(WHOLE)),
    Kind("pipelined GETs, answers read", b"", _many(WHOLE), reads=True),
    Kind("pipelined HEADs, answers not read", b"", _many(b"HEAD /privacy" + HOST + b"\r\n")),
    Kind("pipelined POSTs, answers not read", b"", _many(FORM + b"Content-Length: 26\r\n\r\n" + ONE_CLICK)),
    Kind("pipelined 404s and OPTIONS", b"", _many(b"GET /x" + HOST + b"\r\nOPTIONS /u/x" + HOST + b"\r\n")),
    Kind("a large picture, not read", b"GET /m/" + PICTURE.encode() + b".png" + HOST + b"\r\n"),
    Kind("a large picture, again and again", b"", _many(b"GET /m/" + PICTURE.encode() + b".png" + HOST + b"\r\n")),
    Kind("many tiny headers", b"GET /privacy" + HOST, _many(b"a:\r\n")),
    Kind("tiny headers up to the limit", b"GET /privacy" + HOST + b"a:\r\n" * 4_000),
    Kind("one header without end", b"GET /privacy" + HOST + b"X: ", b"h" * 60_000),
    Kind("an address without end", b"GET /", b"u" * 60_000),
    Kind("empty lines without end", b"", b"\r\n" * 30_000),
    Kind("a head that drips", b"GET /privacy" + HOST + b"X: ", b"h", 0.5),
    Kind("a body that drips", FORM + b"Content-Length: 60000\r\n\r\n", b"b", 0.5),
    Kind("a body nobody asked for", b"GET /privacy" + HOST + b"Content-Length: 999999999\r\n\r\n", b"b" * 60_000),
    Kind(
        "chunks nobody asked for",
        b"GET /privacy" + HOST + b"Transfer-Encoding: chunked\r\n\r\n",
        b"1000\r\n" + b"b" * 4096 + b"\r\n",
    ),
    Kind("a body that is too long", FORM + b"Content-Length: 999999999\r\n\r\n", b"b" * 60_000),
    Kind(
        "upgrade, then bytes",
        b"GET /privacy" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"\x81" * 60_000,
    ),
    Kind("upgrades pipelined", b"", _many(b"GET /privacy" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")),
    Kind("CONNECT, then bytes", b"CONNECT a:443" + HOST + b"\r\n", b"c" * 60_000),
    Kind("Expect: 100-continue, no body", FORM + b"Expect: 100-continue\r\nContent-Length: 26\r\n\r\n"),
    Kind(
        "Expect: 100-continue pipelined",
        b"",
        _many(FORM + b"Expect: 100-continue\r\nContent-Length: 26\r\n\r\n" + ONE_CLICK),
    ),
    Kind("not HTTP", b"\x16\x03\x01\x02\x00" * 100, b"\x00" * 60_000),
    Kind(
        "Content-Length beside chunks",
        FORM + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        WHOLE,
    ),
    Kind("half closed", _many(WHOLE, 2_000), end="half"),
    Kind("reset at once", WHOLE, end="reset"),
)


class Horde:
    """Connections of one kind, opened again whenever they end, driven by one thread."""

    def __init__(self, port: int, kind: Kind, number: int) -> None:
        self._port, self._kind, self._number = port, kind, number
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = self.opened = 0

    def __enter__(self) -> Horde:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            while not self._ending.is_set():
                for _ in range(min(50, self._number - len(selector.get_map()))):
                    self._open(selector)
                for key, events in selector.select(0.02):
                    with contextlib.suppress(BlockingIOError):
                        try:
                            self._one(selector, key, events)
                        except OSError:
                            self._close(selector, key.fileobj)  # type: ignore[arg-type]
            for key in list(selector.get_map().values()):
                self._close(selector, key.fileobj)  # type: ignore[arg-type]

    def _open(self, selector: selectors.BaseSelector) -> None:
        line = socket.socket()
        line.setblocking(False)
        line.connect_ex(("127.0.0.1", self._port))
        selector.register(line, selectors.EVENT_READ | selectors.EVENT_WRITE, _Waiting(self._kind.once))
        self.opened += 1

    def _one(self, selector: selectors.BaseSelector, key: selectors.SelectorKey, events: int) -> None:
        line, waiting, kind = key.fileobj, key.data, self._kind
        assert isinstance(line, socket.socket)
        if events & selectors.EVENT_READ and (kind.reads or not waiting.left):
            if not line.recv(65536 if kind.reads else 1):
                raise ConnectionError
            if not kind.reads:  # it has answered; that is not read
                selector.modify(line, selectors.EVENT_WRITE, waiting)
        if events & selectors.EVENT_WRITE and time.monotonic() >= waiting.until:
            self._send(selector, line, waiting)

    def _send(self, selector: selectors.BaseSelector, line: socket.socket, waiting: _Waiting) -> None:
        kind = self._kind
        if waiting.left:
            gone = line.send(waiting.left)
            self.sent += gone
            waiting.left = waiting.left[gone:]
        if waiting.left:
            return
        if kind.end == "reset":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionError
        if kind.end == "half":
            line.shutdown(socket.SHUT_WR)
        if kind.again:
            waiting.left, waiting.until = memoryview(kind.again), time.monotonic() + kind.pause
        else:
            selector.modify(line, selectors.EVENT_READ, waiting)

    def _close(self, selector: selectors.BaseSelector, line: socket.socket) -> None:
        selector.unregister(line)
        line.close()


class _Waiting:
    """The rest to be sent on a connection, and the earliest time for it."""

    def __init__(self, first: bytes) -> None:
        self.left, self.until = memoryview(first), 0.0


@dataclass
class OptOuts:
    """One-click requests, one after another, each on a connection of its own; milliseconds, and what went wrong."""

    port: int
    paths: Sequence[str]
    spent: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """For so long, or until each path was used."""
        until = time.monotonic() + seconds
        for path in self.paths:
            if time.monotonic() > until:
                return
            started = time.perf_counter()
            try:
                status = one_click(self.port, path)
            except OSError as error:
                status = type(error).__name__
            self.spent.append((time.perf_counter() - started) * 1000)
            if status != "200":
                self.wrong.append(status)
            time.sleep(0.02)


def one_click(port: int, path: str, patience: float = 20.0) -> str:
    """The status that a mailbox provider's POST gets."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as line:
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(ONE_CLICK)}\r\nConnection: close\r\n\r\n"
        line.sendall(head.encode() + ONE_CLICK)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
    return answer[9:12].decode()


def memory(pid: int, name: str = "VmRSS") -> float:
    """MiB of a process, of /proc; ``VmHWM`` is its peak."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclass(frozen=True)
class Home:
    """A running web process before a house with many readers: port, process, and the paths of their opt-outs."""

    port: int
    web: int
    paths: Sequence[str]
    log: Path


@contextlib.contextmanager
def home(people: int = 400, files: str = "") -> Iterator[Home]:
    """Such a house, with one web process; after ``ulimit`` with what ``files`` says, if anything."""
    with tempfile.TemporaryDirectory(prefix="postiljon-hostile-") as folder:
        more = {"POSTILJON_WEB_PROCESSES": "1", "POSTILJON_CONTACT": "info@voorbeeld.example", **KEYS_IN_SETTINGS}
        house = House(Path(folder), more=more)
        database = open_database(f"sqlite:///{folder}/data/postiljon.db")
        town = Town(database, people)
        with database.write() as conn:
            row = {"hash": PICTURE, "media_type": "image/png", "data": os.urandom(PICTURE_BYTES)}
            conn.execute(insert(BLOB).values(row))
        database.close()
        paths = [town.path(reader=number) for number in range(people)]
        port, log = free_port(), Path(folder) / "serve.log"
        limit = f"ulimit {files}; " if files else ""
        command = ["sh", "-c", f"{limit}exec {POSTILJON} serve --public-only --port {port}"]
        with (
            log.open("wb") as out,
            subprocess.Popen(command, env=house.env, cwd=folder, stdout=out, stderr=out) as parent,
        ):
            try:
                wait_for_port(port, 120)
                one_click(port, "/u/forged", patience=120)  # the port is open before the house behind it is
                yield Home(port, web_of(parent.pid), paths, log)
            finally:
                parent.terminate()
                parent.wait(90)


def web_of(parent: int) -> int:
    """The child that answers: the one with the most memory (there is a tracker of resources, too)."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return max(map(int, children), key=memory)


@dataclass(frozen=True)
class Figure:
    """The result of one kind."""

    kind: str
    before: float  # MiB
    peak: float
    after: float
    sent: float  # MB
    opened: int
    answered: int
    refused: int
    median: float  # ms
    slowest: float


def measure(kind: Kind, number: int, seconds: float) -> Figure:
    """One kind against a fresh house."""
    with home() as house:
        asked = OptOuts(house.port, house.paths)
        before = memory(house.web)
        with Horde(house.port, kind, number) as horde:
            time.sleep(0.5)
            asked.run(seconds)
            after = memory(house.web)
        peak = memory(house.web, "VmHWM")
    good = len(asked.spent) - len(asked.wrong)
    spent = asked.spent or [0.0]
    return Figure(
        kind.name,
        before,
        peak,
        after,
        horde.sent / 1e6,
        horde.opened,
        good,
        len(asked.wrong),
        statistics.median(spent),
        max(spent),
    )


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.connections", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[kind.name for kind in KINDS], metavar="KIND")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = []
    for kind in KINDS:
        if kind.name not in arguments.only:
            continue
        figure = measure(kind, arguments.connections, arguments.seconds)
        figures.append(figure)
        if not arguments.json:
            _show(figure)
    if arguments.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=1))
    return 0 if all(figure.peak < BOUND and not figure.refused for figure in figures) else 1


def _show(figure: Figure) -> None:
    print(
        f"{figure.kind:36} {figure.before:5.0f} -> {figure.peak:5.0f} MiB (then {figure.after:5.0f}); "
        f"{figure.sent:7.1f} MB on {figure.opened:6} connections; opt-outs {figure.answered:4} answered, "
        f"{figure.refused:3} not, median {figure.median:7.1f} ms, slowest {figure.slowest:8.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
