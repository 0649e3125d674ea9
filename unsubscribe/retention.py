"""Daily tidying: unconfirmed requests, acts past their undo, addresses of old letters; and changes that fall due.

Promises: small transactions, safe to run at any time, by any process, as often as wanted. docs/privacy lists how long
data is kept; :data:`ACTS_DAYS` is longer than the life of every link that could need the act.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer import undeliverable
from mailer.outbox.retention import forget_addresses
from mailer.storage import Database
from unsubscribe import changes, limits, moving, signup
from unsubscribe.settings import ReaderSettings

ACTS_DAYS = 90


@dataclass(frozen=True, slots=True)
class Tidied:
    """The result: numbers of sign-ups that expired, addresses that changed, acts and deliveries that were forgotten."""

    expired: int
    moved: int
    forgotten: int
    blanked: int


def tidy(db: Database, settings: ReaderSettings, pepper: bytes, now: datetime) -> Tidied:
    """Do all tidying that is due."""
    with db.write() as conn:
        expired = signup.expire(conn, now - timedelta(days=settings.pending_days), now)
    with db.write() as conn:
        moved = moving.settle(conn, pepper, now, settings.address_change_wait)
    with db.write() as conn:
        forgotten = changes.forget(conn, now - timedelta(days=ACTS_DAYS))
        undeliverable.forget_before(conn, now)
    _forget_allowances(db, now)
    kept = timedelta(days=settings.deliveries_days)
    blanked = forget_addresses(db, now - kept) if kept else 0
    db.empty_log()  # of data deleted here, and of an erasure during which other connections kept the log busy
    return Tidied(expired, moved, forgotten, blanked)


def _forget_allowances(db: Database, now: datetime) -> None:
    """Delete allowances whose time is over; the lock is free between the slices."""
    left = limits.MOST_FORGOTTEN
    while left == limits.MOST_FORGOTTEN:
        with db.write() as conn:
            left = limits.forget(conn, now)
