"""Numbers, days, hours and zones in the language of a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.console.words import Words, accepted
from mailer.messages import Advice, Message

NL, EN = Words("nl", "Europe/Amsterdam"), Words("en", "Europe/Amsterdam")
SUMMER, WINTER = datetime(2024, 9, 18, 7, 0, tzinfo=UTC), datetime(2024, 12, 18, 8, 0, tzinfo=UTC)


def test_numbers_are_those_of_the_language() -> None:
    assert (NL.number(12431), EN.number(12431)) == ("12.431", "12,431")
    assert (NL.people(1), NL.people(12431), EN.people(12431)) == ("1 persoon", "12.431 mensen", "12,431 people")


def test_a_share_has_a_digit_behind_the_comma_only_where_it_is_small() -> None:
    assert (EN.percent(97, 100), EN.percent(3, 1000), EN.percent(0, 0)) == ("97 %", "0.3 %", "–")
    assert NL.percent(3, 1000) == "0,3 %"


def test_a_day_is_said_with_its_weekday() -> None:
    assert NL.day(SUMMER) == "woensdag 18\N{NO-BREAK SPACE}september 2024"
    assert EN.day(SUMMER) == "Wednesday 18\N{NO-BREAK SPACE}September 2024"


def test_an_hour_is_that_of_the_zone_of_the_campaign() -> None:
    assert (EN.hour(SUMMER), EN.hour(SUMMER, "UTC"), EN.hour(SUMMER + timedelta(seconds=5))) == (
        "09:00",
        "07:00",
        "09:00:05",
    )


@pytest.mark.parametrize(
    ("words", "moment", "zone", "said"),
    [
        (NL, SUMMER, "", "Nederlandse tijd (Amsterdam, zomertijd)"),
        (NL, WINTER, "", "Nederlandse tijd (Amsterdam, wintertijd)"),
        (EN, SUMMER, "", "Amsterdam time (summer time)"),
        (EN, WINTER, "America/Curacao", "Curaçao time (winter time)"),
        (EN, SUMMER, "UTC", "UTC"),
    ],
)
def test_a_zone_is_said_in_words_with_its_season(words: Words, moment: datetime, zone: str, said: str) -> None:
    assert words.zone_in_words(moment, zone) == said


def test_a_length_of_time_is_said_in_its_largest_unit() -> None:
    spans = [timedelta(seconds=1), timedelta(seconds=40), timedelta(minutes=5), timedelta(hours=1), timedelta(days=2)]
    assert [EN.span(span) for span in spans] == ["1 second", "40 seconds", "5 minutes", "1 hour", "2 days"]


def test_a_message_of_a_use_case_is_said_with_its_advice_as_a_page_of_the_console() -> None:
    said = NL.said(
        Message("{slug} was changed by somebody else at this moment; {look}", slug="x", look=Advice("status"))
    )
    assert "open de campagne opnieuw" in said


@pytest.mark.parametrize(
    ("header", "language"), [("nl-NL,nl;q=0.9,en;q=0.8", "nl"), ("de-DE,en;q=0.5", "en"), ("de", ""), ("", "")]
)
def test_the_first_language_of_the_browser_that_the_console_has_is_taken(header: str, language: str) -> None:
    assert accepted(header) == language
