"""The audit trail: who did what, on what, when, from where; the only module for the table ``audit``.

Promises: rows are only added; triggers of the database refuse to change or delete one. Each row has the hash of the one
before in its own, so that a row that was changed, removed or put between is found by :func:`verify` (rows that are
missing at the end are not). A row names changed fields and no personal value: a campaign by its slug, a contact by its
number. Refused acts are rows too. Rows are added in the transaction of the act, so that both are kept or neither is.

A writer holds a lock until its transaction ends, so that rows form one chain: on SQLite that of every writing
transaction, on PostgreSQL an advisory lock of the transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import DDL, Column, Connection, Index, Row, Table, Text, event, insert, select, text
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant

_LOCK = 7_105_101_317  # PostgreSQL's advisory lock of the chain
START = "0" * 64
CHUNK = 1_000
Outcome = Literal["done", "refused"]


class Verb(StrEnum):
    """The closed list of acts."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    PROVE = "prove"
    END_SESSION = "end_session"
    SET_PASSWORD = "set_password"  # noqa: S105 - a verb
    ASK_RESET = "ask_reset"
    TOTP_ON = "totp_on"
    TOTP_OFF = "totp_off"
    RECOVERY_CODES = "recovery_codes"
    ADD_ADDRESS = "add_address"
    VERIFY_ADDRESS = "verify_address"
    CHANGE_ACCOUNT = "change_account"
    INVITE = "invite"
    ADD_USER = "add_user"
    CHANGE_ROLES = "change_roles"
    REMOVE_USER = "remove_user"
    CHANGE_SETTING = "change_setting"
    CREATE = "create"
    SAVE = "save"
    COPY = "copy"
    TAKE_OVER = "take_over"
    EXPORT = "export"
    PUT_AWAY = "put_away"
    BRING_BACK = "bring_back"
    TEST = "test"
    PLAN = "plan"
    SEND = "send"
    TAKE_BACK = "take_back"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    DECIDE = "decide"
    SEND_AGAIN = "send_again"
    IMPORT = "import"
    ADD_TOPIC = "add_topic"
    DOWNLOAD = "download"
    LOOK_UP = "look_up"
    READ_AUDIT = "read_audit"
    SET_UP = "set_up"
    VISIT = "visit"


