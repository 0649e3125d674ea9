from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer import pace
from mailer.storage import Database

START = 1_700_000_000.0
GMAIL = pace.domain_bucket("gmail.example")


def go(db: Database, bucket: str, rate: float, wanted: int, now: float) -> int:
    """Take as many as there is room for."""
    with db.write() as conn:
        number = min(wanted, pace.room(conn, {bucket: rate}, now)[bucket].number)
        pace.take(conn, {bucket: (number, rate)}, now)
        return number


@pytest.mark.parametrize("rate", [1, 7, 60, 100, 600, 6000])
def test_no_minute_sees_more_than_the_limit_and_a_busy_one_sees_nearly_as_many(lite: Database, rate: int) -> None:
    times: list[float] = []
    step = 0.25
    for tick in range(int(150 / step)):
        now = START + tick * step
        times += [now] * go(lite, pace.WHOLE, rate, 1000, now)
    windows = [sum(1 for at in times if begin <= at < begin + 60) for begin in {START + x for x in range(0, 90, 3)}]
    assert max(windows) <= rate
    assert min(windows) >= 0.8 * rate - 1


@settings(max_examples=25, deadline=None)
@given(data=st.data(), rate=st.integers(1, 500))
def test_whoever_asks_and_whenever_no_minute_sees_more_than_the_limit(tmp_path_factory, data, rate: int) -> None:
    from tests.support.sending_db import open_lite
    from tests.support.tables import create_all

    database = create_all(open_lite(tmp_path_factory.mktemp("pace")))
    now, times = START, []
    for pause in data.draw(st.lists(st.floats(0, 30), max_size=40)):
        now += pause
        times += [now] * go(database, pace.WHOLE, rate, data.draw(st.integers(0, 60)), now)
    assert all(sum(1 for at in times if begin <= at < begin + 60) <= rate for begin in times)
    database.close()


def test_room_says_when_the_next_may_go(db: Database) -> None:
    assert go(db, pace.WHOLE, 60, 5, START) == 1
    with db.write() as conn:
        room = pace.room(conn, {pace.WHOLE: 60}, START)[pace.WHOLE]
    assert (room.number, round(room.at - START, 3)) == (0, 1.0)
    assert go(db, pace.WHOLE, 60, 5, room.at) == 1


def test_a_clock_that_is_set_back_costs_no_more_than_moments(db: Database) -> None:
    go(db, pace.WHOLE, 60, 1, START + 86_400)
    assert go(db, pace.WHOLE, 60, 1, START) == 1


def test_buckets_do_not_hold_up_each_other(db: Database) -> None:
    assert go(db, GMAIL, 60, 9, START) == 1
    assert go(db, pace.domain_bucket("other.example"), 60, 9, START) == 1


def test_what_holds_up_is_told_with_its_rate(db: Database) -> None:
    go(db, pace.WHOLE, 30, 1, START)
    with db.read() as conn:
        assert pace.held_up(conn, [pace.WHOLE, "mailing:1"], START) == {pace.WHOLE: (30, START + 2)}
        assert pace.held_up(conn, [pace.WHOLE], START + 2) == {}
