"""Senders: each holds a lock that dies with it, so that any process sees at once, without a heartbeat, that it ended.

On SQLite the lock is an flock on a file under ``POSTILJON_DATA/senders/``, on PostgreSQL a session advisory lock held
by the sender's own connection. Promises: :func:`sweep` changes the rows of a sender only while it holds that sender's
lock itself, so a living sender never loses a row. Rows of a dead one go to in doubt, or back to waiting if the
mailing's policy is *send again*. A missing file means that no process holds the lock (a restored backup).

All processes that share an SQLite file must use the same ``POSTILJON_DATA``.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from mailer import files
from mailer.errors import StorageAway
from mailer.outbox.counters import CounterDelta
from mailer.outbox.doubt import send_again
from mailer.outbox.states import sources
from mailer.outbox.tables import DELIVERY, MAILING, SENDER
from mailer.storage import Database, begin_patiently, map_error, map_os_error, mapped

GONE = "sender_gone"
_PREFIX = "pg:"


class Sender:
    """A registered sender: its number, its own connection, and the lock. Made by :func:`register`."""

    def __init__(self, db: Database, name: str, lock: str, connection: Connection, descriptor: int | None) -> None:
        self.db, self.name, self.lock = db, name, lock
        self.id = 0
        self._connection, self._descriptor = connection, descriptor

    @property
    def connection(self) -> Connection:
        """The connection that holds the lock; for transactions that the driver ends (:mod:`mailer.outbox.lean`)."""
        return self._connection

    @contextmanager
    def write(self, busy_seconds: float = 10.0) -> Iterator[Connection]:
        """Yield a writing transaction on the sender's own connection; errors as ``Database.write``."""
        with mapped(), begin_patiently(self._connection, busy_seconds):
            yield self._connection

    def renew(self) -> bool:
        """Connect again and take the lock again, after a lost connection.

        False when another process has swept this sender meanwhile: then it must not claim any more, and a new sender
        is registered. Raises ``StorageAway`` while the database is away.
        """
        _close(self._connection)
        with mapped():
            self._connection = _own_connection(self.db)
            with begin_patiently(self._connection):
                if not self.db.is_sqlite and not _try_advisory(self._connection, self.lock):
                    return False
                query = select(SENDER.c.ended_at).where(SENDER.c.id == self.id)
                return self._connection.execute(query).scalar() is None

    def close(self, now: datetime) -> None:
        """End the sender if it has no rows left, and release the lock. Other rows go to in doubt at the next sweep."""
        try:
            with self.write() as conn:
                left = conn.execute(
                    select(func.count()).where(DELIVERY.c.state == "sending", DELIVERY.c.sender_id == self.id)
                ).scalar()
                if not left:
                    conn.execute(update(SENDER).where(SENDER.c.id == self.id).values(ended_at=now))
                    if self._descriptor is not None:
                        Path(self.lock).unlink(missing_ok=True)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Release lock and connection without writing to the database, as a crash would."""
        _close(self._connection)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def register(db: Database, data_dir: Path, name: str, now: datetime) -> Sender:
    """Return a new sender, which holds its lock before its row is visible. Raises as ``Database.write``."""
    with mapped():
        connection = _own_connection(db)
    descriptor: int | None = None
    if db.is_sqlite:
        try:
            lock, descriptor = _new_lock(data_dir.resolve() / "senders")
        except OSError as error:
            _close(connection)
            raise map_os_error(error, data_dir / "senders") from error
    else:
        lock = f"{_PREFIX}{secrets.randbits(62)}"
    sender = Sender(db, name, lock, connection, descriptor)
    try:
        with sender.write() as conn:
            if descriptor is None and not _try_advisory(conn, lock):
                raise StorageAway("the lock of a new sender is taken; try again")  # 1 in 2**62
            row = SENDER.insert().values(name=name, lock=lock, started_at=now).returning(SENDER.c.id)
            sender.id = conn.execute(row).scalar_one()
    except BaseException:
        sender.abandon()
        if descriptor is not None:
            Path(lock).unlink(missing_ok=True)
        raise
    return sender


def _new_lock(folder: Path) -> tuple[str, int]:
    """Create a locked file; return its path and descriptor. On an error, such as a full disk, no file is left."""
    files.make_folder(folder)
    path = folder / f"{secrets.token_hex(8)}.lock"
    descriptor = files.create(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return str(path), descriptor


def sweep(db: Database, now: datetime, besides: int = 0) -> int:
    """Free the rows of every sender whose lock is free; return how many. Safe at any time, in any process.

    ``besides``: the calling sender excludes itself, since it may not know yet that its connection is lost.
    """
    with db.read() as conn:
        known = conn.execute(select(SENDER.c.id, SENDER.c.lock).where(SENDER.c.ended_at.is_(None))).all()
    return sum(_sweep_one(db, sender_id, lock, now) for sender_id, lock in known if sender_id != besides)


def running(conn: Connection) -> list[int]:
    """Return the numbers of the senders that hold their lock now."""
    known = conn.execute(select(SENDER.c.id, SENDER.c.lock).where(SENDER.c.ended_at.is_(None))).all()
    return [sender_id for sender_id, lock in known if is_held(conn, lock)]


def is_held(conn: Connection, lock: str) -> bool:
    """Return whether a living sender holds that lock; any lock that the check takes is released at once."""
    if lock.startswith(_PREFIX):
        number = int(lock.removeprefix(_PREFIX))
        held = text(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND (classid::bigint << 32 | objid::bigint) = :number"
        )
        return bool(conn.execute(held, {"number": number}).scalar())
    with _flocked(Path(lock)) as free:
        return not free


def relay_away(conn: Connection, sender_id: int, since: datetime | None, relay: str, words: str) -> None:
    """Record, for ``status``, since when this sender cannot reach the relay (``None``: it can)."""
    values = {"relay": relay, "relay_away_since": since, "relay_words": words}
    conn.execute(update(SENDER).where(SENDER.c.id == sender_id).values(values))


def _sweep_one(db: Database, sender_id: int, lock: str, now: datetime) -> int:
    if not lock.startswith(_PREFIX):
        path = Path(lock)
        with _flocked(path) as free:
            if not free:
                return 0
            with db.write() as conn:
                lost = lose(conn, sender_id, now)
            path.unlink(missing_ok=True)
            return lost
    with db.write() as conn:
        number = int(lock.removeprefix(_PREFIX))
        if not conn.execute(select(func.pg_try_advisory_xact_lock(number))).scalar():
            return 0
        return lose(conn, sender_id, now)


def lose(conn: Connection, sender_id: int, now: datetime) -> int:
    """Move a sender's rows to in doubt, or to waiting under *send again*, and end it. The caller holds its lock."""
    rows = conn.execute(_HELD, {"b_sender": sender_id}).all()
    delta = CounterDelta()
    for delivery, mailing, _again in rows:
        moved = conn.execute(_LOSE, {"b_id": delivery, "b_sender": sender_id}).rowcount
        delta.moved(mailing, "sending", "in_doubt", moved)
    send_again(conn, [(delivery, mailing) for delivery, mailing, again in rows if again], now, delta)
    delta.post(conn)
    conn.execute(update(SENDER).where(SENDER.c.id == sender_id).values(ended_at=now))
    return len(rows)


