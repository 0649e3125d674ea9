"""Deliveries of long ago stay as numbers: who they went to goes, counts and links stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from mailer import outbox
from mailer.outbox.retention import forget_addresses
from mailer.outbox.tables import DELIVERY, MAILING
from mailer.signing import Purpose
from mailer.storage import Database
from tests.support.people import NOW, PEPPER, Stage
from unsubscribe import my_data, optout, retention
from unsubscribe.settings import ReaderSettings

YEAR = timedelta(days=396)


@pytest.fixture
def stage(house_database: Database) -> Stage:
    return Stage(house_database)


def settled(stage: Stage, state: str = "accepted") -> None:
    """Her letter came to rest."""
    assert stage.claimed(stage.mailing)
    with stage.db.write() as conn:
        told = outbox.Settlement(1, stage.mailing, 1, state, "", 250, "2.0.0 esther@gouda.example ok")  # type: ignore[arg-type]
        outbox.settle(conn, 1, [told], NOW)
        if state != "in_doubt":
            outbox.close(conn, stage.mailing, NOW)


def named(stage: Stage) -> list[tuple[str, bytes, str, str]]:
    row = DELIVERY.c
    with stage.db.read() as conn:
        return [tuple(item) for item in conn.execute(select(row.address, row.address_hash, row.domain, row.reply))]


@pytest.mark.parametrize("state", ["accepted", "refused", "in_doubt"])
def test_a_delivery_that_came_to_rest_long_ago_is_a_number(stage: Stage, state: str) -> None:
    settled(stage, state)
    settings = ReaderSettings()
    assert retention.tidy(stage.db, settings, PEPPER, NOW + timedelta(days=394)).blanked == 0
    assert retention.tidy(stage.db, settings, PEPPER, NOW + YEAR).blanked == 1
    assert named(stage) == [("", b"", "", "")]
    with stage.db.read() as conn:
        counts = outbox.get(conn, stage.mailing).counts
        assert getattr(counts, state) == counts.recipients == 1
        assert outbox.differences(conn, stage.mailing) == {}
    assert retention.tidy(stage.db, settings, PEPPER, NOW + 2 * YEAR).blanked == 0


def test_her_links_work_and_she_is_told_of_the_letter_after_that_time(stage: Stage) -> None:
    settled(stage)
    assert forget_addresses(stage.db, NOW + YEAR) == 1
    with stage.db.write() as conn:
        told = my_data.everything(conn, stage.token())
        assert told
        assert [(letter["address"], letter["state"]) for letter in told["letters"]] == [("", "accepted")]
        optout.opt_out(conn, stage.token(Purpose.OPT_OUT), "topic", NOW + YEAR)
    assert stage.topics()["nieuws"] == "opted_out"


def test_what_still_waits_and_what_is_recent_is_left_alone(stage: Stage) -> None:
    assert forget_addresses(stage.db, NOW + YEAR) == 0
    settled(stage)
    with stage.db.write() as conn:
        conn.execute(update(MAILING).values(created_at=NOW - YEAR))
    assert forget_addresses(stage.db, NOW) == 0
    assert named(stage)[0][0] == "esther@gouda.example"
    assert forget_addresses(stage.db, NOW + timedelta(days=1)) == 1


def test_nothing_is_forgotten_where_the_organisation_says_so(stage: Stage) -> None:
    settled(stage)
    forever = ReaderSettings(deliveries_days=0)
    assert retention.tidy(stage.db, forever, PEPPER, NOW + 9 * YEAR).blanked == 0


def test_somebody_in_doubt_whose_address_was_forgotten_is_not_sent_to_again(stage: Stage) -> None:
    settled(stage, "in_doubt")
    assert forget_addresses(stage.db, NOW + YEAR) == 1
    with stage.db.write() as conn:
        outbox.decide(conn, stage.mailing, "send_again", None, NOW + YEAR)
        assert outbox.outcomes(conn, stage.mailing) == [("skipped", "erased", 1)]


def test_many_rows_go_page_by_page(sqlite_database: Database) -> None:
    stage = Stage(sqlite_database)
    with stage.db.write() as conn:
        many = [outbox.Recipient(number, f"a{number}@b.example", b"h", "b.example") for number in range(2, 1203)]
        outbox.enqueue(conn, stage.mailing, many, 1203, NOW)
        conn.execute(update(DELIVERY).values(state="accepted", at=NOW))
    assert forget_addresses(stage.db, NOW + YEAR) == 1202
    assert set(named(stage)) == {("", b"", "", "")}
