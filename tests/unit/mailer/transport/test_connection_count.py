"""How many connections there may be, when the next is tried, and what of it is news; time is a number."""

from __future__ import annotations

import pytest

from mailer.transport.connection_count import FIRST_DELAY, GROW, LONGEST_DELAY, Backoff, ConnectionCount, RelayReports


def test_as_many_are_begun_at_once_as_were_ever_open_and_one_after_trouble() -> None:
    count = ConnectionCount(20, 0.0)
    begun = [count.at_once]
    for number in (1, 2, 4, 3):
        count.opened(number)
        begun.append(count.at_once)
    count.begin_again()
    assert [*begun, count.at_once] == [1, 1, 2, 4, 4, 1]


def test_after_a_slow_down_one_more_is_allowed_at_each_interval_up_to_the_size() -> None:
    count = ConnectionCount(5, 0.0)
    count.slow_down(3, 100.0)
    times = (100.0 + GROW, 101.0 + GROW, 102.0 + GROW, 102.0 + 2 * GROW, 103.0 + 3 * GROW)
    assert [(count.grows(now), count.allowed) for now in times] == [
        *((False, 3), (True, 4), (False, 4), (True, 5)),
        (False, 5),
    ]


def test_a_slow_down_without_any_connection_leaves_one_to_try_with() -> None:
    count = ConnectionCount(5, 0.0)
    count.slow_down(0, 0.0)
    assert count.allowed == 1


def test_the_delay_doubles_up_to_a_minute_with_a_fifth_of_jitter() -> None:
    backoff, now = Backoff(), 0.0
    for failure in range(40):
        backoff.failed(now)
        usual = min(LONGEST_DELAY, FIRST_DELAY * 2**failure)
        assert 0.8 * usual <= backoff.not_before - now <= 1.2 * usual
        now = backoff.not_before


def test_failures_while_the_next_attempt_is_waited_for_count_as_one() -> None:
    backoff = Backoff()
    backoff.failed(0.0)
    first = backoff.not_before
    backoff.failed(first / 2)
    assert (backoff.failures, backoff.not_before) == (1, first)


def test_after_a_success_the_first_delay_is_the_shortest_again() -> None:
    backoff = Backoff()
    for now in (0.0, 100.0, 200.0):
        backoff.failed(now)
    backoff.succeeded()
    assert (backoff.failures, backoff.not_before) == (0, 0.0)
    backoff.failed(300.0)
    assert backoff.not_before <= 300.0 + 1.2 * FIRST_DELAY


@pytest.mark.parametrize(
    ("known", "silent", "failing", "news"),
    [
        (False, False, False, True),
        (False, True, True, True),
        (True, False, False, False),
        (True, True, False, True),
        (True, True, True, False),
        (True, False, True, False),
    ],
)
def test_an_open_connection_is_news_once_and_after_a_silence_that_no_failure_followed(
    known: bool, silent: bool, failing: bool, news: bool
) -> None:
    reports = RelayReports(known, silent)
    assert reports.opened(failing=failing) is news
    assert reports.silent is (silent and not news)
    assert reports.opened(failing=False) is (silent and not news)
