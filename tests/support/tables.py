"""Every table of the house in a database: made once, and copied after that.

On SQLite a file that was made before is copied into the place of one that is not there yet. On PostgreSQL a database is
lent, emptied when it comes back (numbers begin at 1 again), and lent again; one whose tables a test has changed is
dropped.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from sqlmodel import SQLModel

from campaigns import migrations
from mailer.storage import Database, open_database
from tests.support.databases import PostgresServer

_FILES: dict[tuple[str, int], bytes] = {}
_SHAPE = """SELECT md5(string_agg(concat(relname, attname, atttypid, attnotnull), ' ' ORDER BY relname, attname))
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE relnamespace = 'public'::regnamespace"""
_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""

_EMPTY = """DO $$ DECLARE one text; has boolean; used text[]; BEGIN
    FOR one IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', one) INTO has;
        IF has THEN used := used || quote_ident(one); END IF;
    END LOOP;
    IF used IS NOT NULL THEN EXECUTE 'TRUNCATE ' || array_to_string(used, ', ') || ' CASCADE'; END IF;
    FOR one IN SELECT relname FROM pg_class WHERE relkind = 'S' LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', one);
    END LOOP;
    PERFORM pg_stat_reset();
END $$"""


def create_all(db: Database) -> Database:
    """Make every table that has been imported."""
    return _made(db, _create)


def migrated(db: Database) -> Database:
    """The same by the way that ``postiljon init`` takes."""
    return _made(db, migrations.upgrade)


def _create(db: Database) -> None:
    SQLModel.metadata.create_all(db.engine)


def _made(db: Database, how: Callable[[Database], object]) -> Database:
    if db.sqlite_path is None or db.sqlite_path.exists():
        how(db)
        return db
    key = (how.__name__, len(SQLModel.metadata.tables))
    if key not in _FILES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "made.db"
            with closing(open_database(f"sqlite:///{path}")) as first:
                how(first)
            _FILES[key] = path.read_bytes()
    db.sqlite_path.write_bytes(_FILES[key])
    return db


class Library:
    """Databases on a server that are lent, one to a test at a time."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._idle: list[tuple[str, str]] = []
        migrations.metadata()

    @contextmanager
    def lent(self) -> Iterator[Database]:
        """A database with every table and no row."""
        name, shape = self._idle.pop() if self._idle else self._new()
        with closing(open_database(self.server.url(name))) as database:
            yield database
        self._take_back(name, shape)

    def _new(self) -> tuple[str, str]:
        name = self.server.fresh()
        with closing(open_database(self.server.url(name))) as database:
            _create(database)
        with self._connected(name) as connection:
            return name, _shape(connection)

    def _take_back(self, name: str, shape: str) -> None:
        try:
            with self._connected(name) as connection:
                connection.execute(_OTHERS)
                unchanged = _shape(connection) == shape
                if unchanged:
                    connection.execute(_EMPTY)
        except psycopg.Error:  # somebody is still at it
            unchanged = False
        if unchanged:
            self._idle.append((name, shape))
        else:
            self.server.drop(name)

    def _connected(self, name: str) -> psycopg.Connection[tuple[str]]:
        options = "-c lock_timeout=5s"
        where = f"host={self.server.folder} user=postiljon dbname={name}"
        return psycopg.connect(where, autocommit=True, options=options)


def _shape(connection: psycopg.Connection[tuple[str]]) -> str:
    found = connection.execute(_SHAPE).fetchone()
    return found[0] if found else ""
