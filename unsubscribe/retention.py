"""What goes by itself: requests that were never confirmed, acts that nobody can undo any more; and what falls due.

Promises: small transactions, safe to run at any time, by anybody, as often as wanted. What is kept for how long stands
in docs/privacy; :data:`ACTS_DAYS` is longer than every link that could need the act.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.storage import Database
from unsubscribe import changes, moving, signup
from unsubscribe.settings import ReaderSettings

ACTS_DAYS = 90
TRIES_DAYS = 1


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was done: sign-ups that expired, addresses that changed, acts that were forgotten."""

    expired: int
    moved: int
    forgotten: int


def tidy(db: Database, settings: ReaderSettings, pepper: bytes, now: datetime) -> Tidied:
    """Do all that is due."""
    with db.write() as conn:
        expired = signup.expire(conn, now - timedelta(days=settings.pending_days), now)
        signup.forget_tries(conn, now - timedelta(days=TRIES_DAYS))
    with db.write() as conn:
        moved = moving.settle(conn, pepper, now, settings.address_change_wait)
    with db.write() as conn:
        forgotten = changes.forget(conn, now - timedelta(days=ACTS_DAYS))
    return Tidied(expired, moved, forgotten)
