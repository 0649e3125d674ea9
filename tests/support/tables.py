"""Every table of the house in a database: made once of each kind, and copied after that into an empty place."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
from sqlmodel import SQLModel

from campaigns import migrations
from mailer.storage import Database, open_database

_FILES: dict[tuple[str, int], bytes] = {}
_TEMPLATES: set[tuple[str, str]] = set()  # folders of servers, and databases there


def create_all(db: Database) -> Database:
    """Make every table that has been imported."""
    return _made(db, _create)


def migrated(db: Database) -> Database:
    """The same by the way that ``postiljon init`` takes."""
    return _made(db, migrations.upgrade)


def _create(db: Database) -> None:
    SQLModel.metadata.create_all(db.engine)


def _made(db: Database, how: Callable[[Database], object]) -> Database:
    if db.sqlite_path is None:
        _on_server(db, how)
        return db
    if db.sqlite_path.exists():
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


def _on_server(db: Database, how: Callable[[Database], object]) -> None:
    """The same on a server of the tests: an empty database is made again, from one that has the tables."""
    url = db.engine.url
    folder, name = url.query.get("host"), url.database
    if not isinstance(folder, str) or _is_used(db):
        how(db)
        return
    template = f"made_{how.__name__.strip('_')}_{len(SQLModel.metadata.tables)}"
    db.engine.dispose()
    with psycopg.connect(f"host={folder} user={url.username} dbname=postgres", autocommit=True) as admin:
        if (folder, template) not in _TEMPLATES:
            admin.execute(f"CREATE DATABASE {template} TEMPLATE template0 ENCODING 'UTF8'".encode())
            with closing(open_database(f"postgresql://{url.username}@/{template}?host={folder}")) as first:
                how(first)
            _TEMPLATES.add((folder, template))
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode())


def _is_used(db: Database) -> bool:
    with db.read() as conn:
        return bool(conn.exec_driver_sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").scalar())
