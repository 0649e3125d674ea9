"""A connection that only reads, kept out of the pool: taking one from there costs more than what is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from mailer.storage import Database, mapped


class Reader:
    """Reading transactions, one after the other, on one connection; after an error it connects anew."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One snapshot; errors as ``Database.read``."""
        try:
            with mapped():
                if self._connection is None:
                    self._connection = self._db.engine.connect()
                with self._connection.begin():
                    yield self._connection
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.close()
