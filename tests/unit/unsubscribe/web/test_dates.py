"""Days as people write them."""

from __future__ import annotations

from datetime import date

import pytest

from unsubscribe.web.dates import day_in_words, parse_day, short_day, start_of

TODAY = date(2024, 9, 18)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("1-3-2025", "nl"),
        ("01/03/2025", "nl"),
        ("1 maart 2025", "nl"),
        (" 1  Mrt 2025 ", "nl"),
        ("2025-03-01", "nl"),
        ("1. März 2025", "de"),
        ("1 marz 25", "de"),
        ("1er mars 2025", "fr"),
        ("1 March 2025", "en"),
        ("March 1, 2025", "en"),
        ("mrt 1", "nl"),
        ("1 maart", "nl"),
        ("1 3", "nl"),
    ],
)
def test_a_day_is_understood_as_people_write_it(text: str, language: str) -> None:
    assert parse_day(text, language, TODAY) == date(2025, 3, 1)


@pytest.mark.parametrize(
    "text", ["", "morgen", "31-2-2025", "1-13-2025", "1", "1 m 2025", "1-3-99999", "٣", "er-3-2025"]
)
def test_what_is_no_day_is_none(text: str) -> None:
    assert parse_day(text, "nl", TODAY) is None


def test_a_day_without_a_year_is_the_next_one() -> None:
    assert parse_day("1 oktober", "nl", TODAY) == date(2024, 10, 1)
    assert parse_day("18 september", "nl", TODAY) == date(2025, 9, 18)


def test_a_day_is_told_with_its_weekday() -> None:
    assert day_in_words(date(2025, 9, 1), "nl") == "maandag 1\N{NO-BREAK SPACE}september 2025"
    assert day_in_words(date(2025, 9, 1), "en") == "Monday 1\N{NO-BREAK SPACE}September 2025"


@pytest.mark.parametrize("language", ["nl", "en", "de", "fr"])
def test_a_day_as_we_write_it_is_understood(language: str) -> None:
    for month in range(1, 13):
        assert parse_day(short_day(date(2025, month, 1), language), language, TODAY) == date(2025, month, 1)


def test_english_has_the_day_before_the_month() -> None:
    assert short_day(date(2024, 9, 18), "en") == "18\N{NO-BREAK SPACE}September 2024"


def test_a_day_begins_at_midnight_of_its_zone() -> None:
    assert start_of(date(2025, 7, 1), "Europe/Amsterdam").isoformat() == "2025-07-01T00:00:00+02:00"
