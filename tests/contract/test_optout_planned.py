"""Opt-outs are planned without a lock: what happens between that and the writing is noticed."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from mailer.signing import Purpose, Token
from mailer.storage import Database
from tests.support.opt_out_setup import NOW, PEPPER, OptOutSetup
from unsubscribe import consent, contacts, optout, verifying
from unsubscribe.contacts import Person
from unsubscribe.erasing import erase


@pytest.fixture
def setup(house_database: Database) -> OptOutSetup:
    return OptOutSetup(house_database)


def test_who_has_left_since_an_opt_out_was_planned_leaves_once(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    planned = plan(setup, mailing)
    setup.leave(mailing)
    [second] = carry_out(setup, planned)
    assert (second.already, second.change) == (True, 0)
    assert setup.kinds() == [("withdrawn", "nieuws")]


def test_a_topic_joined_since_an_opt_out_was_planned_is_left_with_the_others(setup: OptOutSetup) -> None:
    planned = plan(setup, setup.mailing("a"), "all")
    with setup.db.write() as conn:
        topic = contacts.ensure_topic(conn, "later", "", NOW)
        contacts.subscribe(conn, setup.reader.id, topic.id, NOW, statement=0)
        consent.record(conn, consent.ConsentEvent(setup.reader.id, "given", "later", NOW), NOW)
    [left] = carry_out(setup, planned)
    assert (left.already, set(setup.states().values())) == (False, {"opted_out"})
    with setup.db.read() as conn:
        assert verifying.verify(conn, setup.reader.id, []).fault == ""


def test_who_was_erased_since_an_opt_out_was_planned_is_answered_as_done(setup: OptOutSetup) -> None:
    planned = plan(setup, setup.mailing("a"))
    with setup.db.write() as conn:
        erase(conn, setup.reader.id, NOW)
    [left] = carry_out(setup, planned)
    assert (left.already, left.reader.stand) == (True, "gone")
    assert setup.kinds() == [("erased", "")]


def test_who_came_back_since_an_opt_out_was_planned_leaves_again(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    first = setup.leave(mailing)
    planned = plan(setup, mailing)
    with setup.db.write() as conn:
        optout.undo(conn, setup.token(mailing, first.change), NOW)
    [second] = carry_out(setup, planned)
    assert (first.already, second.already) == (False, False)
    assert setup.states()["nieuws"] == "opted_out"
    assert setup.claim(mailing) == []


def test_an_opt_out_that_is_committed_while_another_is_planned_is_not_done_twice(setup: OptOutSetup) -> None:
    """PostgreSQL has no snapshot for a whole reading transaction: what is read first decides what is noticed."""
    mailing = setup.mailing("a")
    plans: list[optout.OptOutPlan] = []
    planning = threading.Thread(target=lambda: plans.append(plan(setup, mailing)))
    with setup.db.write() as conn:
        if not setup.db.is_sqlite:
            conn.execute(text("LOCK TABLE consent_event IN ACCESS EXCLUSIVE MODE"))
        planning.start()
        planning.join(0.5)  # on PostgreSQL it waits for the table, on SQLite it has the old state by now
        optout.opt_out(conn, setup.token(mailing), "topic", NOW)
    planning.join()
    [second] = carry_out(setup, plans[0])
    assert (second.already, second.change) == (True, 0)
    assert setup.kinds() == [("withdrawn", "nieuws")]


def test_those_whose_plan_still_fits_are_not_kept_waiting_by_one_who_changed(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    with setup.db.write() as conn:
        other = contacts.add(conn, Person("jan@gouda.example"), PEPPER, NOW)
        contacts.subscribe(conn, other.id, contacts.topic(conn, "nieuws").id, NOW, statement=0)
    with setup.db.read() as conn:
        wishes = [
            optout.OptOutRequest(Token(Purpose.OPT_OUT, mailing, number)) for number in (setup.reader.id, other.id)
        ]
        planned = optout.plan(conn, wishes, NOW)
    setup.leave(mailing)
    assert [left.already for left in carry_out(setup, planned)] == [True, False]
    with setup.db.read() as conn:
        assert contacts.subscriptions(conn, other.id) == {"nieuws": "opted_out"}


def plan(setup: OptOutSetup, mailing: int, scope: optout.Scope = "topic") -> optout.OptOutPlan:
    with setup.db.read() as conn:
        return optout.plan(conn, [optout.OptOutRequest(setup.token(mailing), scope)], NOW)


def carry_out(setup: OptOutSetup, planned: optout.OptOutPlan) -> list[optout.OptOutResult]:
    with setup.db.write() as conn:
        return optout.carry_out(conn, planned)
