"""The filters, in the letter's language."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from mailer.letter.evaluate import compile_expression
from mailer.letter.filters import FILTERS, as_date, as_number, as_text, locale_of


def filtered(source: str, given: Any, language: str = "nl") -> Any:
    return compile_expression(f"contact.v | {source}", language)({"contact": {"v": given}})


@pytest.mark.parametrize(
    ("source", "given", "language", "expected"),
    [
        ("date", "2024-09-18", "nl", "18 september 2024"),
        ("date", "2024-09-18T09:00:00Z", "en", "18 September 2024"),
        ("date", "2024-09-18", "en-US", "September 18, 2024"),
        ("date", "2024-09-18", "en-GB", "18 September 2024"),
        ("date", "18-09-2024", "de", "18. September 2024"),
        ("date", "2024-09-18", "fr", "18 septembre 2024"),
        ("date('full')", "2024-09-18", "nl", "woensdag 18 september 2024"),
        ("date('short')", "2024-09-18", "nl", "18-09-2024"),
        ("date('EEEE d MMMM')", "2024-09-18", "nl", "woensdag 18 september"),
        ("date", date(2024, 9, 18), "nl-BE", "18 september 2024"),
        ("date", datetime(2024, 9, 18, 9, tzinfo=UTC), "xx", "18 September 2024"),
        ("date", "morgen", "nl", "morgen"),
        ("date", "2024-13-40", "nl", "2024-13-40"),
        ("number", "1234567.891", "nl", "1.234.567,891"),
        ("number", "1234567,891", "en", "1,234,567.891"),
        ("number(2)", "1234.5", "nl", "1.234,50"),
        ("number(0)", 1234, "nl", "1.234"),
        ("number(2)", "1.234", "nl", "1.234,00"),
        ("number(2)", "1.234", "en", "1.23"),
        ("number(2)", "€ 1.234,-", "nl", "1.234,00"),
        ("number(2)", "12%", "nl", "12%"),
        ("date", "03/04/2026", "nl", "3 april 2026"),
        ("date", "03/04/2026", "en-US", "March 4, 2026"),
        ("date", "46099", "nl", "46099"),
        ("number", "-0.5", "nl", "-0,5"),
        ("number", "veel", "nl", "veel"),
        ("number", "1e999999999", "nl", "1e999999999"),
        ("upper", "straße é", "de", "STRASSE É"),
        ("upper", "istanbul", "tr", "İSTANBUL"),
        ("lower", "ISTANBUL", "tr", "ıstanbul"),
        ("lower", "DEN HAAG", "nl", "den haag"),
        ("title", "ijsbrand VAN DEN BERG-ijssel", "nl", "IJsbrand Van Den Berg-IJssel"),
        ("title", "o'neill’s (jan)", "en", "O'neill’s (Jan)"),
        ("join", ["a", "b", "c"], "nl", "a, b en c"),
        ("join", ["a", "b"], "de", "a und b"),
        ("join(' / ')", ["a", "", None, "b"], "nl", "a / b"),
        ("join", "los", "nl", "los"),
        ("upper", ["a", "b"], "nl", "A EN B"),
    ],
)
def test_a_filter_speaks_the_letters_language(source: str, given: Any, language: str, expected: str) -> None:
    assert filtered(source, given, language) == expected


def test_filters_are_those_of_the_contract() -> None:
    assert list(FILTERS) == ["default", "date", "number", "upper", "lower", "title", "join"]


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "١٢", "Infinity", "NaN", "0x10", "1_000", "9" * 100])
def test_what_is_no_plain_number_is_none(text: str) -> None:
    assert as_number(text) is None


def test_numbers_may_have_a_point_or_a_comma() -> None:
    assert as_number(" 12,50 ") == as_number("12.5") == Decimal("12.5")
    assert as_number(True) is None


@pytest.mark.parametrize("text", ["", "0000-00-00", "2024-02-30", "99999-01-01", "18/09/24", "2024-09-18x", "1" * 200])
def test_what_is_no_day_is_none(text: str) -> None:
    assert as_date(text) is None


def test_none_is_never_printed() -> None:
    assert as_text(None, "nl") == ""
    assert as_text([None, "a"], "nl") == "a"
    assert as_text(3, "nl") == "3"


@pytest.mark.parametrize(
    ("tag", "locale"),
    [("nl", "nl"), ("nl-BE", "nl_BE"), ("en_GB", "en_GB"), ("en", "en_GB"), ("en-US", "en_US"), ("xx-YY", "en_GB")],
)
def test_an_unknown_language_falls_back(tag: str, locale: str) -> None:
    assert locale_of(tag) == locale
