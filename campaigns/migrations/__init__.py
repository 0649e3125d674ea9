"""The schema of the database and its migrations: Alembic, run by us, from within the package.

Promises: :func:`check` tells in a millisecond whether the database has the schema of this code, without importing
Alembic. :func:`upgrade` migrates it in one transaction, on SQLite and PostgreSQL, also if several processes do so.
Raises ``SchemaError``: the database is older (run ``postiljon upgrade``) or newer (take the newer Postiljon).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from mailer.errors import SchemaError
from mailer.storage import Database

if TYPE_CHECKING:
    from sqlalchemy import MetaData

FOLDER = Path(__file__).parent
HEAD = "0008"
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
HOMES = (
    *(
        "campaigns.lifecycle.records",
        "campaigns.lifecycle.versions",
        "campaigns.settings.stored",
        "campaigns.staff.audit",
        "campaigns.staff.links",
        "campaigns.staff.sessions",
        "campaigns.staff.totp",
        "campaigns.staff.users",
        "mailer.archive",
        "mailer.outbox",
        "mailer.pace",
        "mailer.suppression",
    ),
    "mailer.undeliverable",
    *(
        "unsubscribe.changes",
        "unsubscribe.consent",
        "unsubscribe.contacts",
        "unsubscribe.limits",
        "unsubscribe.reasons",
    ),
)
_LOCK = 7_105_101_316  # PostgreSQL's advisory lock for migrations


def check(db: Database) -> None:
    """Raise ``SchemaError`` unless the database has the schema of this code."""
    with db.read() as conn:
        found = current(conn)
    if found is None:
        raise SchemaError("the database is empty: run 'postiljon init'")
    if found != HEAD:
        raise SchemaError(_sentence(found))


def current(conn: Connection) -> str | None:
    """Return the revision of the database; None when it has no schema."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def upgrade(db: Database, to: str = "head") -> str | None:
    """Make or migrate the tables, in one transaction; return the revision before.

    ``to``: an earlier revision, for tests of the migrations from there.
    """
    from alembic import command
    from alembic.config import Config

    with db.write(busy_seconds=60) as conn:
        if not db.is_sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = current(conn)
        if before == HEAD:
            return before
        if before is not None and before not in KNOWN:
            raise SchemaError(_sentence(before))
        config = Config()
        config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
        config.attributes["connection"] = conn
        command.upgrade(config, to)
        return before


def pending(conn: Connection) -> tuple[str, ...]:
    """Return the revisions that :func:`upgrade` would run. Raises ``SchemaError`` for an empty or newer database."""
    found = current(conn)
    if found is None:
        raise SchemaError("the database is empty: run 'postiljon init'")
    if found not in KNOWN:
        raise SchemaError(_sentence(found))
    return KNOWN[KNOWN.index(found) + 1 :]


def metadata() -> MetaData:
    """Return all tables of the installation; this imports every module with a table."""
    from sqlmodel import SQLModel

    for home in HOMES:
        import_module(home)
    return SQLModel.metadata


def _sentence(found: str) -> str:
    if found in KNOWN:
        words = f"the database has schema {found}, this Postiljon needs {HEAD}"
        return f"{words}: run 'postiljon upgrade', which makes a backup first"
    return f"the database has schema {found}, made by a newer Postiljon than this one ({HEAD}): nothing was changed"
