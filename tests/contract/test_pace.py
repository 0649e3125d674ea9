from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer import pace
from mailer.storage import Database
from tests.support.house_db import db, lite

__all__ = ["db", "lite"]
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
    from tests.support.house_db import create_all, open_lite

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


def test_a_domain_that_complains_goes_slower_once_a_second_and_recovers_by_itself(db: Database) -> None:
    with db.write() as conn:
        assert pace.feedback(conn, {GMAIL}, {}, START) == {GMAIL: 600}
        assert pace.feedback(conn, {GMAIL}, {}, START + 0.2) == {GMAIL: 600}
        assert pace.feedback(conn, {GMAIL}, {}, START + 1.5) == {GMAIL: 300}
        faster = pace.feedback(conn, (), {GMAIL: 10, "domain:other": 5}, START + 3)
        assert list(faster) == [GMAIL]
        assert 300 < faster[GMAIL] < 400
        for second in range(60):
            faster = pace.feedback(conn, (), {GMAIL: 30}, START + 4 + second)
        assert faster == {}


def test_a_domain_that_goes_on_complaining_still_gets_a_letter_now_and_then(db: Database) -> None:
    with db.write() as conn:
        for second in range(100):
            slowed = pace.feedback(conn, {GMAIL}, {}, START + 2 * second)
    assert slowed == {GMAIL: 6}


def test_a_complaint_of_an_hour_ago_is_forgotten(db: Database) -> None:
    with db.write() as conn:
        pace.feedback(conn, {GMAIL}, {}, START)
        assert pace.slowed(conn, START + 3599)
        assert not pace.slowed(conn, START + 3601)
        assert pace.forget(conn, START + 9000) == 1


def test_what_holds_up_is_told_with_its_rate(db: Database) -> None:
    go(db, pace.WHOLE, 30, 1, START)
    with db.read() as conn:
        assert pace.held_up(conn, [pace.WHOLE, "mailing:1"], START) == {pace.WHOLE: (30, START + 2)}
        assert pace.held_up(conn, [pace.WHOLE], START + 2) == {}


def test_it_converges_to_what_a_provider_takes(lite: Database) -> None:
    """A16: 421 beyond 20 letters a second."""
    slowed: dict[str, float] = {}
    accepted = 0
    for tick in range(600):  # two minutes, five turns a second
        now = START + tick / 5
        number = go(lite, GMAIL, slowed[GMAIL], 40, now) if GMAIL in slowed else 40
        taken = min(number, 4)
        accepted += taken
        with lite.write() as conn:
            slowed = pace.feedback(conn, {GMAIL} if number > 4 else (), {GMAIL: taken}, now)
    assert 0.4 * 2400 < accepted <= 2400
