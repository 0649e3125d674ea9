"""An opt-out that is wished once more while its undo is still open: that undo gives nothing back any more.

Promises: :func:`wish_again` notes it at each act whose answer held an undo; the wish may come from a page, a mailbox or
the list of another program. An act is a row of :mod:`.changes` of kind *opt_out*.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailer import suppression
from unsubscribe import changes
from unsubscribe.changes import Change

PAGE, AGAIN = "page", "again"  # of an act: that its answer held an undo; when the same was wished once more


def undoable(acts: Sequence[Change], topics: Collection[Any]) -> list[Change]:
    """Return the acts about these topics, or all mail, whose answer held an undo that still works."""
    about = {*topics, suppression.EVERYTHING}
    return [act for act in acts if PAGE in act.after and AGAIN not in act.after and act.after.get("scope") in about]


def wish_again(conn: Connection, wishes: Mapping[int, Collection[str]], now: datetime) -> None:
    """Note that topics which contacts left are to stay so: an undo that is still about gives none of them back."""
    people = [number for number, slugs in wishes.items() if slugs]
    for number, acts in (changes.standing(conn, people, "opt_out") if people else {}).items():
        note(conn, undoable(acts, wishes[number]), now)


def note(conn: Connection, acts: Sequence[Change], now: datetime) -> None:
    """Note at each act that the same was wished once more."""
    for act in acts:
        changes.revise(conn, act, {**act.after, AGAIN: now.isoformat()})
