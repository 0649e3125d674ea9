"""Reasons for leaving are counted, per letter, and name nobody."""

from __future__ import annotations

from sqlmodel import SQLModel

from mailer.storage import Database
from unsubscribe import reasons


def test_reasons_are_counted_per_letter_and_unknown_ones_are_other(house_database: Database) -> None:
    with house_database.write() as conn:
        SQLModel.metadata.create_all(conn)
        for mailing, reason in ((1, "too_many"), (1, "too_many"), (1, "<script>"), (2, "other")):
            reasons.add(conn, mailing, reason)
        assert reasons.counts(conn, 1) == {"too_many": 2, "other": 1}
        assert reasons.counts(conn, 2) == {"other": 1}
        assert reasons.counts(conn, 3) == {}
