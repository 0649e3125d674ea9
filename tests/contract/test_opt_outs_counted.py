"""How many people opt out through a letter: counted in the act, without persons; an undo takes it back."""

from __future__ import annotations

import pytest

from mailer.storage import Database
from tests.support.opt_out_setup import NOW, OptOutSetup
from unsubscribe import optout, reasons


@pytest.fixture
def setup(empty_database: Database) -> OptOutSetup:
    return OptOutSetup(empty_database)


def left(setup: OptOutSetup, *mailings: int) -> dict[int, int]:
    with setup.db.read() as conn:
        return reasons.left(conn, mailings)


def test_an_opt_out_counts_once_for_its_letter_however_often_it_is_repeated(setup: OptOutSetup) -> None:
    one, other = setup.mailing("campaign:1"), setup.mailing("campaign:2")
    setup.leave(one)
    setup.leave(one)
    setup.leave(other)
    assert left(setup, one, other) == {one: 1}


def test_a_person_who_leaves_the_topic_and_then_all_mail_counts_once(setup: OptOutSetup) -> None:
    one = setup.mailing("campaign:1")
    first = setup.leave(one)
    with setup.db.write() as conn:
        request = optout.OptOutRequest(setup.token(one), "all", "page", first.change)
        optout.opt_out_many(conn, [request], NOW)
    assert left(setup, one) == {one: 1}


def test_an_opt_out_that_is_undone_is_not_counted_any_more(setup: OptOutSetup) -> None:
    one = setup.mailing("campaign:1")
    change = setup.leave(one).change
    for _ in range(2):
        with setup.db.write() as conn:
            optout.undo(conn, setup.token(one, change), NOW)
    assert left(setup, one) == {one: 0}
