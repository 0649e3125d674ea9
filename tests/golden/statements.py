"""The SQL of the hot paths, kept in ``sql/*.sql``; ``python -m tests.golden.statements`` writes it.

One file per statement and database, named after the module and the variable that hold it: ``claim.waiting.sqlite.sql``
is ``_CLAIM["waiting"]`` of ``mailer/outbox/claim.py``. A bulk statement is shown for two rows. Look at the difference
before you commit it: a change of a file is a change of what the database is asked.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Select

import mailer
import unsubscribe
from mailer.outbox import candidates
from mailer.prepared_statements import BulkInsert, BulkLookup, CompiledSql, PreparedStatement
from mailer.storage import open_database
from tests.support.sending_db import NOW
from tests.support.sql_text import readable

FOLDER = Path(__file__).parent / "sql"
URLS = ("sqlite:///golden.db", "postgresql://golden.example/golden")  # no connection is opened
ONE_DATABASE = {"bulk.next": "postgresql", "bulk.last": "sqlite"}
_BLOCKED, _AFTER, _BEFORE, _ROOM = ("slow.example", "full.example"), 100, 900, 50


def dialects() -> Iterator[Dialect]:
    """The dialects of both databases, as the product makes them."""
    for url in URLS:
        yield open_database(url, make=False).engine.dialect


def prepared() -> dict[str, PreparedStatement]:
    """Every prepared statement of the product, by the name of its file."""
    found = {}
    for package in (mailer, unsubscribe):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for variable, value in vars(import_module(info.name)).items():
                home = [info.name.rpartition(".")[2], variable.strip("_").lower()]
                for name, statement in _inside(value):
                    path = ".".join([*dict.fromkeys(home), *name])
                    assert found.setdefault(path, statement) is statement, f"two statements are called {path}"
    return found


def _inside(value: Any) -> Iterator[tuple[tuple[str, ...], PreparedStatement]]:
    if isinstance(value, PreparedStatement):
        yield (), value
    elif isinstance(value, BulkInsert | BulkLookup):
        yield (), value.statements[2]
    elif isinstance(value, dict):
        for key, each in value.items():
            for _, statement in _inside(each):
                yield (key if isinstance(key, tuple) else (key,)), statement


def queries() -> Mapping[str, Select[Any]]:
    """Statements of the hot paths that SQLAlchemy executes itself, since their number of values varies."""
    return {
        "candidates.due": candidates.due_query(1, _BLOCKED, _ROOM, NOW),
        "candidates.fresh": candidates.fresh_query(1, _BLOCKED, _ROOM, _AFTER),
        "candidates.of_domain": candidates.domain_query(1, _BLOCKED[0], _ROOM, _BEFORE),
    }


def cases() -> dict[str, str]:
    """Name of the file and its text."""
    found = {}
    for dialect in dialects():
        for name, statement in prepared().items():
            if ONE_DATABASE.get(name, dialect.name) == dialect.name:
                found[f"{name}.{dialect.name}.sql"] = readable(statement.compiled(dialect))
        for name, query in queries().items():
            found[f"{name}.{dialect.name}.sql"] = readable(_compiled(query, dialect))
    return found


def _compiled(query: Select[Any], dialect: Dialect) -> CompiledSql:
    found = query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return CompiledSql(str(found), getattr(found, "positiontup", None), dict(found.params))


if __name__ == "__main__":
    for old in FOLDER.glob("*.sql"):
        old.unlink()
    for name, text in cases().items():
        (FOLDER / name).write_text(text, "utf-8")
