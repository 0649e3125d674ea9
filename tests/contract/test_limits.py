"""Counting what somebody does within a time: one row, one statement, whatever is tried, by however many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mailer.storage import Database
from tests.support.people import NOW, PEPPER, ReaderSetup
from unsubscribe import limits
from unsubscribe.limits import ALLOWANCE, Limit, LimitUse, Spent

THREE = Limit("thing", 3, timedelta(hours=1))
EVA = limits.use(THREE, PEPPER, "eva")


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


def take(setup: ReaderSetup, use: LimitUse = EVA, minutes: int = 0) -> bool:
    with setup.db.write() as conn:
        return limits.take(conn, use, NOW + timedelta(minutes=minutes))


def spent(setup: ReaderSetup, *uses: LimitUse, minutes: int = 0) -> bool:
    with setup.db.read() as conn:
        return limits.spent(conn, uses, NOW + timedelta(minutes=minutes))


def number(setup: ReaderSetup) -> int:
    with setup.db.read() as conn:
        return conn.execute(select(func.count()).select_from(ALLOWANCE)).scalar_one()


def test_what_is_within_a_limit_is_taken_and_no_more(setup: ReaderSetup) -> None:
    assert [take(setup, minutes=minute) for minute in range(6)] == [True] * 3 + [False] * 3
    assert number(setup) == 1


def test_a_limit_begins_anew_when_its_time_is_over(setup: ReaderSetup) -> None:
    assert [take(setup) for _ in range(4)] == [True, True, True, False]
    assert not take(setup, minutes=59)
    assert [take(setup, minutes=60) for _ in range(4)] == [True, True, True, False]


def test_it_is_spent_once_it_is_used_up_and_until_its_time_is_over(setup: ReaderSetup) -> None:
    seen = []
    for _ in range(3):
        seen.append(spent(setup, EVA))
        take(setup)
    assert [*seen, spent(setup, EVA), spent(setup, EVA, minutes=60)] == [False, False, False, True, False]


def test_one_that_is_used_up_among_several_is_enough(setup: ReaderSetup) -> None:
    for _ in range(3):
        take(setup)
    other = limits.use(THREE, PEPPER, "jan")
    assert (spent(setup, other), spent(setup, other, EVA), spent(setup, EVA, other)) == (False, True, True)


def test_what_is_remembered_as_used_up_is_so_until_its_time_is_over(setup: ReaderSetup) -> None:
    known = Spent()
    for _ in range(3):
        take(setup)
    with setup.db.read() as conn:
        assert known.look(conn, [EVA], NOW)
        assert not known.look(conn, [limits.use(THREE, PEPPER, "jan")], NOW)
    assert known.knows([EVA], NOW + timedelta(minutes=59))
    assert not known.knows([EVA], NOW + timedelta(minutes=60))
    assert not known.knows([limits.use(THREE, PEPPER, "jan")], NOW)


def test_everybody_and_everything_is_counted_by_itself(setup: ReaderSetup) -> None:
    for _ in range(3):
        take(setup)
    assert take(setup, limits.use(THREE, PEPPER, "jan"))
    assert take(setup, limits.use(Limit("other", 3, timedelta(hours=1)), PEPPER, "eva"))
    assert not take(setup)


def test_a_transaction_that_is_rolled_back_gives_back_what_it_took(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        with conn.begin_nested() as step:
            assert [limits.take(conn, EVA, NOW) for _ in range(4)] == [True, True, True, False]
            step.rollback()
        assert limits.take(conn, EVA, NOW)


def test_many_at_once_take_no_more_than_there_is(setup: ReaderSetup) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: take(setup), range(24)))
    assert sum(taken) == 3


def test_what_is_over_is_forgotten_and_nothing_else(setup: ReaderSetup) -> None:
    take(setup)
    take(setup, limits.use(THREE, PEPPER, "jan"), minutes=30)
    with setup.db.write() as conn:
        assert limits.forget(conn, NOW + timedelta(minutes=60)) == 1
        assert limits.forget(conn, NOW + timedelta(minutes=60)) == 0
    assert number(setup) == 1


def test_a_row_names_nobody(setup: ReaderSetup) -> None:
    take(setup)
    assert b"eva" not in EVA.who
    assert EVA.who != limits.use(THREE, b"q" * 32, "eva").who
    assert "who" not in repr(EVA)
