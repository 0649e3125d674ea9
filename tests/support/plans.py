"""The plans of the statements that a block of code sends to SQLite, with their values bound as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event


@contextmanager
def plans_of(conn: Connection, table: str) -> Iterator[list[str]]:
    """Collect the plan of each SELECT on a table; the list is whole after the block."""
    asked: list[tuple[str, Any]] = []
    plans: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
        if statement.startswith("SELECT") and f"FROM {table}" in statement:
            asked.append((statement, parameters))

    event.listen(conn, "before_cursor_execute", note)
    yield plans
    event.remove(conn, "before_cursor_execute", note)
    driver = conn.connection.driver_connection
    assert driver is not None
    plans += [
        " ".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall())
        for statement, parameters in asked
    ]
