"""The speed of a campaign, and the words about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.console import follow_words
from campaigns.console.progress import Observations, Progress
from campaigns.console.when import quick_choices
from campaigns.console.words import Words
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState
from mailer.outbox import Counts
from mailer.outcome import WORDS

NOW = datetime(2024, 9, 18, 7, tzinfo=UTC)
EN = Words("en", "Europe/Amsterdam")


def campaign(**more: object) -> Campaign:
    empty = dict.fromkeys(Campaign.__slots__, "")
    return Campaign(**empty | {"id": 1, "state": CampaignState.SENDING, "send_at": None} | more)  # type: ignore[arg-type]


def progress(state: str = "sending", speed: float | None = None, **counts: int) -> Progress:
    return Progress(campaign(), state, "", NOW, Counts(**counts), speed=speed)


def test_the_speed_is_that_of_what_was_seen() -> None:
    seen = Observations()
    assert seen.note(1, 0, NOW) is None
    assert seen.note(1, 10, NOW + timedelta(seconds=1)) is None
    assert seen.note(1, 100, NOW + timedelta(seconds=10)) == 10.0
    assert seen.note(2, 0, NOW + timedelta(seconds=10)) is None


def test_the_speed_is_that_of_the_last_minute() -> None:
    seen = Observations()
    for second in range(0, 200, 5):
        found = seen.note(1, second * 2 if second < 100 else 200, NOW + timedelta(seconds=second))
    assert found == 0.0


def test_a_pause_is_no_slow_sending() -> None:
    seen = Observations()
    seen.note(1, 0, NOW)
    seen.forget(1)
    assert seen.note(1, 10, NOW + timedelta(seconds=60)) is None


def test_a_clock_that_was_put_back_gives_no_speed() -> None:
    seen = Observations()
    seen.note(1, 100, NOW)
    assert seen.note(1, 110, NOW - timedelta(hours=1)) is None


def test_the_time_left_follows_from_the_speed() -> None:
    assert progress(speed=2.0, recipients=100, waiting=60, accepted=40).left == timedelta(seconds=30)
    assert progress(speed=0.0, recipients=100, waiting=60).left is None
    assert progress(state="paused", speed=2.0, recipients=100, waiting=60).left is None


@pytest.mark.parametrize(("speed", "shown"), [(0.5, 30), (20.66, 1200), (123.4, 7400)])
def test_a_speed_is_shown_with_the_digits_that_matter(speed: float, shown: int) -> None:
    assert progress(speed=speed, recipients=1).a_minute == shown


def test_a_screen_reader_is_told_of_quarters_alone() -> None:
    said = [follow_words.heard(EN, progress(recipients=100, waiting=100 - at, accepted=at)) for at in range(101)]
    assert len(set(said)) == 5
    assert said[25] == "A quarter has been sent."


def test_states_without_people_are_left_out_but_for_the_first() -> None:
    rows = follow_words.rows(EN, progress(recipients=3, waiting=2, refused=1))
    assert [(row.state, row.number) for row in rows] == [("waiting", 2), ("accepted", 0), ("refused", 1)]


def test_every_state_has_a_meaning_in_words() -> None:
    counts = dict.fromkeys(follow_words.STATES, 1)
    rows = follow_words.rows(EN, progress(recipients=9, **counts))
    assert [row.state for row in rows] == list(follow_words.STATES)
    assert all(row.meaning and row.title for row in rows)
    assert len(WORDS) > 20


def test_the_quick_choices_are_tomorrow_and_the_next_working_day() -> None:
    friday = datetime(2024, 9, 20, 12, tzinfo=UTC)
    saturday, monday = datetime(2024, 9, 21, 7, tzinfo=UTC), datetime(2024, 9, 23, 7, tzinfo=UTC)
    assert quick_choices(friday, "Europe/Amsterdam") == [("tomorrow", saturday), ("working_day", monday)]
    assert quick_choices(NOW, "Europe/Amsterdam") == [("tomorrow", datetime(2024, 9, 19, 7, tzinfo=UTC))]
