"""A database that an earlier version made on SQLite, carried over to PostgreSQL at the same revision."""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, MetaData, create_engine, text

from campaigns import migrations
from mailer.storage import open_database


def carry(source: Path, url: str) -> str:
    """Make the tables of the source's revision in an empty PostgreSQL database, and copy every row; the revision."""
    lite = create_engine(f"sqlite:///{source}")
    with closing(sqlite3.connect(source)) as plain:
        revision = str(plain.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        numbers = dict(plain.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    with closing(open_database(url)) as db:
        migrations.upgrade(db, to=revision)
        old, new = MetaData(), MetaData()
        with warnings.catch_warnings():  # rows are carried, and an index has none
            warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index")
            old.reflect(lite)
        new.reflect(db.engine)
        with lite.connect() as here, db.write() as there:
            for table in new.sorted_tables:
                if table.name == "alembic_version":
                    continue
                rows = [
                    _converted(dict(row), table) for row in here.execute(old.tables[table.name].select()).mappings()
                ]
                if rows:
                    there.execute(table.insert(), rows)
                if "id" in table.c and numbers.get(table.name):
                    query = "SELECT setval(pg_get_serial_sequence(:name, 'id'), :number)"
                    there.execute(text(query), {"name": table.name, "number": numbers[table.name]})
    lite.dispose()
    return revision


def _converted(row: dict[str, Any], table: Any) -> dict[str, Any]:
    for name, value in row.items():
        if isinstance(value, str) and isinstance(table.c[name].type, DateTime):
            at = datetime.fromisoformat(value)
            row[name] = at if at.tzinfo else at.replace(tzinfo=UTC)
    return row
