"""Rows of the table that send: speed, senders, script, DKIM, far relay, PostgreSQL, scale."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.harness import (
    LETTER,
    POSTILJON,
    House,
    Row,
    Run,
    free_port,
    house,
    letter_size,
    process,
    processor_of,
    sink,
    sink_process,
    smtp_source,
    timed,
    wait_for_port,
    write_people,
)
from tests.support.databases import postgres_server

SLUG = "denkt-u-mee"


@dataclass(frozen=True)
class Scale:
    """How much: the full table, or a small one that shows that every row works."""

    letters: int = 100_000
    largest: int = 1_000_000
    imported: int = 200_000
    pairs: int = 3


def send(home: House) -> Run:
    """``postiljon send --yes``, whole; raises unless everybody was accepted."""
    run = home("send", LETTER, "--yes")
    status = home.status()
    if status["accepted"] != status["recipients"]:
        raise RuntimeError(f"not all were accepted: {status}")
    return run


def _pairs(scale: Scale, ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float, float]:
    """Ours and theirs in turn; medians, and the median of the ratios pair by pair."""
    both = [(ours(), theirs()) for _ in range(scale.pairs)]
    ratios = sorted(a / b for a, b in both)
    middle = len(both) // 2
    return sorted(a for a, _ in both)[middle], sorted(b for _, b in both)[middle], ratios[middle]


def _fresh_send(number: int, options: str, port: int, more: dict[str, str] | None = None, url: str = "") -> Run:
    with house(port=port, options=options, more=more, database_url=url) as home:
        home.import_people(number)
        return send(home)


def against_smtp_source(scale: Scale, window: int, aim: float) -> Row:
    """100,000 personal letters, ten connections, one sender, outbox on disk with FULL."""
    number = scale.letters
    with sink_process() as (port, sinking):
        with house(port=port) as home:
            home.import_people(2)
            size = letter_size(home)
        used: list[float] = []

        def ours() -> float:
            before = processor_of(sinking)
            speed = number / _fresh_send(number, f"connections=10&window={window}", port).wall
            used.append((processor_of(sinking) - before) / number * 1e6)
            return speed

        our, their, ratio = _pairs(scale, ours, lambda: number / smtp_source(port, number, 10, size).wall)
    return Row(
        f"{number:,} personal letters, 10 connections, one sender, window {window}",
        "letters/s",
        our,
        "smtp-source -d, same size",
        their,
        ratio,
        f">= {aim}",
        ratio >= aim,
        f"letter of {size:,} bytes; smtp-sink used {sorted(used)[len(used) // 2]:.0f} us of processor a letter",
    )


def many_senders(scale: Scale) -> Row:
    """As many senders as cores, on one database; the sink's own processor time stands beside it."""
    number, cores = scale.letters, os.cpu_count() or 2
    with sink() as port:
        with house(port=port) as home:
            home.import_people(2)
            size = letter_size(home)

        def ours() -> float:
            with house(port=port, options="connections=10") as home, ExitStack() as stack:
                home.import_people(number)
                for _ in range(cores - 1):
                    stack.enter_context(process([POSTILJON, "worker"], env=home.env, cwd=home.folder))
                time.sleep(2)
                return number / send(home).wall

        our, their, ratio = _pairs(scale, ours, lambda: number / smtp_source(port, number, 10, size).wall)
    return Row(
        f"the same, {cores} senders",
        "letters/s",
        our,
        "smtp-source -d, same size",
        their,
        ratio,
        ">= 1.3, or the sink is the limit",
        ratio >= 1.3,
        f"{cores} cores for senders and sink together",
    )


