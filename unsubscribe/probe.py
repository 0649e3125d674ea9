"""Whether an opt-out that came now would be kept, tried on the very ways that it would go.

Promises: :func:`look` tries the journal, and every column of every table that this code knows; :func:`write` has the
transaction of its caller write something that is gone again when it is committed, so that the commit needs the lock,
the rights and the room that an opt-out needs. Nothing is left behind, and nothing that a person can see is touched
(I6). Raises ``StorageError``; its cause is an ``OSError`` when it was the journal.
"""

from __future__ import annotations

import os
from datetime import datetime

from sqlalchemy import Connection, delete, false, insert, select

from mailer.storage import Database, map_os_error
from unsubscribe import changes, consent, contacts, reasons
from unsubscribe.limits import ALLOWANCE

HOMES = (changes, consent, contacts, reasons)  # imported, so that their tables are known


def look(db: Database) -> None:
    """Find the faults that show without the lock."""
    if db.journal:
        try:
            db.journal.look()
        except OSError as error:
            raise map_os_error(error, db.journal.path) from error
    with db.read() as conn:
        for table in ALLOWANCE.metadata.sorted_tables:
            conn.execute(select(table).where(false()))


def write(conn: Connection, now: datetime) -> None:
    """Find the faults that only a commit shows."""
    who = os.urandom(16)
    conn.execute(insert(ALLOWANCE).values(who=who, ends=now, number=0))
    conn.execute(delete(ALLOWANCE).where(ALLOWANCE.c.who == who))
