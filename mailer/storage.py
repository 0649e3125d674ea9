"""The database: opening it, beginning a transaction, mapping its errors.

Promises: ``write`` begins with BEGIN IMMEDIATE on SQLite. It waits for the lock with its own retry, first after 1 ms,
then every 0.3 ms, for at most ``BUSY_SECONDS``. (SQLite's own busy handler starves an opt-out beside a saturating
sender; docs/decisions.) A transaction either commits whole or leaves nothing. SQLite runs in WAL mode with
``synchronous=FULL``, a connection to PostgreSQL has ``synchronous_commit`` on even where the server's default is off
(E6). So a committed transaction survives a power cut. Every driver error is raised as a ``StorageError``. Success of
``write`` means that the changes are on disk.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from mailer import database_url, files, journal
from mailer.errors import (
    SettingsError,
    StorageAway,
    StorageBusy,
    StorageConflict,
    StorageError,
    StorageFull,
    StorageRefused,
)
from mailer.messages import Message
from mailer.sqlite_file import Opening

BUSY_SECONDS, _LOG_PAUSE = 10.0, 0.02
_FIRST_PAUSE, _PAUSE = 0.001, 0.0003  # our transactions take some milliseconds; each retry takes processor time
FOR_WRITING = "BEGIN IMMEDIATE"
_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED", "SQLITE_BUSY_RECOVERY"})
_WAITING = "-waiting"  # a file beside the database: locked while a process waits for the database lock
ENDS = ("", "-wal", "-shm", "-journal", _WAITING)
# PostgreSQL: deadlock, serialization failure; lock timeout, statement timeout: a retry may well succeed
_CONFLICT_STATES = frozenset({"40P01", "40001"})
_BUSY_STATES, _FULL_STATES = frozenset({"55P03", "57014"}), frozenset({"53100"})
# PostgreSQL's messages before a session exists, which have no SQLSTATE
_LOCKED_OUT = re.compile(
    r"authentication failed|(?:database|role) \".*\" does not exist|no pg_hba.conf entry|no password"
)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Database:
    """One database, SQLite or PostgreSQL; safe to share between threads. Made by :func:`open_database`."""

    def __init__(self, engine: Engine, sqlite_path: Path | None) -> None:
        self.engine = engine
        self.sqlite_path = sqlite_path
        self.journal: journal.Journal | None = None  # set by the composition root
        self._file = files.Named(sqlite_path) if sqlite_path else None

    @property
    def shown(self) -> str:
        """The database address for display and logs: without the password, in any part of it."""
        url = self.engine.url
        return url.difference_update_query([name for name in url.query if "pass" in name]).render_as_string()

    @property
    def files(self) -> tuple[Path, ...]:
        """The database files on this machine: the file, its logs, its index, its waiting mark; none for PostgreSQL."""
        return tuple(Path(f"{self.sqlite_path}{end}") for end in ENDS) if self.sqlite_path else ()

    @property
    def is_sqlite(self) -> bool:
        """Return whether this is SQLite, the embedded default."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self, busy_seconds: float = BUSY_SECONDS) -> Iterator[Connection]:
        """Yield a connection inside a writing transaction; commits at the end, rolls back on an exception.

        Journal lines added in the transaction are on disk before the commit.
        Raises ``StorageBusy`` when the lock was not free for ``busy_seconds``, else as :func:`mapped`.
        """
        self._find()
        with mapped(), self.engine.connect() as plain:
            connection = plain.execution_options(postiljon_write=True)
            with begin_patiently(connection, busy_seconds):
                journal.taken_lines(connection)
                yield connection
                self.journal_ahead(journal.taken_lines(connection))

    def journal_ahead(self, lines: Sequence[journal.Line]) -> None:
        """Write journal lines to disk ahead of the commit, or ahead of the whole transaction, to keep that short.

        Raises ``StorageError``. If that transaction never commits, the lines are about a request that was not stored.
        """
        if self.journal and lines:
            try:
                self.journal.append(lines)
            except OSError as error:
                raise map_os_error(error, self.journal.path) from error

    def _find(self) -> None:
        """Make sure that connections use the file that now has the name; data written to a moved file would be lost.

        A file that took its place is opened again. Raises ``StorageAway`` while there is none, and creates none.
        """
        try:
            if self._file and self._file.is_another():
                self.engine.dispose()
        except OSError as error:
            raise StorageAway(f"{self.sqlite_path} is gone: {error.strerror}") from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection inside a reading transaction; changes nothing.

        On SQLite it is one snapshot; on PostgreSQL each statement sees all changes committed until then.
        """
        self._find()
        with mapped(), self.engine.connect() as connection, connection.begin():
            yield connection

    def empty_log(self, seconds: float = BUSY_SECONDS) -> bool:
        """Move SQLite's write-ahead log into the database and empty it; False if ``seconds`` were not enough.

        Other transactions that read or write delay it: it is retried every 20 ms. True on PostgreSQL.
        """
        if not self.is_sqlite:
            return True
        deadline = time.monotonic() + seconds
        with mapped(), self.engine.connect().execution_options(postiljon_autocommit=True) as conn:
            while conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one():
                if time.monotonic() > deadline:
                    return False
                time.sleep(_LOG_PAUSE)
        return True

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


@contextmanager
def begin_patiently(connection: Connection, busy_seconds: float = BUSY_SECONDS) -> Iterator[None]:
    """Yield a writing transaction on ``connection``; waits for SQLite's lock in short steps, with a mark meanwhile."""
    deadline = time.monotonic() + busy_seconds
    announced: int | None = None
    try:
        while not _begun(connection) and time.monotonic() < deadline:
            if announced is None:
                announced = _announce(str(connection.engine.url.database))
                time.sleep(_FIRST_PAUSE)
            else:
                time.sleep(_PAUSE)
    finally:
        if announced is not None:
            os.close(announced)  # this removes the mark
    with connection.begin():  # if the lock was not free within busy_seconds, this raises
        yield