def against_plain_script(scale: Scale) -> Row:
    """The same letters by a script of Jinja, EmailMessage and aiosmtplib over ten connections (a hundredth of them)."""
    number, few = scale.letters, max(500, scale.letters // 50)
    with sink() as port:
        ours = number / _fresh_send(number, "connections=10", port).wall
        with house(port=port) as home:
            home.import_people(2)
            people = home.folder / "few.csv"
            write_people(people, few)
            html, text = _parts(home)
            script = timed([sys.executable, "-m", "bench.plain_script", str(port), people, str(few), html, text])
    theirs = few / script.wall
    return Row(
        "the same, one sender",
        "letters/s",
        ours,
        "a script: Jinja, EmailMessage, aiosmtplib, ten connections",
        theirs,
        ours / theirs,
        ">= 30",
        ours / theirs >= 30,
        f"script measured over {few:,} letters",
    )


def _parts(home: House) -> tuple[str, str]:
    """The letter's two parts as templates of the script."""
    import email
    import email.policy

    out = home.folder / "one.eml"
    home("render", LETTER, "--contact", "reader1@domain1.example", "--out", out)
    message = email.message_from_bytes(out.read_bytes(), policy=email.policy.default)
    paths = []
    for kind, part in (("html", "html"), ("text", "plain")):
        body = message.get_body((part,))
        assert body is not None
        content = re.sub(r"http://127\.0\.0\.1:8000/[ud]/[\w-]+", "{{ link }}", body.get_content())
        path = home.folder / f"part.{kind}"
        path.write_text(content.replace("heer, mevrouw", "{{ contact.salutation or 'heer, mevrouw' }}"))
        paths.append(str(path))
    return paths[0], paths[1]


def with_dkim(scale: Scale) -> Row:
    """RSA-2048 against what openssl signs on all cores."""
    number = scale.letters
    cores = os.cpu_count() or 2
    with sink() as port, house(port=port) as home:
        key = home.folder / "dkim.pem"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        key.chmod(0o600)
        more = {"POSTILJON_DKIM_KEY": str(key), "POSTILJON_DKIM_SELECTOR": "s1", "POSTILJON_DKIM_DOMAIN": "vng.nl"}
        run = _fresh_send(number, "connections=10", port, more)
    speed = timed(["openssl", "speed", "-seconds", "5", "-multi", str(cores), "rsa2048"])
    line = next(line for line in speed.output.splitlines() if re.match(r"rsa\s+2048 bits", line))
    theirs = float(line.split()[5])
    ours = number / run.wall
    return Row(
        "the same with DKIM RSA-2048",
        "letters/s",
        ours,
        f"openssl speed rsa2048, {cores} cores",
        theirs,
        ours / theirs,
        ">= 0.5",
        ours / theirs >= 0.5,
        "the sink runs on the same cores",
    )


def far_relay(scale: Scale) -> Row:
    """A relay with 20 ms an answer and 20 connections: one round trip a message allows 1,000 a second."""
    number = max(2_000, scale.letters // 5)
    with sink() as near, tempfile.TemporaryDirectory() as folder:
        port, kept = free_port(), Path(folder) / "kept"
        with process([sys.executable, "-m", "bench.far_relay", str(port), str(near), "20", kept]):
            wait_for_port(port)
            run = _fresh_send(number, "connections=20", port)
        answer = float(kept.read_text())
    ours = number / run.wall
    return Row(
        "a relay with 20 ms an answer, 20 connections",
        "letters/s",
        ours,
        "20 / 0.020",
        1000.0,
        ours / 1000,
        ">= 0.95",
        ours >= 950,
        f"{number:,} letters, start-up included; an answer took {answer:.2f} ms",
    )


def postgres(scale: Scale) -> Row:
    """The same campaign with PostgreSQL (durable) and with SQLite."""
    number = scale.letters
    with sink() as port, postgres_server(durable=True) as server:

        def on_postgres() -> float:
            name = server.fresh()
            try:
                return number / _fresh_send(number, "connections=10", port, url=server.url(name)).wall
            finally:
                server.drop(name)

        ours, theirs, ratio = _pairs(
            scale, on_postgres, lambda: number / _fresh_send(number, "connections=10", port).wall
        )
    return Row("PostgreSQL", "letters/s", ours, "SQLite", theirs, ratio, ">= 0.6", ratio >= 0.6)


@dataclass(frozen=True)
class Sized:
    """One campaign of some size: microseconds a message, seconds to the first, peak memory."""

    number: int
    per_message: float
    first: float
    peak: float


def scales(scale: Scale) -> list[Row]:
    """10,000, 100,000 and 1,000,000 contacts: time per message, to the first message, memory."""
    sizes = sorted({min(10_000, scale.letters), scale.letters, scale.largest})
    with sink() as port:
        runs = [_sized(number, port) for number in sizes]
    return [*(_slower(run, runs[0]) for run in runs[1:]), *_largest(runs[-1])]


def _slower(run: Sized, base: Sized) -> Row:
    name, against = f"{run.number:,} contacts: time per message", f"{base.number:,} contacts"
    ratio = run.per_message / base.per_message
    return Row(name, "us", run.per_message, against, base.per_message, ratio, "<= 1.10", ratio <= 1.10)


def _largest(run: Sized) -> list[Row]:
    first, memory = f"{run.number:,} contacts: time to the first message", f"{run.number:,} contacts: sender's memory"
    return [
        Row(first, "s", run.first, "0.9 s", 0.9, run.first / 0.9, "<= 0.9 s", run.first <= 0.9),
        Row(memory, "MiB", run.peak, "150 MiB", 150.0, run.peak / 150, "<= 150 MiB", run.peak <= 150),
    ]


def _sized(number: int, port: int) -> Sized:
    with house(port=port) as home:
        home.import_people(number)
        first: list[float] = []
        started = time.perf_counter()
        stop = threading.Event()
        watcher = threading.Thread(target=_watch_first, args=(home, started, first, stop))
        watcher.start()
        run = send(home)
        stop.set()
        watcher.join()
        return Sized(number, run.wall / number * 1e6, first[0] if first else float("nan"), run.peak_mib)


def _watch_first(home: House, started: float, first: list[float], stop: threading.Event) -> None:
    """When the first message was accepted, as the database tells."""
    connection = sqlite3.connect(f"file:{home.folder}/data/postiljon.db?mode=ro", uri=True, check_same_thread=False)
    while not stop.is_set() and not first:
        row = connection.execute("SELECT max(accepted) FROM mailing").fetchone()
        if row and row[0]:
            first.append(time.perf_counter() - started)
        time.sleep(0.01)
    connection.close()


def available() -> list[str]:
    """Return the names of programs that the machine lacks; nothing when all rows can run."""
    return [name for name in ("openssl",) if not shutil.which(name)]
