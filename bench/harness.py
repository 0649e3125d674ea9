"""Shared parts of the rows: a house in a folder of its own, the sinks, whole commands timed by the operating system.

Everything runs on loopback, in a temporary folder, and is ended by its process id.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LETTER = ROOT / "examples" / "denkt-u-mee.md"
POSTILJON = Path(sys.executable).with_name("postiljon")
SECRETS = ("POSTILJON_SECRET_KEYS", "POSTILJON_PEPPER")


@dataclass(frozen=True)
class Run:
    """One finished command: seconds on the clock, seconds of processor, peak memory of the largest process in MiB."""

    wall: float
    cpu: float
    peak_mib: float
    code: int
    output: str = field(repr=False, default="")


@dataclass(frozen=True)
class Row:
    """One line of the table: our figure, what it is held against, their ratio, and the aim."""

    name: str
    unit: str
    ours: float
    against: str
    theirs: float
    ratio: float
    aim: str
    reached: bool
    notes: str = ""

    def as_json(self) -> dict[str, object]:
        """For the JSON file."""
        return asdict(self)


def timed(command: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Run:
    """Run a whole command; the operating system's own accounting (wait4) of it and its reaped children."""
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=subprocess.STDOUT, env=dict(env or os.environ), cwd=cwd
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode, text)


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for_port(port: int, seconds: float = 20) -> None:
    """Until something listens there."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port}")
        time.sleep(0.02)


@contextlib.contextmanager
def process(command: Sequence[str | Path], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended, by its id, when the block ends."""
    running = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )  # type: ignore[call-overload]
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def postfix_program(name: str) -> Path:
    """smtp-sink or smtp-source, of the system package postfix."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if not found:
        raise SystemExit(f"{name} is missing: install the system package postfix")
    return Path(found)


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Postfix's smtp-sink, which takes everything and keeps nothing; gives its port."""
    with sink_process() as (port, _number):
        yield port


@contextlib.contextmanager
def sink_process() -> Iterator[tuple[int, int]]:
    """As :func:`sink`; gives its port and the number of its process."""
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with process([postfix_program("smtp-sink"), *user, f"127.0.0.1:{port}", "1024"]) as running:
        wait_for_port(port)
        yield port, running.pid


def processor_of(number: int) -> float:
    """Seconds of processor that a process has used so far (Linux: proc(5), utime and stime)."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def smtp_source(port: int, messages: int, connections: int, size: int) -> Run:
    """The same work by Postfix's C load generator: one message a transaction, connections kept open (-d)."""
    return timed(
        [
            postfix_program("smtp-source"),
            "-d",
            "-s",
            str(connections),
            "-m",
            str(messages),
            "-l",
            str(size),
            "-f",
            "info@vng.nl",
            "-t",
            "reader@example.org",
            f"127.0.0.1:{port}",
        ]
    )


class House:
    """A fresh installation in a temporary folder, used through its command line alone."""

    command: Sequence[str | Path] = (POSTILJON,)

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str = "",
        port: int = 25,
        options: str = "connections=10",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        # an installation has its modules compiled: without that a start takes half a second more
        unlike = ("POSTILJON_", "PYTHONDONTWRITEBYTECODE")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(unlike)}
        self.env |= {
            "LC_ALL": "C.UTF-8",
            "POSTILJON_DATA": str(folder / "data"),
            "POSTILJON_SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none&{options}",
            "POSTILJON_PUBLIC_URL": "http://127.0.0.1:8000",
            "POSTILJON_BRAND": str(ROOT / "examples" / "vng.toml"),
            **({"POSTILJON_DATABASE_URL": database_url} if database_url else {}),
            **(more or {}),
        }
        self("init")

    def __call__(self, *arguments: str | Path, ok: bool = True) -> Run:
        """Run ``postiljon ARGUMENTS``; raises when it does not end with 0, unless ``ok`` is false."""
        run = timed([*self.command, *arguments], self.env, self.folder)
        if ok and run.code:
            raise RuntimeError(
                f"postiljon {' '.join(map(str, arguments))} ended with {run.code}:\n{run.output[-2000:]}"
            )
        return run

    def import_people(self, number: int) -> Run:
        """Import that many invented contacts."""
        path = self.folder / f"people-{number}.csv"
        write_people(path, number)
        return self("contacts", "import", path, "--topic", "verenigingsnieuws", "--basis", "member")

    def status(self, slug: str = "denkt-u-mee") -> dict[str, int]:
        """``status --json``."""
        run = self("status", slug, "--json")
        counts: dict[str, int] = json.loads(run.output)
        return counts


@contextlib.contextmanager
def house(**options: object) -> Iterator[House]:
    """A :class:`House` that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="postiljon-bench-") as folder:
        yield House(Path(folder), **options)  # type: ignore[arg-type]


def write_people(path: Path, number: int) -> None:
    """A CSV of invented people over 997 domains, every third with a salutation of her own."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name", "language", "salutation", "role"])
        for index in range(number):
            salutation = f"mevrouw Jansen-{index}" if index % 3 == 0 else ""
            writer.writerow(
                [f"reader{index}@domain{index % 997}.example", f"Reader {index}", "nl", salutation, "raadslid"]
            )


def letter_size(home: House) -> int:
    """Bytes of the real letter as it goes over the wire."""
    out = home.folder / "size.eml"
    home("render", LETTER, "--contact", "reader1@domain1.example", "--out", out)
    return out.stat().st_size


def median_of(measure: Callable[[], float], times: int) -> float:
    """The median of several measurements."""
    return statistics.median(measure() for _ in range(times))
