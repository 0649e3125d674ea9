"""Hours that people write: one instant, or a sentence that says what to choose."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.source.local_time import ClockChangeError, day, instant, local_text, zone

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-09-18 09:00", datetime(2024, 9, 18, 7, 0, tzinfo=UTC)),
        ("2024-09-18T09:00:30", datetime(2024, 9, 18, 7, 0, 30, tzinfo=UTC)),
        ("2024-9-8 9:05", datetime(2024, 9, 8, 7, 5, tzinfo=UTC)),
        ("2024-01-18 09:00", datetime(2024, 1, 18, 8, 0, tzinfo=UTC)),
        ("2024-09-18 07:00Z", datetime(2024, 9, 18, 7, 0, tzinfo=UTC)),
        ("2024-09-18 09:00+02:00", datetime(2024, 9, 18, 7, 0, tzinfo=UTC)),
        ("2025-03-30 01:59:59", datetime(2025, 3, 30, 0, 59, 59, tzinfo=UTC)),
        ("2025-03-30 03:00", datetime(2025, 3, 30, 1, 0, tzinfo=UTC)),
        ("2025-10-26 02:30+02:00", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("2025-10-26 02:30 summer time", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("2025-10-26 02:30 (zomertijd)", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("2025-10-26 02:30 second", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
        ("2025-10-26 02:30+01:00", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
        ("2025-10-26 03:00", datetime(2025, 10, 26, 2, 0, tzinfo=UTC)),
    ],
)
def test_a_local_time_is_one_instant(text: str, utc: datetime) -> None:
    assert instant(text, AMSTERDAM) == utc


@pytest.mark.parametrize("text", ["2025-03-30 02:00", "2025-03-30 02:30", "2025-03-30 02:59:59"])
def test_an_hour_that_the_clock_leaps_over_is_refused_with_the_hours_around_it(text: str) -> None:
    with pytest.raises(ClockChangeError, match=r"does not exist .* choose a time before 02:00, or 03:00 or later"):
        instant(text, AMSTERDAM)


@pytest.mark.parametrize("text", ["2025-10-26 02:00", "2025-10-26 02:30", "2025-10-26 02:59:59"])
def test_an_hour_that_happens_twice_is_refused_with_both_ways_to_write_it(text: str) -> None:
    with pytest.raises(ClockChangeError, match=r"happens twice .*\+02:00 for the first .*\+01:00 for the second"):
        instant(text, AMSTERDAM)


def test_a_clock_that_leaps_by_half_an_hour_is_described_as_it_is() -> None:
    with pytest.raises(ClockChangeError, match=r"before 02:00, or 02:30 or later"):
        instant("2025-10-05 02:15", ZoneInfo("Australia/Lord_Howe"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("09:00", "a day and an hour"),
        ("tomorrow 09:00", "a day and an hour"),
        ("2025-02-30 09:00", "a day that exists"),
        ("2025-02-20 25:00", "an hour between"),
        ("2025-07-01 09:00+01:00", r"an offset that Europe/Amsterdam has at that time: 2025-07-01 10:00\+02:00"),
        ("2025-07-01 09:00 sometime", "a day and an hour"),
    ],
)
def test_what_is_no_time_is_refused_with_what_is_expected(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        instant(text, AMSTERDAM)


@given(
    st.integers(631_152_000, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from(["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_every_instant_can_be_written_as_it_is_shown_and_comes_back(moment: datetime, name: str) -> None:
    moment = moment.replace(microsecond=0)
    shown = local_text(moment, name).removesuffix(f" {name}")
    assert instant(shown, ZoneInfo(name)) == moment


def test_a_day_is_year_month_day() -> None:
    assert day("2024-09-18") == date(2024, 9, 18)
    with pytest.raises(ValueError, match="2024-09-18"):
        day("18-09-2024")


def test_a_zone_is_a_place() -> None:
    assert zone("Europe/Amsterdam") == AMSTERDAM
    for name in ("CEST", "europe/amsterdam", "../etc/passwd", "+02:00"):
        with pytest.raises(ValueError, match="Europe/Amsterdam"):
            zone(name)
