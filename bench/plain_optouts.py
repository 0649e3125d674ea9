"""The least that answers an opt-out when it is on disk: Starlette, a verified token, a row, one commit a group.

``python -m bench.plain_optouts DATABASE SECRETS PORT PROCESSES``: what the row *optouts* stands beside. Each process
has a socket of its own and stays on a core of its own, as ours do. A request is the same POST; its token is verified by
the same code. Those that came while a group was written are the next group: one INSERT for each row, one commit with
``synchronous=FULL``, so one wait for the disk. There is no journal, no chain of consent, no state of a subscription, no
undo and no page in the reader's language.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.reading import keyring
from campaigns.runtime.sockets import listen, pin_to_cpu
from mailer.errors import TokenError
from mailer.signing import Keyring, Purpose, from_text, unseal

PAGE = "<!doctype html><title>Done</title><p>You get no more of these emails.</p>" + 20 * "<p>And some more words.</p>"
_ADD = "INSERT OR IGNORE INTO left (mailing, recipient, at) VALUES (?, ?, ?)"
Waiting = list[tuple[tuple[int, int, float], asyncio.Future[None]]]


class Leaving:
    """The application of one process."""

    def __init__(self, database: Path, ring: Keyring) -> None:
        self.ring = ring
        self.connection = opened(database)
        self.waiting: Waiting = []
        self.writing: asyncio.Task[None] | None = None

    async def leave(self, request: Request) -> Response:
        """Answer one POST when it is on disk."""
        body = await request.body()
        try:
            token = unseal(self.ring, from_text(request.path_params["token"]), Purpose.OPT_OUT)
        except TokenError:
            return Response("Not found", 404)
        if body != b"List-Unsubscribe=One-Click":
            return Response("Bad request", 400)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(((token.mailing, token.recipient, time.time()), done))
        if self.writing is None:
            self.writing = asyncio.create_task(self._write())
        await done
        return Response(PAGE, media_type="text/html")

    async def _write(self) -> None:
        """One transaction after the other, as long as anybody waits."""
        while self.waiting:
            group, self.waiting = self.waiting, []
            await asyncio.to_thread(self._keep, [row for row, _ in group])
            for _, done in group:
                if not done.done():
                    done.set_result(None)
        self.writing = None

    def _keep(self, rows: Sequence[tuple[int, int, float]]) -> None:
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError:
                time.sleep(0.001)
        self.connection.executemany(_ADD, rows)
        self.connection.execute("COMMIT")


def opened(database: Path) -> sqlite3.Connection:
    """A connection as ours are: WAL, FULL."""
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False, timeout=0)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def serve(database: Path, secrets: Path, listening: socket.socket) -> None:
    """One process."""
    app = Starlette(routes=[Route("/u/{token}", Leaving(database, keyring(secrets)).leave, methods=["POST"])])
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="error", lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    """Serve until SIGTERM."""
    database, secrets, port, processes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    with closing(opened(database)) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS left (mailing INTEGER, recipient INTEGER, at REAL, "
            "PRIMARY KEY (mailing, recipient)) WITHOUT ROWID"
        )
    context = multiprocessing.get_context("spawn")
    children = []
    for number, listening in enumerate(listen("127.0.0.1", port, processes)):
        child = context.Process(target=serve, args=(database, secrets, listening), daemon=True)
        child.start()
        pin_to_cpu(child.pid or 0, number, processes)
        children.append(child)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # daemons end with us
    for child in children:
        child.join()


if __name__ == "__main__":
    main()
