"""The timeline of a report: few rows, whatever the campaign took; spans begin at whole hours and days of its zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from campaigns.lifecycle.statistics import MOST_ROWS, timeline

START = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
AMSTERDAM = "Europe/Amsterdam"


def minutes(*numbers: int) -> list[tuple[datetime, int]]:
    return [(START + timedelta(minutes=number), 10) for number in numbers]


def test_a_short_campaign_is_shown_by_the_minute() -> None:
    step, spans = timeline(minutes(0, 1, 3), AMSTERDAM)
    assert step == timedelta(minutes=1)
    assert [(f"{span.start:%H:%M}", span.people) for span in spans] == [("09:00", 10), ("09:01", 10), ("09:03", 10)]


def test_a_late_retry_does_not_make_the_others_one_bar() -> None:
    step, spans = timeline(minutes(0, 1, 2, 600), AMSTERDAM)
    assert step == timedelta(minutes=1)
    assert len(spans) == 4


def test_days_begin_at_midnight_of_the_zone_also_where_the_clock_changes() -> None:
    hours = [(datetime(2024, 10, 20, tzinfo=UTC) + timedelta(hours=number), 1) for number in range(24 * 20)]
    step, spans = timeline(hours, AMSTERDAM)
    assert step == timedelta(days=1)
    assert {f"{span.start:%H:%M}" for span in spans} == {"00:00"}
    assert {span.people for span in spans[1:-1]} == {24, 25}


def test_nothing_gives_no_rows() -> None:
    assert timeline([], AMSTERDAM)[1] == []


@given(
    st.lists(st.tuples(st.integers(0, 1_000_000), st.integers(1, 9)), max_size=300),
    st.sampled_from(["UTC", AMSTERDAM, "Asia/Kolkata", ""]),
)
def test_nobody_is_lost_and_there_are_never_many_rows(numbers: list[tuple[int, int]], zone: str) -> None:
    accepted = [(START + timedelta(minutes=at), people) for at, people in numbers]
    _step, spans = timeline(accepted, zone)
    assert sum(span.people for span in spans) == sum(people for _at, people in accepted)
    assert len(spans) <= MOST_ROWS
    assert [span.start for span in spans] == sorted(span.start for span in spans)
