"""Counting what somebody does within a time: one row, one statement, whatever is tried, by however many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mailer.storage import Database
from tests.support.people import NOW, PEPPER, Stage
from unsubscribe import limits
from unsubscribe.limits import ALLOWANCE, Limit, LimitUse, Spent

THREE = Limit("thing", 3, timedelta(hours=1))
EVA = limits.use(THREE, PEPPER, "eva")


@pytest.fixture
def stage(house_database: Database) -> Stage:
    return Stage(house_database)


def take(stage: Stage, use: LimitUse = EVA, minutes: int = 0) -> bool:
    with stage.db.write() as conn:
        return limits.take(conn, use, NOW + timedelta(minutes=minutes))


def spent(stage: Stage, *uses: LimitUse, minutes: int = 0) -> bool:
    with stage.db.read() as conn:
        return limits.spent(conn, uses, NOW + timedelta(minutes=minutes))


def number(stage: Stage) -> int:
    with stage.db.read() as conn:
        return conn.execute(select(func.count()).select_from(ALLOWANCE)).scalar_one()


def test_what_is_within_a_limit_is_taken_and_no_more(stage: Stage) -> None:
    assert [take(stage, minutes=minute) for minute in range(6)] == [True] * 3 + [False] * 3
    assert number(stage) == 1


def test_a_limit_begins_anew_when_its_time_is_over(stage: Stage) -> None:
    assert [take(stage) for _ in range(4)] == [True, True, True, False]
    assert not take(stage, minutes=59)
    assert [take(stage, minutes=60) for _ in range(4)] == [True, True, True, False]


def test_it_is_spent_once_it_is_used_up_and_until_its_time_is_over(stage: Stage) -> None:
    seen = []
    for _ in range(3):
        seen.append(spent(stage, EVA))
        take(stage)
    assert [*seen, spent(stage, EVA), spent(stage, EVA, minutes=60)] == [False, False, False, True, False]


def test_one_that_is_used_up_among_several_is_enough(stage: Stage) -> None:
    for _ in range(3):
        take(stage)
    other = limits.use(THREE, PEPPER, "jan")
    assert (spent(stage, other), spent(stage, other, EVA), spent(stage, EVA, other)) == (False, True, True)


def test_what_is_remembered_as_used_up_is_so_until_its_time_is_over(stage: Stage) -> None:
    known = Spent()
    for _ in range(3):
        take(stage)
    with stage.db.read() as conn:
        assert known.look(conn, [EVA], NOW)
        assert not known.look(conn, [limits.use(THREE, PEPPER, "jan")], NOW)
    assert known.knows([EVA], NOW + timedelta(minutes=59))
    assert not known.knows([EVA], NOW + timedelta(minutes=60))
    assert not known.knows([limits.use(THREE, PEPPER, "jan")], NOW)


def test_everybody_and_everything_is_counted_by_itself(stage: Stage) -> None:
    for _ in range(3):
        take(stage)
    assert take(stage, limits.use(THREE, PEPPER, "jan"))
    assert take(stage, limits.use(Limit("other", 3, timedelta(hours=1)), PEPPER, "eva"))
    assert not take(stage)


def test_a_transaction_that_is_rolled_back_gives_back_what_it_took(stage: Stage) -> None:
    with stage.db.write() as conn:
        with conn.begin_nested() as step:
            assert [limits.take(conn, EVA, NOW) for _ in range(4)] == [True, True, True, False]
            step.rollback()
        assert limits.take(conn, EVA, NOW)


def test_many_at_once_take_no_more_than_there_is(stage: Stage) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: take(stage), range(24)))
    assert sum(taken) == 3


def test_what_is_over_is_forgotten_and_nothing_else(stage: Stage) -> None:
    take(stage)
    take(stage, limits.use(THREE, PEPPER, "jan"), minutes=30)
    with stage.db.write() as conn:
        assert limits.forget(conn, NOW + timedelta(minutes=60)) == 1
        assert limits.forget(conn, NOW + timedelta(minutes=60)) == 0
    assert number(stage) == 1


def test_a_row_names_nobody(stage: Stage) -> None:
    take(stage)
    assert b"eva" not in EVA.who
    assert EVA.who != limits.use(THREE, b"q" * 32, "eva").who
    assert "who" not in repr(EVA)
