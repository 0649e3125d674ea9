"""A day in the words of a language: ``18 september 2024``; as the filter ``date`` writes it."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date

from mailer.letter.filters import locale_of


def day_in_words(day: date, language: str) -> str:
    """Return ``day`` in full, in ``language`` (CLDR by Babel); in English if Babel does not know the language."""
    return format_date(day, "long", locale=locale_of(language))
