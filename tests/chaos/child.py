"""One real sender process: ``python -m tests.chaos.child URL DATA PORT MAILING PID_FILE [--die WHERE NTH]``.

It kills itself where no server can see: ``claim`` (a turn begins, nothing is claimed), ``fill`` (the claim is on disk,
nothing is written), ``composed`` (the parcels are made), and within a turn, nearly always a lean one, just before a
statement: ``settling``, ``claiming``, ``counting``, ``commit`` (all is written, the COMMIT not yet sent), ``committed``
(it has returned). All else is the server's to do.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from sqlalchemy import Connection, event

from mailer.outbox import Mailing
from mailer.settings import Relay
from mailer.storage import Database, open_database
from mailer.transport.smtp import SmtpTransport
from mailer.worker import Filled, run
from tests.support.sending import People, deps, utc_now


class Fuse:
    """Burns down by one at each :meth:`burn`; at the end there is SIGKILL."""

    def __init__(self, left: int) -> None:
        self.left = left

    def burn(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Statements:
    """Burns a fuse just before a statement that begins so; ``committed``: before the one after a COMMIT."""

    STARTS: ClassVar = {
        "settling": "UPDATE delivery SET state",
        "claiming": "WITH heads",
        "counting": "UPDATE mailing",
        "commit": "COMMIT",
    }

    def __init__(self, fuses: Mapping[str, Fuse], database: Database) -> None:
        self._fuses, self._lite, self._after = fuses, database.is_sqlite, False
        event.listen(database.engine, "connect", self._connected)

    def _connected(self, connection: Any, _record: object) -> None:
        if self._lite:
            connection.set_trace_callback(self.seen)
        else:
            seen = self.seen

            class Watching(psycopg.Cursor[Any]):
                def execute(self, query: Any, *given: Any, **named: Any) -> Any:
                    seen(str(query))
                    return super().execute(query, *given, **named)

            connection.cursor_factory = Watching
            connection.commit = partial(self._commit, connection.commit)

    def _commit(self, commit: Callable[[], None]) -> None:
        self.seen("COMMIT")
        commit()

    def seen(self, statement: str) -> None:
        """A statement is about to run."""
        if self._after:
            self._fuses["committed"].burn()
        self._after = statement == "COMMIT"
        for name, start in self.STARTS.items():
            if statement.startswith(start):
                self._fuses[name].burn()


class Doomed(People):
    """Dies when it is asked for values (``fill``), or when it has given them (``composed``)."""

    def __init__(self, fill: Fuse, composed: Fuse) -> None:
        super().__init__()
        self.before, self.after = fill, composed

    def fill(self, conn: Connection, mailing: Mailing, recipients: Sequence[int]) -> Mapping[int, Filled]:
        self.before.burn()
        filled = super().fill(conn, mailing, recipients)
        threading.Timer(0.0005, self.after.burn).start()
        return filled


async def work(arguments: argparse.Namespace) -> str:
    """Send until done, or until death."""
    names = ("claim", "fill", "composed", "committed", *Statements.STARTS)
    fuses = {name: Fuse(arguments.nth if arguments.die == name else 0) for name in names}
    database = open_database(arguments.url)
    Statements(fuses, database)

    def clock() -> datetime:
        fuses["claim"].burn()
        return utc_now()

    relay = Relay("127.0.0.1", arguments.port, tls="none", connections=arguments.connections, window=arguments.window)
    people = Doomed(fuses["fill"], fuses["composed"])
    given = deps(
        database,
        Path(arguments.data),
        SmtpTransport(relay, "chaos.example"),
        people=people,
        clock=clock,
        smtp_url=relay,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    ending = await run(given, only=arguments.mailing, stop=stop, until_done=True, on_progress=lambda _turn: None)
    database.close()
    return ending.kind


def limit_files(megabytes: float, seconds: float) -> None:
    """No file may grow beyond this for so long (E17); then the soft limit is gone again."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(megabytes * 2**20), hard))
    threading.Timer(seconds, resource.setrlimit, (resource.RLIMIT_FSIZE, (hard, hard))).start()


def limit_descriptors(number: int, seconds: float) -> None:
    """Hold a number of open files for a time (E18)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    threading.Timer(seconds, resource.setrlimit, (resource.RLIMIT_NOFILE, (soft, hard))).start()


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("data")
    parser.add_argument("port", type=int)
    parser.add_argument("mailing", type=int)
    parser.add_argument("pid_file")
    parser.add_argument("--die", default="")
    parser.add_argument("--nth", type=int, default=0)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--full", type=float, nargs=2, metavar=("MIB", "SECONDS"))
    parser.add_argument("--files", type=float, nargs=2, metavar=("NUMBER", "SECONDS"))
    arguments = parser.parse_args()
    if arguments.full:
        limit_files(*arguments.full)
    if arguments.files:
        limit_descriptors(int(arguments.files[0]), arguments.files[1])
    Path(arguments.pid_file).write_text(str(os.getpid()))
    ending = asyncio.run(work(arguments))
    print(ending, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
