"""Every table of the house in a database. On SQLite they are made once, and copied after that into an empty place."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlmodel import SQLModel

from campaigns import migrations
from mailer.storage import Database, open_database

_FILES: dict[tuple[str, int], bytes] = {}


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
