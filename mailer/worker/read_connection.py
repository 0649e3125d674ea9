"""A connection that only reads, kept out of the pool: taking one from the pool costs more than the reading itself.

Each statement sees the newest state by itself (autocommit). Data read here comes from one statement, or does not have
to fit together. Beginning and ending a transaction would cost as much as the reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from mailer.storage import Database, autocommit, mapped


class ReadConnection:
    """Readings, one after the other, on one connection; after an error it connects again."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._connection: Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield the connection. Raises the errors of ``Database.read``."""
        try:
            with mapped():
                if self._connection is None:
                    plain = self._db.engine.connect()
                    self._connection = plain.execution_options(**autocommit(self._db))
                yield self._connection
                if self._connection.in_transaction():  # SQLAlchemy began one for a statement of its own
                    self._connection.commit()
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.close()
