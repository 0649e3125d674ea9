"""Days as people write them: ``1-9-2027``, ``1 september 2027``, ``2027-09-01``, in four languages. Pure.

English has the day before the month, as in Europe. Only in ``en-US`` it is ``September 1, 2027`` and ``9/1/2027``.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_month_names

from mailer.letter.filters import locale_of

_NUMBER = re.compile(r"\b(\d{1,2}(?:er|\.)?) ")
_PARTS = re.compile(r"[\s./,-]+")


def parse_day(text: str, language: str, today: date) -> date | None:
    """Return the day in ``text``; without a year the next such day. None when it is not a day."""
    parts = [part for part in _PARTS.split(text.strip().lower()) if part and part != "de"]
    if len(parts) == 3 and len(parts[0]) == 4:
        parts.reverse()
    american = language == "en-US" and "/" in text and len(parts) in (2, 3) and len(parts[0]) <= 2
    if len(parts) in (2, 3) and (american or not parts[0][:1].isdecimal()):  # 9/1/2027, September 1, 2027
        parts[:2] = parts[1::-1]
    if len(parts) not in (2, 3) or not parts[0].rstrip("er").isdecimal():
        return None
    day, month = int(parts[0].rstrip("er")), _month(parts[1], language)
    if len(parts) == 3:
        return _day(parts[2], month, day)
    this_year = _day(str(today.year), month, day)
    return this_year if this_year is None or this_year > today else _day(str(today.year + 1), month, day)


def day_in_words(day: date, language: str) -> str:
    """Return a day in words: ``woensdag 1 september 2027``."""
    pattern = "EEEE d MMMM y" if locale_of(language) == "en_GB" else "full"
    return _bound(format_date(day, pattern, locale=locale_of(language)))


def short_day(day: date, language: str) -> str:
    """Return a day without its weekday: ``1 september 2027``."""
    return _bound(format_date(day, "long", locale=locale_of(language)))


def month_in_words(day: date, language: str) -> str:
    """Return a month in words: ``september 2027``."""
    return format_date(day, "MMMM y", locale=locale_of(language))


def start_of(day: date, zone: str) -> datetime:
    """Return the first instant of a day in a time zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def _bound(day: str) -> str:
    """Keep the number of the day and its month on one line."""
    return _NUMBER.sub("\\1\N{NO-BREAK SPACE}", day, count=1)


def _day(year: str, month: int, day: int) -> date | None:
    if not year.isdecimal() or len(year) not in (2, 4):
        return None
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    except ValueError:
        return None


def _month(text: str, language: str) -> int:
    """Return 1 to 12, by number or by (the beginning of) its name; else 0."""
    if text.isdecimal():
        return int(text) if len(text) <= 2 else 0
    wanted = _plain(text)
    found = [number for number, name in _months(language) if len(wanted) >= 3 and name.startswith(wanted)]
    return found[0] if len(set(found)) == 1 else 0


@lru_cache(maxsize=8)
def _months(language: str) -> tuple[tuple[int, str], ...]:
    tags = dict.fromkeys((locale_of(language), "en"))
    names = [*(get_month_names("wide", locale=tag) for tag in tags)]
    names += [get_month_names("abbreviated", locale=tag) for tag in tags]
    return tuple((number, _plain(name)) for some in names for number, name in some.items())


def _plain(text: str) -> str:
    """Return a text in lower case without accents."""
    split = unicodedata.normalize("NFD", text.lower())
    return "".join(sign for sign in split if not unicodedata.combining(sign)).rstrip(".")
