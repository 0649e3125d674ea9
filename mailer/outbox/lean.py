"""The usual turn in one short transaction: accepted rows are settled, fresh rows of one campaign are claimed.

A fast path of :func:`mailer.outbox.settle` and :func:`mailer.outbox.claim`, with their statements. The driver begins
and ends the transaction, since SQLAlchemy takes as long for that as the database. Promises: the turn is atomic;
counters move by the rows that changed. If an accepted row did not change (another sender has it, or it is in doubt),
nothing is written and the caller takes the slow path. On PostgreSQL the connection holds the sender's advisory lock.
Raises ``StorageError``; after one it is unknown whether a COMMIT happened.

Its statements are in ``tests/golden/sql``: ``settle.sending.accepted``, ``claim.waiting``, ``claim.limits`` and
``counters.post``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from mailer.outbox.claim import ask_for_fresh
from mailer.outbox.counters import CounterDelta
from mailer.outbox.senders import Sender
from mailer.outbox.settle import ask_for_accepted
from mailer.outbox.values import Claimed
from mailer.prepared_statements import begin_at_once, commit, roll_back, together
from mailer.storage import map_error


class LeanWork(NamedTuple):
    """The work of one lean turn. ``accepted``: (delivery, attempt, code, text); ``room``: rows to claim at most.

    ``given_up``: rows that wait only for the pace are refused if their first attempt was before this time.
    """

    mailing: int
    accepted: Sequence[tuple[int, int, int, str]]
    room: int
    now: datetime
    given_up: datetime


class LeanWritten(NamedTuple):
    """An uncommitted turn: rows that belong to this sender after the commit, and the changes of counters."""

    claimed: list[Claimed]
    delta: CounterDelta


def begin_lean(sender: Sender) -> bool:
    """Begin a lean turn, without waiting: False while another connection has SQLite's lock. Raises ``StorageError``."""
    try:
        return begin_at_once(sender.connection)
    except SQLAlchemyError as error:
        raise map_error(error) from error


def write_lean(sender: Sender, work: LeanWork) -> LeanWritten | None:
    """Do ``work`` in the transaction of :func:`begin_lean`; None, after a rollback, if the slow path is needed."""
    conn, delta = sender.connection, CounterDelta()
    try:
        claimed = _write(conn, sender.id, work, delta)
        if claimed is None:
            roll_back(conn)
            return None
    except BaseException as error:
        raise _taken_back(conn, error) from error
    return LeanWritten(claimed, delta)


def commit_lean(sender: Sender, written: LeanWritten) -> float:
    """Write the counters and commit, possibly in another thread; return the seconds that it took."""
    conn, begun = sender.connection, time.perf_counter()
    try:
        with together(conn):
            written.delta.post(conn)
            commit(conn)
    except BaseException as error:
        raise _taken_back(conn, error) from error
    return time.perf_counter() - begun


def _taken_back(conn: Connection, error: BaseException) -> BaseException:
    """Roll the transaction back; return the error to raise."""
    with suppress(Exception):  # the connection itself may be broken
        roll_back(conn)
    return map_error(error) if isinstance(error, SQLAlchemyError) else error


def _write(conn: Connection, sender_id: int, work: LeanWork, delta: CounterDelta) -> list[Claimed] | None:
    """Settle and claim; return None when a row could not be settled."""
    number, settled, read = len(work.accepted), None, None
    with together(conn):
        if number:
            settled = ask_for_accepted(conn, sender_id, work.accepted, work.now)
        if work.room > 0:
            read = ask_for_fresh(conn, (sender_id, work.given_up), work.mailing, work.room, work.now)
    if settled and settled() != number:
        return None
    delta.moved(work.mailing, "sending", "accepted", number)
    return read(delta) if read else []
