"""``pg_dump`` and ``pg_restore`` as child processes: their version and their environment.

Promises: a password reaches a child in its environment only, so it is in no list of processes. A program that is
missing, or does not fit the server, is an error that names the package to install. A child ends with this process.
Raises ``InputError`` and ``StorageError``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from psycopg import pq
from psycopg.conninfo import make_conninfo

from mailer.errors import InputError, StorageError
from mailer.messages import Message
from mailer.storage import Database

_FOLDERS = Path("/usr/lib/postgresql")
_SECRET = frozenset({"password", "sslpassword"})
_LONGEST = 2_000  # characters of a program's words that are repeated
MISSING = Message(
    "the programs of PostgreSQL are not on this machine: {name} {version} or newer is needed. Install them "
    "(Debian: apt install postgresql-client)"
)
OLDER = Message(
    "{name} on this machine is version {found}, and the server is version {version}: an older one cannot be used. "
    "Install the programs of PostgreSQL {version} (Debian: apt install postgresql-client-{version})"
)


UNFIT = Message(
    "{name} on this machine is version {found}, and the server is version {version}: what it writes cannot be restored "
    "into a server older than {first}. Install postgresql-client-{version} beside it"
)
_NEW_SETTINGS = 17  # from here on pg_restore sets transaction_timeout, and an older server does not know it


@dataclass(frozen=True, slots=True)
class PostgresTools:
    """The folder of the programs, and their major version."""

    folder: Path
    version: int

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return a command line."""
        return [str(self.folder / name), *arguments]


def find(version: int, name: str = "pg_dump") -> PostgresTools:
    """Return the programs for a server of this major version: the same version, else the next newer one that fits.

    ``name``: the program that is used, for the words of an error. Raises ``InputError``.
    """
    return fitting(list(_installed(name)), version, name)


def fitting(installed: Sequence[PostgresTools], version: int, name: str) -> PostgresTools:
    """Return those of the installed programs that :func:`find` returns. Raises ``InputError``."""
    found = sorted(installed, key=lambda tools: tools.version)
    newer = [tools for tools in found if tools.version >= version]
    if newer and newer[0].version >= _NEW_SETTINGS > version:
        raise InputError(UNFIT.format(name=name, found=newer[0].version, version=version, first=_NEW_SETTINGS))
    if newer:
        return newer[0]
    if found:
        raise InputError(OLDER.format(name=name, found=found[-1].version, version=version))
    raise InputError(MISSING.format(name=name, version=version))


def newest(name: str) -> PostgresTools:
    """Return the newest programs, for work without a server. Raises ``InputError``."""
    found = sorted(_installed(name), key=lambda tools: tools.version)
    if not found:
        raise InputError(MISSING.format(name=name, version="-"))
    return found[-1]


def _installed(name: str) -> Iterator[PostgresTools]:
    on_path = shutil.which(name)
    folders = [Path(on_path).parent] if on_path else []
    for folder in [*folders, *sorted(_FOLDERS.glob("*/bin"))]:
        program = folder / name
        if os.access(program, os.X_OK):
            said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True).stdout
            if number := re.search(r"\(PostgreSQL\) (\d+)", said):
                yield PostgresTools(folder, int(number[1]))


def address(db: Database) -> str:
    """Return the address of the database as libpq reads it, without a secret."""
    return make_conninfo(**{name: value for name, value in _parameters(db).items() if name not in _SECRET})


def environment(db: Database) -> dict[str, str]:
    """Return the environment of a child, with the password in it. Raises ``InputError``."""
    found = _parameters(db)
    if found.get("sslpassword"):
        raise InputError(
            Message("the database's address has sslpassword, which pg_dump cannot be given: use a key without one")
        )
    password = {"PGPASSWORD": str(found["password"])} if found.get("password") else {}
    return {**os.environ, **password, "LC_ALL": "C"}


def _parameters(db: Database) -> dict[str, Any]:
    arguments, named = db.engine.dialect.create_connect_args(db.engine.url)
    given = {"dbname": arguments[0], **named} if arguments else dict(named)
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}  # others are SQLAlchemy's own
    return {name: value for name, value in given.items() if name in known and value is not None}


@contextmanager
def running(command: Sequence[str], env: dict[str, str]) -> Iterator[IO[bytes]]:
    """Run a program and yield its output. Raises ``StorageError`` with its words when it fails.

    The program ends with this process, also after SIGKILL: the system sends it a signal where ``setpriv`` of util-linux
    runs; in our unit systemd ends it; elsewhere its next write fails.
    """
    bound = _bound()
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            [*bound, *command], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words
        )
        output = process.stdout
        assert output is not None  # noqa: S101 - a pipe was asked for
        try:
            yield output
        except BaseException:
            process.kill()
            raise
        finally:
            output.close()
            code = process.wait()
        if code:
            words.seek(0)
            said = words.read(_LONGEST).decode("utf-8", "replace").strip()
            name = Path(command[0]).name
            raise StorageError(Message("{name} failed: {why}", name=name, why=said or code))


def _bound() -> list[str]:
    """Return a prefix for a command line that ends the child with this process; none where the system refuses it.

    ``setpriv`` sets its capabilities with ``capset``, a system call that the unit of the nightly backup refuses.
    """
    setpriv = shutil.which("setpriv")
    words = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
    if words and subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        return []
    return words


def run(command: Sequence[str], env: dict[str, str], take: Callable[[bytes], object] | None = None) -> None:
    """Run a program to its end; ``take`` is called with each part of its output."""
    with running(command, env) as output:
        while part := output.read(1 << 20):
            if take:
                take(part)