def begin_writing(connection: Connection) -> bool:
    """Begin a writing transaction at once; return False while another connection has SQLite's lock.

    It uses the driver, since SQLAlchemy takes 20 times as long to report a busy lock. On PostgreSQL the first statement
    begins the transaction. Raises the driver's error if it is any other than *busy*.
    """
    if connection.dialect.name != "sqlite":
        return True
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute(FOR_WRITING)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") in _BUSY:
            return False
        raise
    return True


def _begun(connection: Connection) -> bool:
    try:
        return begin_writing(connection)
    except sqlite3.Error:
        return True  # SQLAlchemy's own begin meets the error again, and raises it as its own


def _announce(database: str) -> int | None:
    """Mark, as long as the descriptor is open, that a process waits for the lock of this SQLite file."""
    with suppress(OSError):  # the mark is optional: without it the process waits all the same
        descriptor = files.open_or_create(database + _WAITING, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor
    return None


class LockWaiters:
    """A check for processes that wait for an SQLite file's lock, for a writer that would take it again at once."""

    def __init__(self, db: Database) -> None:
        self._path, self._descriptor = db.sqlite_path, -1

    def any_waiting(self) -> bool:
        """Return, within microseconds, whether a process waits for the lock.

        False where that cannot be known (PostgreSQL queues its locks).
        """
        if self._path is None:
            return False
        try:
            if self._descriptor < 0:
                self._descriptor = files.open_or_create(f"{self._path}{_WAITING}", os.O_RDONLY)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def mapped() -> Iterator[None]:
    """Map every error of the driver and of SQLAlchemy to one of :mod:`mailer.errors`."""
    try:
        yield
    except SQLAlchemyError as error:
        raise map_error(error) from error


def autocommit(db: Database) -> dict[str, Any]:
    """Return the execution options of a connection without transactions, for reading only."""
    return {"postiljon_autocommit": True} if db.is_sqlite else {"isolation_level": "AUTOCOMMIT"}


def map_error(error: SQLAlchemyError) -> StorageError:
    """Return the ``StorageError`` for ``error``: conflict, busy, full, refused, away, or any other database error."""
    text = str(getattr(error, "orig", None) or error)
    if _sqlstate(error) in _CONFLICT_STATES:
        return StorageConflict("the database gave way to somebody else; try again")
    if _is_busy(error) or _sqlstate(error) in _BUSY_STATES:
        return StorageBusy("the database was locked by somebody else for too long; try again")
    full = _errorcode(error) == "SQLITE_FULL" or _sqlstate(error) in _FULL_STATES
    if full or any(words in text for words in ("disk is full", "No space left", "File too large")):
        return StorageFull(f"the database has no room left: {text}")
    if _errorcode(error) == "SQLITE_NOTADB" or (not _sqlstate(error) and _LOCKED_OUT.search(text)):
        return StorageRefused(Message("the database cannot be used: {text}", text=text.strip()))
    if isinstance(error, DBAPIError) and (error.connection_invalidated or _is_away(error)):
        return StorageAway(f"the database cannot be reached: {text}")
    return StorageError(f"the database refused: {text}")


def map_os_error(error: OSError, path: Path) -> StorageError:
    """Map an error of a file beside the database: a full disk, or a failure to open or write the file (E17, E18)."""
    if error.errno in _NO_ROOM:
        return StorageFull(f"{path} cannot be written, there is no room left: {error.strerror}")
    return StorageAway(f"{path} cannot be used: {error.strerror}")


def open_database(url: str, *, pool_size: int = 5, make: bool = True) -> Database:
    """Open ``sqlite:///path`` or ``postgresql://…``; with ``make``, a missing file is created. It migrates nothing.

    Raises ``SettingsError`` when the address of the database cannot be used.
    """
    parsed = database_url.parse(url)
    name = parsed.get_backend_name()
    if name == "sqlite":
        path = database_url.sqlite_file(parsed)
        if make:
            files.make_folder(path.parent)
        engine = create_engine(
            parsed.set(database=str(path)),
            pool_size=pool_size,
            max_overflow=20,
            hide_parameters=True,  # an error that is logged names no address
            connect_args={"check_same_thread": False, "timeout": 0, "isolation_level": None},
        )
        event.listen(engine, "do_connect", Opening(path, make))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return Database(engine, path)
    if name == "postgresql":
        url_with_driver = parsed.set(drivername="postgresql+psycopg")
        try:
            engine = create_engine(
                url_with_driver, pool_size=pool_size, max_overflow=20, pool_pre_ping=True, hide_parameters=True
            )
        except ImportError as error:
            raise SettingsError(Message("PostgreSQL cannot be used: {why}", why=error)) from None
        event.listen(engine, "connect", _prepare_postgresql)
        return Database(engine, None)
    raise database_url.unreadable(database_url.NO_KIND)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Set WAL, FULL and foreign keys; deleted data is overwritten, so that an erasure leaves no older value (I12).

    The page cache stays at 2 MB for each connection: a larger one was no faster.
    """
    cursor = connection.cursor()
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
    secure = ("secure_delete=ON", "trusted_schema=OFF")  # erased data is overwritten; a copied database cannot run code
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", *secure):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


_COMMIT_ON_DISK = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)


def _prepare_postgresql(connection: Any, _record: object) -> None:
    """Turn ``synchronous_commit`` on where it is off; other values (``remote_apply``, ``local``) are on disk here too.

    Without a transaction, since a rollback would take the setting back.
    """
    connection.autocommit = True
    connection.execute(_COMMIT_ON_DISK)
    connection.autocommit = False


def _begin_sqlite(connection: Connection) -> None:
    """Begin the transaction, of the kind that the execution options name; the driver begins none by itself."""
    options = connection.get_execution_options()
    driver: Any = connection.connection.dbapi_connection
    if "postiljon_autocommit" not in options and not driver.in_transaction:
        if options.get("postiljon_write"):
            connection.exec_driver_sql(FOR_WRITING)
        else:
            driver.execute("BEGIN")  # it takes no lock, so it raises no error that must be mapped


def _errorcode(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlite_errorname", ""))


def _is_busy(error: BaseException) -> bool:
    """Return whether another connection has SQLite's lock."""
    return _errorcode(error) in _BUSY


def _sqlstate(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def _is_away(error: DBAPIError) -> bool:
    """Return whether the database cannot be reached; on SQLite: the file cannot be opened, read or written.

    PostgreSQL: class 08, 57P0x, too many connections (53300), read-only after a failover (25006), no SQLSTATE.
    """
    if isinstance(error.orig, sqlite3.Error):
        return _errorcode(error).startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_READONLY"))
    state = _sqlstate(error)
    if state in ("53300", "25006"):
        return True
    return isinstance(error, OperationalError) and (not state or state.startswith(("08", "57P")))
