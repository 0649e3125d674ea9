"""English of Europe, unless somebody asks for American: the day before the month, in letters and on pages."""

from __future__ import annotations

from datetime import date

import pytest
from starlette.requests import Request

from mailer.letter.compile.dates import day_in_words as day_of_letter
from templates.words import variant
from unsubscribe.web.dates import day_in_words, parse_day, short_day
from unsubscribe.web.pages import view_of

DAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("tag", "short", "long"),
    [
        ("en", "1 March 2026", "Sunday 1 March 2026"),
        ("en-GB", "1 March 2026", "Sunday 1 March 2026"),
        ("en-US", "March 1, 2026", "Sunday, March 1, 2026"),
    ],
)
def test_a_day_is_written_as_its_english_writes_it(tag: str, short: str, long: str) -> None:
    assert day_of_letter(DAY, tag) == short
    assert short_day(DAY, tag).replace("\N{NO-BREAK SPACE}", " ") == short
    assert day_in_words(DAY, tag).replace("\N{NO-BREAK SPACE}", " ") == long


@pytest.mark.parametrize(("tag", "day"), [("en", date(2026, 4, 3)), ("en-US", date(2026, 3, 4))])
def test_a_day_in_numbers_is_read_as_its_english_reads_it(tag: str, day: date) -> None:
    assert parse_day("3/4/2026", tag, date(2026, 1, 1)) == day
    assert parse_day("2026-03-04", tag, date(2026, 1, 1)) == date(2026, 3, 4)
    assert parse_day("March 4, 2026", tag, date(2026, 1, 1)) == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("tag", "kept"), [("en_US", "en-US"), ("EN-us", "en-US"), ("en-GB", "en-GB"), ("en-AU", "en"), ("nl-BE", "nl")]
)
def test_only_the_two_kinds_of_english_differ(tag: str, kept: str) -> None:
    assert variant(tag) == kept


def _asked(query: str = "", header: str = "") -> Request:
    headers = [(b"accept-language", header.encode())]
    return Request({"type": "http", "method": "GET", "query_string": query.encode(), "headers": headers})


def test_a_browser_that_asks_for_american_by_itself_gets_english_and_who_chose_it_gets_it() -> None:
    assert view_of(_asked(header="en-US,en;q=0.9"), "nl").language == "en"
    assert view_of(_asked("lang=en-US"), "nl").language == "en-US"
    assert view_of(_asked("lang=en-US"), "nl").keep == "?lang=en-US"
    assert view_of(_asked(), "nl", "en-US").language == "en-US"
