"""Opt-outs are planned without a lock: what happens between that and the writing is noticed."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from mailer.signing import Purpose, Token
from mailer.storage import Database
from tests.support.leaver import NOW, PEPPER, House
from unsubscribe import consent, contacts, optout, verifying
from unsubscribe.contacts import Person
from unsubscribe.erasing import erase


@pytest.fixture
def house(house_database: Database) -> House:
    return House(house_database)


def test_who_has_left_since_an_opt_out_was_planned_leaves_once(house: House) -> None:
    mailing = house.mailing("a")
    planned = plan(house, mailing)
    house.leave(mailing)
    [second] = carry_out(house, planned)
    assert (second.already, second.change) == (True, 0)
    assert house.kinds() == [("withdrawn", "nieuws")]


def test_a_topic_joined_since_an_opt_out_was_planned_is_left_with_the_others(house: House) -> None:
    planned = plan(house, house.mailing("a"), "all")
    with house.db.write() as conn:
        topic = contacts.ensure_topic(conn, "later", "", NOW)
        contacts.subscribe(conn, house.reader.id, topic.id, NOW, statement=0)
        consent.record(conn, consent.ConsentEvent(house.reader.id, "given", "later", NOW), NOW)
    [left] = carry_out(house, planned)
    assert (left.already, set(house.states().values())) == (False, {"opted_out"})
    with house.db.read() as conn:
        assert verifying.verify(conn, house.reader.id, []).fault == ""


def test_who_was_erased_since_an_opt_out_was_planned_is_answered_as_done(house: House) -> None:
    planned = plan(house, house.mailing("a"))
    with house.db.write() as conn:
        erase(conn, house.reader.id, NOW)
    [left] = carry_out(house, planned)
    assert (left.already, left.reader.stand) == (True, "gone")
    assert house.kinds() == [("erased", "")]


def test_who_came_back_since_an_opt_out_was_planned_leaves_again(house: House) -> None:
    mailing = house.mailing("a")
    first = house.leave(mailing)
    planned = plan(house, mailing)
    with house.db.write() as conn:
        optout.undo(conn, house.token(mailing, first.change), NOW)
    [second] = carry_out(house, planned)
    assert (first.already, second.already) == (False, False)
    assert house.states()["nieuws"] == "opted_out"
    assert house.claim(mailing) == []


def test_an_opt_out_that_is_committed_while_another_is_planned_is_not_done_twice(house: House) -> None:
    """PostgreSQL has no snapshot for a whole reading transaction: what is read first decides what is noticed."""
    mailing = house.mailing("a")
    plans: list[optout.OptOutPlan] = []
    planning = threading.Thread(target=lambda: plans.append(plan(house, mailing)))
    with house.db.write() as conn:
        if not house.db.is_sqlite:
            conn.execute(text("LOCK TABLE consent_event IN ACCESS EXCLUSIVE MODE"))
        planning.start()
        planning.join(0.5)  # on PostgreSQL it waits for the table, on SQLite it has the old state by now
        optout.opt_out(conn, house.token(mailing), "topic", NOW)
    planning.join()
    [second] = carry_out(house, plans[0])
    assert (second.already, second.change) == (True, 0)
    assert house.kinds() == [("withdrawn", "nieuws")]


def test_those_whose_plan_still_fits_are_not_kept_waiting_by_one_who_changed(house: House) -> None:
    mailing = house.mailing("a")
    with house.db.write() as conn:
        other = contacts.add(conn, Person("jan@gouda.example"), PEPPER, NOW)
        contacts.subscribe(conn, other.id, contacts.topic(conn, "nieuws").id, NOW, statement=0)
    with house.db.read() as conn:
        wishes = [
            optout.OptOutRequest(Token(Purpose.OPT_OUT, mailing, number)) for number in (house.reader.id, other.id)
        ]
        planned = optout.plan(conn, wishes, NOW)
    house.leave(mailing)
    assert [left.already for left in carry_out(house, planned)] == [True, False]
    with house.db.read() as conn:
        assert contacts.subscriptions(conn, other.id) == {"nieuws": "opted_out"}


def plan(house: House, mailing: int, scope: optout.Scope = "topic") -> optout.OptOutPlan:
    with house.db.read() as conn:
        return optout.plan(conn, [optout.OptOutRequest(house.token(mailing), scope)], NOW)


def carry_out(house: House, planned: optout.OptOutPlan) -> list[optout.OptOutResult]:
    with house.db.write() as conn:
        return optout.carry_out(conn, planned)
