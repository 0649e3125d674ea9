"""Numbers and days are read as the letter's language writes them, or not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.letter.evaluate import compile_expression
from mailer.letter.filters import as_date, as_number


@pytest.mark.parametrize(
    ("text", "dutch", "english"),
    [
        ("1.234", "1234", "1.234"),
        ("1,234", "1.234", "1234"),
        *[(text, "1234.50", "1234.50") for text in ("1.234,50", "1,234.50", "1 234,50", "1\u202f234,50", "1'234.50")],
        *[(text, "1234567", "1234567") for text in ("1.234.567", "1,234,567", "1 234 567", "1’234’567", "1234567")],
        *[(text, "12.5", "12.5") for text in ("12,5", "12.5", " 12,50 ", "€ 12,50", "12.50 €", "EUR 12,50")],
        *[(text, "12", "12") for text in ("€ 12,-", "12,--", "€12.–", "12,00")],
        ("€ 1.234,-", "1234", "1234"),
        *[(text, "-5", "-5") for text in ("-5", "−5", "-€ 5", "€ -5")],
        ("0.123", "0.123", "0.123"),
        ("1234.567", "1234.567", "1234.567"),
        ("1234567,891", "1234567.891", "1234567.891"),
    ],
)
def test_a_number_is_what_the_language_says_and_else_what_alone_it_can_be(text: str, dutch: str, english: str) -> None:
    assert as_number(text, "nl") == as_number(text, "de") == as_number(text, "fr") == Decimal(dutch)
    assert as_number(text, "en") == as_number(text, "de-CH") == Decimal(english)


@pytest.mark.parametrize(
    "text",
    ["12%", "(5)", "1e3", "5-", "12 34", "1 2345", "1.23.456", "1,23,456.7", "1.234,567.8", "1.", ".5", "١٢", "€"],
)
def test_what_is_not_sure_is_no_number(text: str) -> None:
    assert [as_number(text, language) for language in ("nl", "en", "fr", "de-CH")] == [None] * 4


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=2))
def test_a_number_that_was_written_in_a_language_is_read_again_in_it(number: Decimal) -> None:
    for language in ("nl", "en", "fr", "de", "de-CH", "sv", "pl", "nb", "it"):
        for places in ("", "(2)"):
            written = compile_expression(f"contact.v | number{places}", language)({"contact": {"v": str(number)}})
            assert as_number(written, language) == number


def test_conditions_compare_what_a_cell_says_in_the_letters_language() -> None:
    values: Any = {"contact": {"v": "1.234"}}
    assert compile_expression("contact.v > 1000", "nl")(values) is True
    assert compile_expression("contact.v > 1000", "en")(values) is False
    assert compile_expression("contact.v in [1234]", "nl")(values) is True


@pytest.mark.parametrize(
    ("text", "language", "day"),
    [
        *[
            (text, "nl", date(2026, 4, 3))
            for text in ("03/04/2026", "03-04-2026", "3.4.2026", "2026-04-03", "2026/4/3")
        ],
        *[("03/04/2026", language, date(2026, 4, 3)) for language in ("en", "en-GB", "de", "fr")],
        ("03/04/2026", "en-US", date(2026, 3, 4)),
        ("18-03-2026", "en-US", date(2026, 3, 18)),
        *[(text, "nl", date(2026, 3, 18)) for text in ("18 maart 2026", "wo 18 mrt. 2026", "woensdag 18 maart 2026")],
        *[(text, "en", date(2026, 3, 18)) for text in ("March 18, 2026", "18th of March 2026", "18 Mar 2026")],
        ("18. März 2026", "de", date(2026, 3, 18)),
        ("1er mars 2026", "fr", date(2026, 3, 1)),
        ("18-03-2026 09:00", "nl", date(2026, 3, 18)),
    ],
)
def test_a_day_is_read_as_the_language_writes_it(text: str, language: str, day: date) -> None:
    assert as_date(text, language) == day


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("03/18/2026", "nl"),
        ("18/03/2026", "en-US"),
        ("03-04-2026", "en-US"),
        ("18-03-26", "nl"),
        ("46099", "nl"),
        ("31-02-2026", "nl"),
        ("18 brumaire 2026", "nl"),
        ("maart 2026", "nl"),
        ("18-03/2026", "nl"),
    ],
)
def test_what_may_be_another_day_is_none(text: str, language: str) -> None:
    assert as_date(text, language) is None