@contextmanager
def _flocked(path: Path) -> Iterator[bool]:
    """Yield whether the lock is free; if so, it is held inside the block. A missing file is free.

    The file is opened for reading, so that ``status`` works on a read-only disk too. Raises ``StorageAway``.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    except OSError as error:  # such as too many open files: the state is unknown, and no row is changed
        raise map_os_error(error, path) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def _own_connection(db: Database) -> Connection:
    """Return a connection outside the pool: it holds the lock, and must not be used for other work."""
    try:
        connection = db.engine.connect().execution_options(postiljon_write=True)
        connection.detach()
    except SQLAlchemyError as error:
        raise map_error(error) from error
    return connection


def _close(connection: Connection) -> None:
    """Close the connection for good. SQLAlchemy silently leaves a detached one open if it cannot roll back."""
    driver = None
    with suppress(SQLAlchemyError):
        driver = connection.connection.dbapi_connection
    with suppress(SQLAlchemyError):
        connection.close()
    if driver is not None:
        with suppress(connection.dialect.loaded_dbapi.Error):
            driver.close()


def _try_advisory(conn: Connection, lock: str) -> bool:
    return bool(conn.execute(select(func.pg_try_advisory_lock(int(lock.removeprefix(_PREFIX))))).scalar())


_ROW = DELIVERY.c
_POLICY = MAILING.c.in_doubt_policy == "send_again"
_HELD = (
    select(_ROW.id, _ROW.mailing_id, _POLICY)
    .join(MAILING, MAILING.c.id == _ROW.mailing_id)
    .where(_ROW.state == "sending", _ROW.sender_id == bindparam("b_sender"))
    .with_for_update(of=DELIVERY)
)
_LOSE = (
    update(DELIVERY)
    .where(_ROW.id == bindparam("b_id"), _ROW.sender_id == bindparam("b_sender"))
    .where(_ROW.state.in_(sources("lose", "in_doubt")))
    .values(state="in_doubt", reason=GONE)
)
