"""A dump of a PostgreSQL database (``pg_dump --format=custom``), with the counts of its rows in the same snapshot.

Promises: the counts and the dump agree while others write, since both read one exported snapshot. :func:`examine` reads
a dump from its first to its last byte and counts the rows in it. :func:`put_back` restores in one transaction.
:func:`foreign` names the code in a dump; that of the audit trail is left out of a restore, and made again there
(:func:`campaigns.staff.audit.protect`). :func:`refuse_unusable` checks the programs before anything is changed. Raises
``StorageError`` and ``InputError``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, inspect, text

from campaigns.ops.backup import postgres_tools
from campaigns.ops.backup.sqlite_copy import Copied
from mailer import files
from mailer.messages import Message
from mailer.storage import Database, mapped

_COPY = re.compile(rb'COPY (?:"(?:[^"]|"")+"|[^".\s]+)\.("(?:[^"]|"")+"|[^\s(]+) ?(?:\(.*\))? FROM stdin;\n')
_LINE = 1 << 20  # bytes that are read of a line at once: a letter may stand in one
_KINDS = frozenset(
    {
        *("ENCODING", "STDSTRINGS", "SEARCHPATH", "SCHEMA", "COMMENT", "TABLE", "TABLE DATA", "SEQUENCE"),
        *("SEQUENCE OWNED BY", "SEQUENCE SET", "DEFAULT", "CONSTRAINT", "FK CONSTRAINT", "INDEX", "TYPE"),
    }
)
_MADE_AGAIN = re.compile(r"FUNCTION \S+ audit_is_insert_only\(\) |TRIGGER \S+ audit audit_insert_only ")
_OPTIONS = ("--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions", "--no-security-labels")
FOREIGN = Message(
    "the database in the archive has objects that Postiljon never makes ({names}): with triggers and functions, code "
    "of another program would run. Nothing was done"
)


def copy(db: Database, target: Path, room: Callable[[int], None]) -> Copied:
    """Dump the database into a file. ``room`` is called with the bytes to be written next, and may raise."""
    tools = postgres_tools.find(server_version(db))
    with mapped(), db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn, conn.begin():
        snapshot = conn.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        found = _counted(conn)
        name = f"--dbname={postgres_tools.address(db)}"
        options = (*_OPTIONS, "--no-tablespaces", "--format=custom", "--lock-wait-timeout=60s")
        command = tools.command("pg_dump", *options, f"--snapshot={snapshot}", name)
        with os.fdopen(files.create(target), "wb") as file:

            def take(part: bytes) -> None:
                room(len(part))
                file.write(part)

            postgres_tools.run(command, postgres_tools.environment(db), take)
    return found


def server_version(db: Database) -> int:
    """Return the major version of the server."""
    with db.read() as conn:
        return int(conn.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def is_empty(db: Database) -> bool:
    """Return whether the database has no table."""
    with db.read() as conn:
        return not inspect(conn).get_table_names()


def examine(path: Path) -> Mapping[str, int]:
    """Read a whole dump; return the rows of each table in it."""
    tools = postgres_tools.newest("pg_restore")
    postgres_tools.run(tools.command("pg_restore", "--list", str(path)), _plain())
    rows: dict[str, int] = {}
    with postgres_tools.running(tools.command("pg_restore", "--file=-", str(path)), _plain()) as output:
        buffered: BinaryIO = output  # type: ignore[assignment]
        while line := buffered.readline(_LINE):
            if match := _COPY.fullmatch(line):
                rows[_unquoted(match[1])] = _rows(buffered)
    return rows


def _rows(output: BinaryIO) -> int:
    """Count the lines of one table, up to the line that ends them."""
    number, at_start = 0, True
    while line := output.readline(_LINE):
        if at_start and line == b"\\.\n":
            return number
        at_start = line.endswith(b"\n")
        number += at_start
    return -1  # cut off: agrees with no count


def _unquoted(name: bytes) -> str:
    found = name.decode()
    return found[1:-1].replace('""', '"') if found.startswith('"') else found


def foreign(path: Path) -> list[str]:
    """Return the functions, triggers, views and other objects in a dump that Postiljon never makes."""
    found = [words for line in _listed(postgres_tools.newest("pg_restore"), path) if (words := _object(line))]
    ours = [
        _MADE_AGAIN.match(words) is not None or any(re.match(rf"{kind} ", words) for kind in _KINDS) for words in found
    ]
    return [words[:80] for words, known in zip(found, ours, strict=True) if not known]


def _listed(tools: postgres_tools.PostgresTools, path: Path) -> list[str]:
    """Return the lines of the list of a dump."""
    parts: list[bytes] = []
    postgres_tools.run(tools.command("pg_restore", "--list", str(path)), _plain(), parts.append)
    return b"".join(parts).decode("utf-8", "replace").splitlines()


def _object(line: str) -> str:
    """Return the object that a line of the list names, with its kind first; "" for a comment."""
    return "" if line.startswith(";") or not line.strip() else line.split(" ", 3)[-1]


def refuse_unusable(db: Database, path: Path) -> None:
    """Raise ``InputError`` or ``StorageError`` unless the programs for this server can read the dump."""
    tools = postgres_tools.find(server_version(db), "pg_restore")
    postgres_tools.run(tools.command("pg_restore", "--list", str(path)), _plain())


def put_back(db: Database, path: Path) -> None:
    """Restore a dump into an empty database, in one transaction, without the code that is made again there."""
    tools = postgres_tools.find(server_version(db), "pg_restore")
    name = f"--dbname={postgres_tools.address(db)}"
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    chosen = path.with_name(f"{path.name}.list")
    kept = (line for line in _listed(tools, path) if not _MADE_AGAIN.match(_object(line)))
    chosen.write_text("\n".join(kept) + "\n", encoding="utf-8")
    command = tools.command("pg_restore", *options, f"--use-list={chosen}", name, str(path))
    postgres_tools.run(command, postgres_tools.environment(db))


def _counted(conn: Connection) -> Copied:
    names = sorted(inspect(conn).get_table_names())
    quote = conn.dialect.identifier_preparer.quote
    rows = {name: conn.execute(text(f"SELECT count(*) FROM {quote(name)}")).scalar_one() for name in names}  # noqa: S608
    schema = conn.execute(text("SELECT version_num FROM alembic_version")).scalar() if "alembic_version" in rows else ""
    return Copied(str(schema or ""), rows)


def _plain() -> dict[str, str]:
    """Return the environment of a program that reads a file only."""
    return {**os.environ, "LC_ALL": "C"}
