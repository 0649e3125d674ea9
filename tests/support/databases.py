"""A fresh database for each test: SQLite in a file, or a real PostgreSQL server of our own on a Unix socket.

The server is started once per test run (per xdist worker), in a folder of its own, with fsync off, and is ended
by its process id. A database is made from a template, so that a test gets a migrated one in some milliseconds.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.support.needs import need


class PostgresServer:
    """A server on a Unix socket in its own folder. ``url(name)`` is the address of a database on it."""

    def __init__(self, folder: Path, command: list[str] | None = None, quiet: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self._command, self._quiet = command or [], quiet or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it (again), and wait until it answers."""
        self._process = subprocess.Popen(self._command, **self._quiet)
        _wait(self, self._process)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it, and wait; it is killed if it takes too long."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def crash(self) -> None:
        """As a crash: every connection is cut at once, and recovery follows at the next start."""
        self.stop(signal.SIGQUIT)

    def url(self, name: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql://postiljon@/{name}?host={self.folder}"

    def admin(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(f"host={self.folder} user=postiljon dbname=postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def fresh(self, template: str = "template0") -> str:
        """The name of a new database."""
        name = f"t{uuid.uuid4().hex}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY ENCODING 'UTF8'")
        return name

    def drop(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        self.admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A running server. PostgreSQL refuses to run as root, so root lends it to ``nobody`` or ``postgres``."""
    initdb, postgres = need("initdb", "postgresql"), need("postgres", "postgresql")
    folder = Path(tempfile.mkdtemp(prefix="postiljon-pg-"))
    user = _unprivileged()
    if user:
        shutil.chown(folder, user)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user, "cwd": folder, "env": _env()}
    subprocess.run(
        [
            initdb,
            "-D",
            f"{folder}/d",
            "-U",
            "postiljon",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            *([] if durable else ["-N"]),
        ],
        check=True,
        **quiet,
    )
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "max_connections=200"]
    if not durable:
        options += ["-c", "fsync=off", "-c", "full_page_writes=off"]
    server = PostgresServer(folder, [postgres, "-D", f"{folder}/d", *options], quiet)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    import time

    deadline = time.monotonic() + 30
    while True:
        try:
            server.admin("SELECT 1")
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
