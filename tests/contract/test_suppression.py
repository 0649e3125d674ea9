from __future__ import annotations

from datetime import timedelta

import pytest

from mailer import suppression
from mailer.errors import SettingsError
from mailer.storage import Database
from tests.support.sending_db import NOW, hash_of, later

ANNA, BERT = hash_of(1), hash_of(2)


def test_an_entry_for_all_counts_for_every_topic(db: Database) -> None:
    with db.write() as conn:
        suppression.suppress(conn, ANNA, "", "opt_out", NOW)
        assert suppression.why(conn, ANNA, "news", NOW) == "opt_out"
        assert suppression.why(conn, ANNA, "", NOW) == "opt_out"
        assert suppression.why(conn, BERT, "news", NOW) is None


def test_an_entry_for_a_topic_counts_for_that_topic_alone(db: Database) -> None:
    with db.write() as conn:
        suppression.suppress(conn, ANNA, "news", "opt_out", NOW)
        assert suppression.why(conn, ANNA, "news", NOW) == "opt_out"
        assert suppression.why(conn, ANNA, "jobs", NOW) is None
        assert suppression.why(conn, ANNA, "", NOW) is None


def test_a_pause_ends_by_itself_and_may_be_made_longer(db: Database) -> None:
    with db.write() as conn:
        suppression.suppress(conn, ANNA, "", "pause", NOW, later(days=30))
        assert suppression.why(conn, ANNA, "news", later(days=29)) == "pause"
        assert suppression.why(conn, ANNA, "news", later(days=30)) is None
        suppression.suppress(conn, ANNA, "", "pause", later(days=1), later(days=90))
        assert suppression.why(conn, ANNA, "news", later(days=30)) == "pause"
        (entry,) = suppression.entries(conn, ANNA)
        assert (entry.since, entry.until) == (NOW, NOW + timedelta(days=90))


def test_lifting_one_reason_leaves_the_others(db: Database) -> None:
    with db.write() as conn:
        suppression.suppress(conn, ANNA, "", "opt_out", NOW)
        suppression.suppress(conn, ANNA, "", "complaint", NOW)
        suppression.suppress(conn, ANNA, "news", "opt_out", NOW)
        assert suppression.lift(conn, ANNA, "", ["opt_out", "pause"]) == 1
        assert [(item.scope, item.reason) for item in suppression.entries(conn, ANNA)] == [
            ("", "complaint"),
            ("news", "opt_out"),
        ]


def test_service_mail_is_held_back_by_a_dead_address_alone(db: Database) -> None:
    with db.write() as conn:
        suppression.suppress(conn, ANNA, "", "opt_out", NOW)
        assert suppression.why(conn, ANNA, "", NOW, service=True) is None
        suppression.suppress(conn, ANNA, "", "undeliverable", NOW)
        assert suppression.why(conn, ANNA, "", NOW, service=True) == "undeliverable"


def test_another_pepper_is_refused(db: Database) -> None:
    with db.write() as conn:
        suppression.bind_pepper(conn, b"p" * 32)
        suppression.bind_pepper(conn, b"p" * 32)
        with pytest.raises(SettingsError, match="POSTILJON_PEPPER"):
            suppression.bind_pepper(conn, b"q" * 32)
