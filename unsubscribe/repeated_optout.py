"""An opt-out that is requested again while its undo is still open: that undo no longer puts anything back.

Promises: :func:`record_many` records the repetition in each act whose answer held an undo. The request may come from a
page, a mailbox or the list of another program. An act is a row of :mod:`.changes` of kind *opt_out*.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailer import suppression
from unsubscribe import changes
from unsubscribe.changes import Change

PAGE, AGAIN = "page", "again"  # keys in an act: its answer held an undo; the time of a repeated request


def undoable(acts: Sequence[Change], topics: Collection[Any]) -> list[Change]:
    """Return the acts about these topics, or all mail, whose answer held an undo that still works."""
    about = {*topics, suppression.EVERYTHING}
    return [act for act in acts if PAGE in act.after and AGAIN not in act.after and act.after.get("scope") in about]


def record_many(conn: Connection, topics_left: Mapping[int, Collection[str]], now: datetime) -> None:
    """Record that contacts left these topics again: an undo that is still open puts none of them back."""
    people = [number for number, slugs in topics_left.items() if slugs]
    for number, acts in (changes.standing(conn, people, "opt_out") if people else {}).items():
        record(conn, undoable(acts, topics_left[number]), now)


def record(conn: Connection, acts: Sequence[Change], now: datetime) -> None:
    """Record in each act that the same opt-out was requested again."""
    for act in acts:
        changes.revise(conn, act, {**act.after, AGAIN: now.isoformat()})
