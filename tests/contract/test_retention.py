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
from tests.support.people import NOW, PEPPER, ReaderSetup
from unsubscribe import my_data, optout, retention
from unsubscribe.settings import ReaderSettings

YEAR = timedelta(days=396)


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


def settled(setup: ReaderSetup, state: str = "accepted") -> None:
    """Her letter came to rest."""
    assert setup.claimed(setup.mailing)
    with setup.db.write() as conn:
        told = outbox.Settlement(1, setup.mailing, 1, state, "", 250, "2.0.0 esther@gouda.example ok")  # type: ignore[arg-type]
        outbox.settle(conn, 1, [told], NOW)
        if state != "in_doubt":
            outbox.close(conn, setup.mailing, NOW)


def named(setup: ReaderSetup) -> list[tuple[str, bytes, str, str]]:
    row = DELIVERY.c
    with setup.db.read() as conn:
        return [tuple(item) for item in conn.execute(select(row.address, row.address_hash, row.domain, row.reply))]


@pytest.mark.parametrize("state", ["accepted", "refused", "in_doubt"])
def test_a_delivery_that_came_to_rest_long_ago_is_a_number(setup: ReaderSetup, state: str) -> None:
    settled(setup, state)
    settings = ReaderSettings()
    assert retention.tidy(setup.db, settings, PEPPER, NOW + timedelta(days=394)).blanked == 0
    assert retention.tidy(setup.db, settings, PEPPER, NOW + YEAR).blanked == 1
    assert named(setup) == [("", b"", "", "")]
    with setup.db.read() as conn:
        counts = outbox.get(conn, setup.mailing).counts
        assert getattr(counts, state) == counts.recipients == 1
        assert outbox.differences(conn, setup.mailing) == {}
    assert retention.tidy(setup.db, settings, PEPPER, NOW + 2 * YEAR).blanked == 0


def test_her_links_work_and_she_is_told_of_the_letter_after_that_time(setup: ReaderSetup) -> None:
    settled(setup)
    assert forget_addresses(setup.db, NOW + YEAR) == 1
    with setup.db.write() as conn:
        told = my_data.everything(conn, setup.token())
        assert told
        assert [(letter["address"], letter["state"]) for letter in told["letters"]] == [("", "accepted")]
        optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "topic", NOW + YEAR)
    assert setup.topics()["nieuws"] == "opted_out"


def test_what_still_waits_and_what_is_recent_is_left_alone(setup: ReaderSetup) -> None:
    assert forget_addresses(setup.db, NOW + YEAR) == 0
    settled(setup)
    with setup.db.write() as conn:
        conn.execute(update(MAILING).values(created_at=NOW - YEAR))
    assert forget_addresses(setup.db, NOW) == 0
    assert named(setup)[0][0] == "esther@gouda.example"
    assert forget_addresses(setup.db, NOW + timedelta(days=1)) == 1


def test_nothing_is_forgotten_where_the_organisation_says_so(setup: ReaderSetup) -> None:
    settled(setup)
    forever = ReaderSettings(deliveries_days=0)
    assert retention.tidy(setup.db, forever, PEPPER, NOW + 9 * YEAR).blanked == 0


def test_somebody_in_doubt_whose_address_was_forgotten_is_not_sent_to_again(setup: ReaderSetup) -> None:
    settled(setup, "in_doubt")
    assert forget_addresses(setup.db, NOW + YEAR) == 1
    with setup.db.write() as conn:
        outbox.decide(conn, setup.mailing, "send_again", None, NOW + YEAR)
        assert outbox.outcomes(conn, setup.mailing) == [("skipped", "erased", 1)]


def test_many_rows_go_page_by_page(sqlite_database: Database) -> None:
    setup = ReaderSetup(sqlite_database)
    with setup.db.write() as conn:
        many = [outbox.Recipient(number, f"a{number}@b.example", b"h", "b.example") for number in range(2, 1203)]
        outbox.enqueue(conn, setup.mailing, many, 1203, NOW)
        conn.execute(update(DELIVERY).values(state="accepted", at=NOW))
    assert forget_addresses(setup.db, NOW + YEAR) == 1202
    assert set(named(setup)) == {("", b"", "", "")}
