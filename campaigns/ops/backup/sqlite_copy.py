"""A consistent copy of an SQLite database while others write to it, with the counts of its rows.

Promises: the copy is one snapshot, since source and counts are read in one transaction, which delays no writer. It is a
single file without a log. :func:`examine` opens a copy and compares it with the counts. Raises ``StorageError``.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from campaigns.staff.audit import SQLITE_TRIGGERS
from mailer import files
from mailer.errors import StorageError, StorageFull
from mailer.messages import Message

_PAGES = 2_500  # 10 MB at a time
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


@dataclass(frozen=True, slots=True)
class Copied:
    """The schema's revision and the rows of each table."""

    schema: str
    rows: Mapping[str, int]


def copy(source: Path, target: Path, room: Callable[[int], None]) -> Copied:
    """Copy a database. ``room`` is called with the bytes that are still needed, and may raise."""
    os.close(files.create(target))
    with _mapped(source), closing(_opened(source, "rw")) as here, closing(_opened(target, "rw")) as there:
        here.execute("BEGIN")
        found = _counted(here)
        size = here.execute("PRAGMA page_size").fetchone()[0]
        room(size * here.execute("PRAGMA page_count").fetchone()[0])
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            there.execute(f"PRAGMA {pragma}")
        here.backup(there, pages=_PAGES, progress=lambda _status, left, _total: room(left * size))
        here.execute("ROLLBACK")
        there.execute("PRAGMA journal_mode=DELETE")
    return found


def examine(path: Path) -> Copied:
    """Check a copy that nobody else uses: its structure, and the rows that it has."""
    with _mapped(path), closing(_opened(path, "ro")) as conn:
        problems = [row[0] for row in conn.execute("PRAGMA integrity_check(3)")]
        if problems != ["ok"]:
            raise StorageError(Message("the database in it is damaged: {why}", why="; ".join(problems)[:300]))
        return _counted(conn)


def foreign(path: Path) -> list[str]:
    """Return the triggers in a copy that Postiljon never makes: those of the audit trail are its own, word for word."""
    with _mapped(path), closing(_opened(path, "ro")) as conn:
        found = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").fetchall()
    return [f"TRIGGER {name!r}"[:80] for name, sql in found if SQLITE_TRIGGERS.get(name) != sql]


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, timeout=60)


def _counted(conn: sqlite3.Connection) -> Copied:
    tables = [row[0] for row in conn.execute(_TABLES)]
    rows = {name: conn.execute(f'SELECT count(*) FROM "{_quoted(name)}"').fetchone()[0] for name in tables}  # noqa: S608
    schema = conn.execute("SELECT version_num FROM alembic_version").fetchone() if "alembic_version" in tables else None
    return Copied(str(schema[0]) if schema else "", rows)


def _quoted(name: str) -> str:
    return name.replace('"', '""')


@contextmanager
def _mapped(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        kind = StorageFull if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" else StorageError
        raise kind(Message("the database {path} cannot be copied: {why}", path=path, why=error)) from error
