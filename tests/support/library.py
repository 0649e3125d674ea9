"""Databases on a PostgreSQL server that have every table and are lent, one to a test at a time.

One that comes back is emptied (numbers begin at 1 again) and lent again; one whose tables were changed is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from campaigns import migrations
from mailer.storage import Database, open_database
from tests.support.databases import PostgresServer
from tests.support.tables import create_all

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
            create_all(database)
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
