"""Tests of whether an opt-out that came now would be kept, made on the same path that it would take.

Promises: :func:`look` tries the journal, and every column of every table that this code knows. :func:`write` writes a
row and deletes it again in the caller's transaction. So the commit needs the same lock, rights and disk space as an
opt-out. Nothing is left behind, and no data that a person can see is touched (I6). Raises ``StorageError``; its cause
is an ``OSError`` when the journal failed.
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
    """Find the faults that can be found without the lock."""
    if db.journal:
        try:
            db.journal.look()
        except OSError as error:
            raise map_os_error(error, db.journal.path) from error
    with db.read() as conn:
        for table in ALLOWANCE.metadata.sorted_tables:
            conn.execute(select(table).where(false()))


def write(conn: Connection, now: datetime) -> None:
    """Find the faults that only a commit reveals."""
    who = os.urandom(16)
    conn.execute(insert(ALLOWANCE).values(who=who, ends=now, number=0))
    conn.execute(delete(ALLOWANCE).where(ALLOWANCE.c.who == who))
