"""How long until the first letter has left: ``python -m bench.startup [--times N] [--beside PATH]``.

Runs the whole command ``send --yes`` for few people, against a relay in this process that notes the hour of the first
final dot that it answered. In turns with it run ``python -c pass`` and ``import sqlalchemy``, and the same command
of another tree (``--beside PATH``, a checkout with an environment of its own, such as the commit before). Told are
medians, and the median of the ratios turn by turn. One more run of the product, with marks in it, tells the phases.
``--imports`` runs the command with ``-X importtime`` and sums the milliseconds by package.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.harness import LETTER, ROOT, House, house

PEOPLE = 200
# module, function, and the event of its return ("" for one of its call)
MARKS: tuple[tuple[str, str, str, str], ...] = (
    ("campaigns.cli.main", "run", "command line imported", ""),
    ("campaigns.context", "open_context", "", "settings read, database open"),
    ("campaigns.lifecycle.launch", "prepare", "", "letter compiled"),
    ("campaigns.lifecycle.launch", "start", "", "campaign launched"),
    ("mailer.worker", "run", "sender begins", ""),
)


class Relay:
    """A relay that takes everything, and knows when it first answered a final dot (monotonic clock)."""

    def __init__(self) -> None:
        self.first: float | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._server.accept()
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(b"220 ready\r\n")
            content = False
            for line in lines:
                if content:
                    content = line != b".\r\n"
                    answer = b"" if content else b"250 taken\r\n"
                    self.first = self.first or (None if content else time.monotonic())
                else:
                    content = line[:4].upper() == b"DATA"
                    answer = _answer(line[:4].upper())
                if answer:
                    connection.sendall(answer)


def _answer(verb: bytes) -> bytes:
    hello = b"250-here\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
    known = {b"EHLO": hello, b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
    return known.get(verb, b"250 ok\r\n")


class Place:
    """A house of a tree, whose data folder is as it was before each run."""

    def __init__(self, home: House, relay: Relay, tree: Path) -> None:
        self.relay = relay
        self.data, self.before = home.folder / "data", home.folder / "before"
        home.import_people(PEOPLE)
        shutil.copytree(self.data, self.before)
        self.env, self.tree = home.env, tree
        self.python = tree / ".venv" / "bin" / "python"

    def send(self, runner: Sequence[str | Path]) -> tuple[float, float, str]:
        """Milliseconds until the first letter, and of processor; what was said on standard error."""
        shutil.rmtree(self.data)
        shutil.copytree(self.before, self.data)
        self.relay.first = None
        began = time.monotonic()
        env = self.env | {"BENCH_BEGAN": str(began)}
        used, said = _run([self.python, *runner, "send", LETTER, "--yes"], env, self.tree)
        first = self.relay.first or float("nan")  # not a number: no letter left
        return (first - began) * 1000, used, said


def _run(command: Sequence[str | Path], env: dict[str, str], cwd: Path) -> tuple[float, str]:
    """Run it; milliseconds of processor, its own and its children's, and its standard error. Raises if it failed."""
    process = subprocess.Popen(
        [str(part) for part in command], env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(said[-2000:])
    return (usage.ru_utime + usage.ru_stime) * 1000, said


def _clock(command: Sequence[str]) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", *command], check=True)
    return (time.monotonic() - began) * 1000


@contextmanager
def _place(tree: Path) -> Iterator[Place]:
    relay = Relay()
    with house(port=relay.port) as home:
        yield Place(home, relay, tree)


class Marker(MetaPathFinder):
    """Puts a mark round functions as their modules are loaded, without loading any early."""

    def __init__(self) -> None:
        self.began = float(os.environ["BENCH_BEGAN"])
        self.seen: list[tuple[str, float, float]] = []
        self.mark("interpreter started")

    def mark(self, event: str) -> None:
        """Note that it happened now, the first time alone."""
        if event and all(event != seen[0] for seen in self.seen):
            self.seen.append((event, (time.monotonic() - self.began) * 1000, time.process_time() * 1000))

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module's own spec, with marks in what it loads."""
        marks = [mark[1:] for mark in MARKS if mark[0] == fullname]
        spec = PathFinder.find_spec(fullname, path, target) if marks else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def marked(module: ModuleType) -> None:
            load(module)
            for name, called, returned in marks:
                setattr(module, name, self._around(getattr(module, name), called, returned))

        spec.loader.exec_module = marked  # type: ignore[method-assign]
        return spec

    def _around(self, function: Any, called: str, returned: str) -> Any:
        def run(*given: Any, **named: Any) -> Any:
            self.mark(called)
            result = function(*given, **named)
            self.mark(returned)
            return result

        return run


def _marked() -> int:
    """In the child: the command with its marks, told on standard error."""
    marker = Marker()
    sys.meta_path.insert(0, marker)
    from campaigns.__main__ import main

    try:
        main()
    finally:
        print("MARKS", json.dumps(marker.seen), file=sys.stderr)
    return 0


def _phases(place: Place) -> None:
    first, _, said = place.send(["-m", "bench.startup", "--marked"])
    marks = json.loads(said.rpartition("MARKS ")[2])
    at, used = 0.0, 0.0
    print(f"{'phase':30} {'ms':>6} {'from the start':>15} {'processor':>10}")
    for event, hour, spent in [*marks, ("first letter accepted", first, float("nan"))]:
        print(f"{event:30} {hour - at:6.0f} {hour:15.0f} {spent - used:10.0f}")
        at, used = hour, spent


def _imports(place: Place, top: int = 30) -> None:
    _, _, said = place.send(["-X", "importtime", "-m", "campaigns"])
    spent: Counter[str] = Counter()
    for match in re.finditer(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", said):
        spent[match[2].partition(".")[0]] += int(match[1])
    print(f"imports of the sending process: {sum(spent.values()) / 1000:.0f} ms")
    for package, microseconds in spent.most_common(top):
        print(f"{package:30} {microseconds / 1000:6.0f}")


def _turns(places: dict[str, Place], times: int) -> None:
    found: dict[str, list[float]] = {}
    for _ in range(times):
        for name, place in places.items():
            first, used, _ = place.send(["-m", "campaigns"])
            found.setdefault(f"first letter, {name}", []).append(first)
            found.setdefault(f"processor of the command, {name}", []).append(used)
        found.setdefault("python -c pass", []).append(_clock(["pass"]))
        found.setdefault("import sqlalchemy", []).append(_clock(["import sqlalchemy"]))
    ours = found["first letter, this tree"]
    print(f"{'':40} ms (median)   least   ratio of ours to it (median of {times} turns)")
    for name, values in found.items():
        ratio = statistics.median(a / b for a, b in zip(ours, values, strict=True))
        print(f"{name:40} {statistics.median(values):11.0f} {min(values):7.0f} {ratio:8.2f}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--beside", type=Path, help="another tree with an environment of its own")
    parser.add_argument("--imports", action="store_true", help="tell imports by package")
    arguments = parser.parse_args()
    with _place(ROOT) as place:
        place.send(["-m", "campaigns"])  # the modules are compiled and in memory now
        if arguments.imports:
            _imports(place)
        _phases(place)
        if not arguments.beside:
            _turns({"this tree": place}, arguments.times)
            return 0
        with _place(arguments.beside.resolve()) as other:
            other.send(["-m", "campaigns"])
            _turns({"this tree": place, "beside": other}, arguments.times)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--marked"]:
        del sys.argv[1]
        raise SystemExit(_marked())
    raise SystemExit(main())