class AuditRow(SQLModel, table=True):
    """One act. ``actor``: ``user:5``, ``cli:root`` or ``postiljon``. ``fields``: a JSON list of names."""

    __tablename__ = "audit"
    __table_args__: Any = (Index("audit_subject", "kind", "subject"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    actor: str = Field(sa_column=Column(Text, nullable=False))
    verb: str = Field(sa_column=Column(Text, nullable=False))
    outcome: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    subject: str = Field(sa_column=Column(Text, nullable=False))
    fields: str = Field(sa_column=Column(Text, nullable=False))
    network: str = Field(sa_column=Column(Text, nullable=False))
    request: str = Field(sa_column=Column(Text, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False, unique=True))


AUDIT: Table = SQLModel.metadata.tables["audit"]
SQLITE_TRIGGERS = {
    f"audit_no_{change.lower()}": (
        f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is insert only'); END"
    )
    for change in ("UPDATE", "DELETE")
}
"""The triggers of SQLite by name, each as the database keeps it."""
_BODY = " BEGIN RAISE EXCEPTION 'the audit trail is insert only'; END "
_POSTGRESQL = (
    f"CREATE OR REPLACE FUNCTION audit_is_insert_only() RETURNS trigger LANGUAGE plpgsql AS $${_BODY}$$",
    "DROP TRIGGER IF EXISTS audit_insert_only ON audit",
    (
        "CREATE TRIGGER audit_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_insert_only()"
    ),
)
_FOUND = """
SELECT DISTINCT t.tgname, c.relname || ' ' || p.proname || ' ' || p.prosrc
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace ORDER BY 1
"""
_PROTECTION = {"sqlite": tuple(SQLITE_TRIGGERS.values()), "postgresql": _POSTGRESQL}
for _dialect, _statements in _PROTECTION.items():
    for _sql in _statements:
        _made: Any = DDL(_sql)  # type: ignore[no-untyped-call]
        event.listen(AUDIT, "after_create", _made.execute_if(dialect=_dialect))


def foreign_triggers(conn: Connection) -> list[str]:
    """Return the names of the triggers in a database but those of this table, which are known word for word."""
    if conn.dialect.name == "sqlite":
        found = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"))
        return [name for name, sql in found if SQLITE_TRIGGERS.get(name) != sql]
    ours = ("audit_insert_only", f"audit audit_is_insert_only {_BODY}")
    return [name for name, content in conn.execute(text(_FOUND)) if (name, content) != ours]


def protect(conn: Connection) -> None:
    """Make the triggers of PostgreSQL, where a restore has left them out: no code of an archive is taken over."""
    if conn.dialect.name == "postgresql":
        for sql in _POSTGRESQL:
            conn.execute(text(sql))


@dataclass(frozen=True, slots=True)
class Origin:
    """The actor of an act, the network that it came from, and the number of the request in the log."""

    actor: str
    network: str = ""
    request: str = ""

    @staticmethod
    def of_user(number: int, network: str, request: str) -> Origin:
        """Return the origin of a user of the console."""
        return Origin(f"user:{number}", network, request)

    @staticmethod
    def of_command(user: str) -> Origin:
        """Return the origin of a command that a user of the machine typed."""
        return Origin(f"cli:{user}")


@dataclass(frozen=True, slots=True)
class Act:
    """An act on a subject: ``kind`` is ``campaign``, ``user``, ``contact``, ``setting``, … or "" for none."""

    verb: Verb
    kind: str = ""
    subject: str = ""
    fields: Sequence[str] = ()
    outcome: Outcome = "done"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of the trail."""

    id: int
    at: datetime
    actor: str
    verb: str
    outcome: str
    kind: str
    subject: str
    fields: tuple[str, ...]
    network: str
    request: str
    hash: str = field(repr=False)


def record(conn: Connection, origin: Origin, act: Act, now: datetime) -> None:
    """Add an act to the trail, in the caller's transaction."""
    if conn.dialect.name == "postgresql":  # held until the transaction ends: one writer at a time reads the last hash
        conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = conn.execute(select(AUDIT.c.hash).order_by(AUDIT.c.id.desc()).limit(1)).scalar() or START
    row: dict[str, Any] = {
        "at": now,
        "actor": origin.actor,
        "verb": act.verb.value,
        "outcome": act.outcome,
        "kind": act.kind,
        "subject": act.subject,
        "fields": json.dumps(list(act.fields)),
        "network": origin.network,
        "request": origin.request,
    }
    conn.execute(insert(AUDIT).values(**row, hash=_chained(last, row)))


def verify(conn: Connection) -> Iterator[int]:
    """Yield the number of each row whose hash does not follow from its content and the row before; none if all is well.

    After a row that was changed the chain goes on from the stored hash, so that one change is one number.
    """
    last = START
    for row in _rows(conn):
        if _chained(last, dict(row._mapping)) != row.hash:
            yield row.id
        last = row.hash


def acts(
    conn: Connection, *, before: int | None = None, kind: str = "", subject: str = "", actor: str = "", most: int = 50
) -> list[Recorded]:
    """Return the last acts, the newest first; ``before``: only those with a smaller number (for the next page)."""
    query = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(most)
    wanted = {AUDIT.c.kind: kind, AUDIT.c.subject: subject, AUDIT.c.actor: actor}
    for column, value in wanted.items():
        if value:
            query = query.where(column == value)
    if before is not None:
        query = query.where(AUDIT.c.id < before)
    return [_recorded(row) for row in conn.execute(query)]


def count(conn: Connection) -> int:
    """Return the number of rows, by the largest number: no row is ever removed."""
    return conn.execute(select(AUDIT.c.id).order_by(AUDIT.c.id.desc()).limit(1)).scalar() or 0


def _rows(conn: Connection) -> Iterator[Row[Any]]:
    last = 0
    while True:
        found = conn.execute(select(AUDIT).where(AUDIT.c.id > last).order_by(AUDIT.c.id).limit(CHUNK)).all()
        if not found:
            return
        yield from found
        last = found[-1].id


def _chained(last: str, row: dict[str, Any]) -> str:
    """Return the hash of a row after the row with the hash ``last``."""
    at: datetime = row["at"]
    names = ("actor", "verb", "outcome", "kind", "subject", "fields", "network", "request")
    content = [last, at.astimezone(UTC).isoformat(timespec="microseconds"), *(str(row[name]) for name in names)]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _recorded(row: Row[Any]) -> Recorded:
    values = dict(row._mapping)
    return Recorded(**values | {"fields": tuple(_names(values["fields"]))})


def _names(stored: str) -> Iterable[str]:
    try:
        found = json.loads(stored)
    except ValueError:
        return ()
    return [str(name) for name in found] if isinstance(found, list) else ()
