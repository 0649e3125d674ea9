"""The clock of the house under jumps (E19)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailer.clock import DOUBT, SteadyClock

START = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)


class Machine:
    """A wall clock that can be set, and a clock that cannot."""

    def __init__(self) -> None:
        self.wrong = timedelta()
        self.ran = 0.0
        self.clock = SteadyClock(lambda: START + self.wrong + timedelta(seconds=self.ran), lambda: 1000 + self.ran)

    def after(self, seconds: float) -> timedelta:
        """How long after the start the clock says it is, a number of seconds later."""
        self.ran += seconds
        return self.clock() - START


@pytest.fixture
def machine() -> Machine:
    made = Machine()
    made.after(0)
    return made


@pytest.mark.parametrize("jump", [timedelta(days=1), -timedelta(hours=1)])
def test_a_jump_that_is_put_right_within_a_minute_was_never_there(machine: Machine, jump: timedelta) -> None:
    """Expected: time goes on evenly throughout."""
    machine.wrong = jump
    assert [machine.after(10).total_seconds() for _ in range(5)] == [10, 20, 30, 40, 50]
    machine.wrong = timedelta()
    assert machine.after(10).total_seconds() == 60
    assert machine.after(3600).total_seconds() == 3660


@pytest.mark.parametrize("jump", [timedelta(days=1), -timedelta(hours=1)])
def test_a_jump_that_stays_is_believed_after_a_minute(machine: Machine, jump: timedelta) -> None:
    """Expected: a minute later it is the new time, and stays so."""
    machine.wrong = jump
    assert machine.after(1).total_seconds() == 1
    assert machine.after(DOUBT).total_seconds() == 1 + DOUBT + jump.total_seconds()
    assert machine.after(1).total_seconds() == 2 + DOUBT + jump.total_seconds()


def test_a_slow_correction_and_a_leap_second_are_followed_at_once(machine: Machine) -> None:
    """Expected: no doubt for a second at a time, however many."""
    for second in range(1, 200):
        machine.wrong = timedelta(seconds=second)
        assert machine.after(1).total_seconds() == 2 * second


def test_a_second_jump_begins_a_doubt_of_its_own(machine: Machine) -> None:
    """Expected: believed once, doubted again."""
    machine.wrong = timedelta(days=1)
    machine.after(1)
    machine.after(DOUBT)
    machine.wrong = timedelta(days=2)
    assert machine.after(1) < timedelta(days=1, minutes=5)
