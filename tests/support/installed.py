"""An installation as an administrator has it, on SQLite or PostgreSQL: people, a brand, a key, and a journal."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from mailer.storage import open_database
from tests.support.commandline import EXAMPLES, CommandLine
from tests.support.databases import PostgresServer

PEOPLE = 30
TOPIC = "verenigingsnieuws"
_MADE: dict[tuple[Path | None, int], Installed] = {}


class Installed(CommandLine):
    """A desk with an installation; ``server``: of its PostgreSQL database, if it has one."""

    server: PostgresServer | None = None
    database: str = ""

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def rows(self, table: str) -> int:
        """Count the rows of a table, without Postiljon."""
        return int(self.ask(f"SELECT count(*) FROM {table}")[0][0])

    def ask(self, query: str) -> list[Any]:
        """Return the rows of a query, without Postiljon."""
        if self.server:
            with psycopg.connect(f"host={self.server.folder} user=postiljon dbname={self.database}") as connection:
                return connection.execute(query.encode()).fetchall()
        with closing(sqlite3.connect(self.data / "postiljon.db")) as lite:
            return lite.execute(query).fetchall()

    def leave(self, number: int) -> None:
        """A person wants no more mail: it is in the journal too."""
        self.do("contacts", "suppress", f"lezer{number}@example.org")

    def is_suppressed(self, number: int) -> bool:
        """Return whether a person gets nothing any more."""
        return bool(self.do("contacts", "show", f"lezer{number}@example.org", "--json").json["suppressed"])


def place(folder: Path, server: PostgresServer | None = None, template: str = "template0") -> Installed:
    """Return a folder for an installation, with a database of the server if one is given: empty, or as a template."""
    folder.mkdir(parents=True, exist_ok=True)
    cli = Installed(folder)
    if server:
        cli.server, cli.database = server, server.fresh(template)
        cli.environment["POSTILJON_DATABASE_URL"] = server.url(cli.database)
    return cli


def installed(folder: Path, server: PostgresServer | None = None, people: int = PEOPLE) -> Installed:
    """An installation with a file of settings that names a brand: made once by commands, and copied after that.

    Those with the same number of people have the same secrets: one installation in several places.
    """
    key = (server.folder if server else None, people)
    if key not in _MADE:
        _MADE[key] = _by_commands(Path(tempfile.mkdtemp(dir=_kept())), server, people)
    made = _MADE[key]
    shutil.copytree(made.folder, folder, dirs_exist_ok=True)
    return place(folder, server, made.database or "template0")


@cache
def _kept() -> str:
    """A folder until the end of this process."""
    folder = tempfile.TemporaryDirectory(prefix="postiljon-installed-")
    atexit.register(folder.cleanup)
    return folder.name


def _by_commands(folder: Path, server: PostgresServer | None, people: int) -> Installed:
    cli = place(folder, server)
    for name in ("vng.toml", "vng-logo.png"):
        shutil.copy(EXAMPLES / name, folder)
    lines = ['brand = "vng.toml"', 'organisation = "VNG"', 'contact = "info@vng.example"']
    cli.write("postiljon.toml", "\n".join(lines) + "\n")
    cli.do("init")
    cli.write("people.csv", "email\n" + "".join(f"lezer{number}@example.org\n" for number in range(people)))
    cli.do("contacts", "import", "people.csv", "--topic", TOPIC, "--basis", "member")
    return cli


def is_whole(cli: Installed) -> bool:
    """Return whether the database is whole, and can be used."""
    if cli.server is None:
        with closing(sqlite3.connect(cli.data / "postiljon.db")) as lite:
            return lite.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(open_database(cli.server.url(cli.database))) as db, db.read():
        return True
