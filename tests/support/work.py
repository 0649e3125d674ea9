"""The work of a request on the database: what takes time, so that two answers can be compared without a clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

_TABLE = re.compile(r"\b(?:INTO|FROM|UPDATE)\s+(\w+)", re.IGNORECASE)


@contextmanager
def work_on(engine: Engine) -> Iterator[list[str]]:
    """The statements that run meanwhile, by verb and table, and how each transaction ends.

    Whether a step within it is kept or taken back is one word either way.
    """
    done: list[str] = []

    def executed(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        table = _TABLE.search(statement)
        verb = statement.split(maxsplit=1)[0].upper()
        ends = "SAVEPOINT" in statement and verb in ("RELEASE", "ROLLBACK")
        done.append("END OF STEP" if ends else f"{verb} {table[1] if table else ''}")

    def ended(word: str) -> Any:
        return lambda *_args: done.append(word)

    watched = {"before_cursor_execute": executed, "commit": ended("COMMIT"), "rollback": ended("ROLLBACK")}
    for name, listener in watched.items():
        event.listen(engine, name, listener)
    try:
        yield done
    finally:
        for name, listener in watched.items():
            event.remove(engine, name, listener)
