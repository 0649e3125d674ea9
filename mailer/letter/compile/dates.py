"""A day in the words of a language: ``18 september 2024``."""

from __future__ import annotations

from datetime import date


def day_in_words(day: date, language: str) -> str:
    """``day`` in full, in ``language`` (CLDR by Babel); in English if Babel does not know the language."""
    from babel import Locale, UnknownLocaleError
    from babel.dates import format_date

    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        locale = Locale("en", "GB")
    return format_date(day, "long", locale=locale)
