"""Numbers and days in a contact's cells, read in the letter's language; an ambiguous text is not read.

Numbers: ``1234.5``, ``1.234,50``, ``1,234.50``, ``1 234,5``, ``1'234.50``, ``€ 12,-``, ``-5``. The language decides on
a point or a comma alone before three digits (``1.234`` is 1234 in Dutch, and 1.234 in English). Any other can only mark
decimals (``12.50``). Days: ``2026-03-18``, ``18-03-2026`` (also with points or slashes; month first only where the
language writes it so, such as ``en-US``), ``18 maart 2026``.

Promises: nothing is guessed. ``12%``, ``1e3``, ``(5)``, a year of two digits, a month beyond 12 and a spreadsheet's
count of days give ``None``. They are printed unchanged; ``check`` reports them. Nothing here raises.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

_LONGEST = 80
_SIMPLE = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"([+-]?)([0-9][0-9.,' \u00a0\u2009\u202f\u2019]{0,60})")
_NO_CENTS = re.compile(r"([.,])(?:--?|[\u2013\u2014=])\Z")  # 12,- is 12
_GROUPS = {sign: re.compile(rf"[1-9][0-9]{{0,2}}(?:{re.escape(sign)}[0-9]{{3}})+") for sign in ".,' "}
_BLANKS = re.compile(r"[\u00a0\u2009\u202f]")
_ISO = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?:[T ].*)?", re.DOTALL)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})(?: .*)?", re.DOTALL)
_IN_WORDS = re.compile(
    r"(?:[^\W\d]+\.?,? )?([0-9]{1,2})(?:\.|er|st|nd|rd|th)?(?: (?:de|of))? ([^\W\d]+)\.?,?(?: de)? ([0-9]{4})"
)
_MONTH_FIRST = re.compile(r"(?:[^\W\d]+, )?([^\W\d]+)\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})")


def number_in(value: object, locale: str) -> Decimal | None:
    """Return a value as a number, or its text read as a number in a locale; else ``None``. Never NaN or infinite."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.strip()
    if _SIMPLE.fullmatch(text):
        return Decimal(text)
    match = _NUMBER.fullmatch(_without_currency(text.replace("\u2212", "-")))
    return _number(match[1], _BLANKS.sub(" ", match[2]).replace("\u2019", "'"), locale) if match else None


def _number(sign: str, digits: str, locale: str) -> Decimal | None:
    for mark in "' ":
        if mark in digits:
            whole = re.split(r"[.,]", digits)[0]
            if not _GROUPS[mark].fullmatch(whole):
                return None
            plain = digits.replace(mark, "")
            return _decimal(sign, plain.replace(",", ".")) if plain.count(",") + plain.count(".") < 2 else None
    point, comma = digits.rfind("."), digits.rfind(",")
    if point >= 0 and comma >= 0:
        last, other = (".", ",") if point > comma else (",", ".")
        whole, _, rest = digits.rpartition(last)
        grouped = _GROUPS[other].fullmatch(whole)
        return _decimal(sign, f"{whole.replace(other, '')}.{rest}") if grouped else None
    mark = "." if point >= 0 else ","
    grouped = _GROUPS[mark].fullmatch(digits)
    if grouped and (digits.count(mark) > 1 or decimal_mark(locale) != mark):
        return _decimal(sign, digits.replace(mark, ""))
    return _decimal(sign, digits.replace(mark, "."))


def _decimal(sign: str, digits: str) -> Decimal | None:
    return Decimal(sign + digits) if re.fullmatch(r"[0-9]{1,30}(?:\.[0-9]{1,30})?", digits) else None


def _without_currency(text: str) -> str:
    """Return ``€ 12,-`` as ``12,00``: without the sign of a currency, and with zeros for no cents."""
    sign = text[:1] if text[:1] in ("+", "-") else ""
    text = text[len(sign) :].lstrip()
    if text[:1] and unicodedata.category(text[0]) == "Sc":
        text = text[1:].lstrip()
    elif text[-1:] and unicodedata.category(text[-1]) == "Sc":
        text = text[:-1].rstrip()
    elif text[:3].upper() == "EUR":
        text = text[3:].lstrip()
    return sign + _NO_CENTS.sub(r"\g<1>00", text)


@lru_cache(maxsize=64)
def decimal_mark(locale: str) -> str:
    """Return the decimal sign of a locale: a point or a comma."""
    from babel.numbers import get_decimal_symbol

    return "," if get_decimal_symbol(locale) == "," else "."


def day_in(value: object, locale: str) -> date | None:
    """Return a value as a day, or its text read as a day in a locale; else ``None``."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = " ".join(value.split())
    if match := _ISO.fullmatch(text):
        return _day(match[1], match[3], match[4])
    if match := _YEAR_LAST.fullmatch(text):
        return _by_order(match[1], match[3], match[4], locale, hyphen=match[2] != "/")
    if match := _IN_WORDS.fullmatch(text):
        return _day(match[3], _months(locale).get(match[2].casefold(), "0"), match[1])
    if match := _MONTH_FIRST.fullmatch(text):
        return _day(match[3], _months(locale).get(match[1].casefold(), "0"), match[2])
    return None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _by_order(first: str, second: str, year: str, locale: str, *, hyphen: bool) -> date | None:
    """Return a day of numbers alone. In a locale with the month first, a date without slashes must be unambiguous."""
    if not month_first(locale):
        return _day(year, second, first)
    if not hyphen:
        return _day(year, first, second)
    return _day(year, second, first) if int(first) > 12 or first == second else None


@lru_cache(maxsize=64)
def month_first(locale: str) -> bool:
    """Return whether ``03/04/2026`` is a day in March: in a locale such as ``en-US``, but not in plain English."""
    from babel.dates import get_date_format

    return locale != "en" and get_date_format("short", locale).pattern.startswith("M")


@lru_cache(maxsize=16)
def _months(locale: str) -> Mapping[str, str]:
    from babel.dates import get_month_names

    found: dict[str, str] = {}
    for width in ("abbreviated", "wide"):
        for context in ("format", "stand-alone"):
            names = get_month_names(width, context, locale)
            found |= {str(name).rstrip(".").casefold(): str(number) for number, name in names.items()}
    return found
