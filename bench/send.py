"""The engine alone: enqueue N invented people, one sender in this process, against smtp-source in the same go.

Usage: ``python -m bench.send [--letters N] [--window W …] [--profile] [--dkim] [--threads-profile]``. The real letter,
tokens and contacts from the database, the outbox on disk with ``synchronous=FULL``, Postfix's smtp-sink as the relay.
It leaves out what a whole command costs (start-up, freezing the audience): see ``python -m bench`` for those.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import hashlib
import os
import pstats
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from sqlalchemy import Connection
from sqlmodel import SQLModel

from bench.harness import sink, smtp_source
from mailer import archive, outbox, worker
from mailer.letter.compile import compile_letter
from mailer.outbox import Mailing
from mailer.settings import MailerSettings, Relay
from mailer.signing import Keyring, letter_sealer
from mailer.storage import Database, open_database
from mailer.transport.memory import MemoryTransport
from mailer.transport.smtp import SmtpTransport
from mailer.worker import Filled, LetterLinks, WorkerDeps
from tests.support.databases import postgres_server
from tests.support.letters import example
from unsubscribe.tokens import letter_links

RING = Keyring.of([b"k" * 32])
PUBLIC = "https://post.example.org"
LINKS = LetterLinks(f"{PUBLIC}/o/abc", *letter_links(PUBLIC))


class Readers:
    """Invented values, real links; the read from the contacts table is left out."""

    def fill(self, _conn: Connection, _mailing: Mailing, recipients: Sequence[int]) -> Mapping[int, Filled]:
        return {number: Filled(f"Reader {number}", {"contact": reader(number)}) for number in recipients}

    def links(self, _conn: Connection, _mailing: Mailing) -> LetterLinks | None:
        return LINKS


def reader(number: int) -> dict[str, str]:
    """Return the values of an invented reader."""
    return {"email": f"reader{number}@domain{number % 997}.example", "salutation": f"mevrouw Jansen-{number}"}


def prepare(db: Database, number: int, dkim: bool) -> int:
    """Make tables, the letter, and a mailing with ``number`` recipients."""
    SQLModel.metadata.create_all(db.engine)
    now = datetime.now(UTC)
    with db.write() as conn:
        snapshot = archive.keep(conn, compile_letter(example("denkt-u-mee")), now)
        names = ("s1", "vng.nl") if dkim else ("", "")
        identity = outbox.Identity(PUBLIC, "bounces@vng.nl", RING.current.id, *names)
        spec = outbox.MailingSpec("bench", "campaign", "news", snapshot, identity)
        mailing = outbox.open_mailing(conn, spec, now).id
    for start in range(0, number, 2000):
        people = [
            outbox.Recipient(
                n, f"reader{n}@domain{n % 997}.example", hashlib.md5(b"%d" % n).digest(), f"domain{n % 997}.example"
            )
            for n in range(start, min(start + 2000, number))
        ]
        with db.write() as conn:
            outbox.enqueue(conn, mailing, people, start, now)
    with db.write() as conn:
        outbox.audience_complete(conn, mailing)
    return mailing


def once(arguments: argparse.Namespace, window: int, port: int) -> float:
    """Letters a second of the sender alone, from its start until it is done."""
    with tempfile.TemporaryDirectory(prefix="postiljon-bench-") as folder, ExitStack() as stack:
        url = f"sqlite:///{folder}/postiljon.db"
        if arguments.postgres:
            server = stack.enter_context(postgres_server(durable=True))
            url = server.url(server.fresh())
        db = open_database(url)
        mailing = prepare(db, arguments.letters, arguments.dkim)
        relay = Relay("127.0.0.1", port, tls="none", connections=arguments.connections, window=window)
        more = {}
        if arguments.dkim:
            from mailer.letter.dkim import new_key

            key = Path(folder) / "key.pem"
            key.write_bytes(new_key())
            more = {"dkim_key": key, "dkim_selector": "s1", "dkim_domain": "vng.nl"}
        transport = MemoryTransport() if arguments.memory else SmtpTransport(relay, "bench.example.org")
        deps = WorkerDeps(
            db,
            Path(folder),
            MailerSettings(smtp_url=relay, **more),
            Readers(),
            RING,
            lambda: datetime.now(UTC),
            transport,
        )
        begun, cpu, mine = time.perf_counter(), time.process_time(), time.thread_time()
        uvloop.run(_send(deps, mailing))
        seconds, used, loop = time.perf_counter() - begun, time.process_time() - cpu, time.thread_time() - mine
        with db.read() as conn:
            accepted = outbox.get(conn, mailing).counts.accepted
        db.close()
    if accepted != arguments.letters:
        raise SystemExit(f"only {accepted} of {arguments.letters} were accepted")
    share = f"{used / accepted * 1e6:.1f} us of processor a letter (the loop: {loop / accepted * 1e6:.1f})"
    print(f"    window {window}: {accepted / seconds:,.0f}/s, {share}", flush=True)
    return accepted / seconds


async def _send(deps: WorkerDeps, mailing: int) -> None:
    await worker.run(deps, only=mailing, stop=asyncio.Event(), until_done=True, on_progress=lambda _turn: None)


def letter_size() -> int:
    """Bytes of the letter on the wire, about."""
    from mailer.letter.compose import Composer
    from mailer.letter.flat_message import flatten

    flat = flatten(Composer(compile_letter(example("denkt-u-mee")).letter), LINKS, "@vng.nl")
    assert flat is not None
    known, tokens = reader(1), letter_sealer(RING.current, 1)(1)
    return len(flat.message("Reader 1", known["email"], datetime.now(UTC), {"contact": known}, tokens))


def main() -> int:
    """Measure in turn, print ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.send", description=__doc__)
    parser.add_argument("--letters", type=int, default=50_000)
    parser.add_argument("--window", type=int, nargs="*", default=[40])
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--dkim", action="store_true")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server of its own instead of SQLite")
    parser.add_argument("--memory", action="store_true", help="the shipped fake instead of SMTP")
    parser.add_argument("--profile", choices=["loop", "writer"], help="profile one of the two threads")
    arguments = parser.parse_args()
    size = letter_size()
    print(f"a letter of {size:,} bytes, {arguments.letters:,} of them", flush=True)
    with sink() as port:
        for window in arguments.window:
            for _ in range(arguments.pairs):
                theirs = arguments.letters / smtp_source(port, arguments.letters, arguments.connections, size).wall
                ours = _profiled(arguments, window, port) if arguments.profile else once(arguments, window, port)
                print(
                    f"window {window}: {ours:,.0f}/s; smtp-source -d {theirs:,.0f}/s; ratio {ours / theirs:.2f}",
                    flush=True,
                )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB (this process)")
    return 0


def _profiled(arguments: argparse.Namespace, window: int, port: int) -> float:
    """One thread under cProfile; its figures are for shares, not for speed."""
    profile = cProfile.Profile()
    if arguments.profile == "loop":
        profile.enable()
        speed = once(arguments, window, port)
        profile.disable()
    else:
        from mailer.worker.dispatcher import Dispatcher

        plain = Dispatcher.run

        def profiled(self: Dispatcher) -> None:
            profile.enable()
            plain(self)
            profile.disable()

        Dispatcher.run = profiled  # type: ignore[method-assign]
        speed = once(arguments, window, port)
    pstats.Stats(profile, stream=sys.stdout).strip_dirs().sort_stats("tottime").print_stats(35)
    return speed


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    raise SystemExit(main())
