"""The clock of the house under any clock of the machine (E19)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailer.clock import DOUBT, SteadyClock

START = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
HOUR, DAY = 3600.0, 86_400.0
RIGHT = st.sampled_from([0.0, 1.0, -1.0])  # a leap second either way
WRONG = st.sampled_from([HOUR, -HOUR, DAY, -DAY, 31.5, -31.5, 100 * DAY])


@given(st.lists(st.tuples(st.floats(0.01, 25), RIGHT | WRONG), max_size=60))
def test_whatever_a_clock_says_for_less_than_a_minute_time_goes_on_evenly(steps: list[tuple[float, float]]) -> None:
    """Expected: within two seconds of the truth at every look, as long as no wrong spell lasts a minute."""
    ran, wrong, since = 0.0, 0.0, None
    clock = SteadyClock(lambda: START + timedelta(seconds=ran + wrong), lambda: 1000 + ran)
    clock()
    for seconds, says in steps:
        ran, wrong = ran + seconds, says
        if abs(says) > 1:
            since = ran if since is None else since
            if ran - since >= DOUBT:
                return
        else:
            since = None
        assert abs((clock() - START).total_seconds() - ran) <= 2
