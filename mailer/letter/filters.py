"""The filters of contact tags: ``default date number upper lower title join``, in the letter's language (Babel).

Promises: a filter takes a value and gives a value. A missing value (``None``) stays missing, except with ``default``.
Nothing here raises, whatever a contact's cell holds: a cell that is no date or number is printed unchanged. ``check``
checks the author's arguments before launch, and gives a sentence or "". Amounts of work are bounded: no filter makes
more than a constant times its input.

Dates and numbers are read as the letter's language writes them (:mod:`mailer.letter.cell_values`), and written in it.
Babel is imported when a filter that needs it is first used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from mailer.letter import addresses
from mailer.letter.cell_values import day_in, number_in
from mailer.messages import Message
from templates.words import primary

Apply = Callable[[object], object]
_EUROPEAN = "en_GB"
_STYLES = ("short", "medium", "long", "full")
_SAMPLE = date(2024, 9, 18)
_PATTERN = re.compile(r"(?:[GyYuQqMLwWdDFEec]+|[^A-Za-z']+|'[^']*')+")  # Babel's letters for days, not for times
_WORD_START = re.compile(r"([-\s({\[<]+)")


@dataclass(frozen=True, slots=True)
class FilterRule:
    """A filter: ``check(arguments)`` gives a fault's text, or ""; ``make(language, arguments)`` gives the function."""

    check: Callable[[tuple[Any, ...]], str]
    make: Callable[[str, tuple[Any, ...]], Apply]


def as_number(value: object, language: str = "") -> Decimal | None:
    """Return a value as a number, or its text read as a number in a language; else ``None``."""
    return number_in(value, _locale(language))


def as_date(value: object, language: str = "") -> date | None:
    """Return a value as a day, or its text read as a day in a language; else ``None``."""
    return day_in(value, _locale(language))


def as_text(value: object, language: str) -> str:
    """Return a value as it is printed: a list as ``a, b en c``, a missing value as ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return str(_join(language, ())(value))
    return str(value)


def locale_of(language: str) -> str:
    """Return Babel's name for a language tag, for its main language if the tag is unknown, else for English.

    English without a country is European English (``1 March 2026``); ``en-US`` must be asked for.
    """
    from babel import Locale, UnknownLocaleError

    for tag in (language.replace("_", "-"), primary(language)):
        try:
            found = str(Locale.parse(tag, sep="-"))
        except (UnknownLocaleError, ValueError):
            continue
        return _EUROPEAN if found == "en" else found
    return _EUROPEAN


_locale = lru_cache(maxsize=64)(locale_of)


def _date(language: str, arguments: tuple[Any, ...]) -> Apply:
    from babel.dates import format_date

    locale, style = locale_of(language), arguments[0] if arguments else "long"

    def apply(value: object) -> object:
        day = as_date(value, language)
        return value if day is None else format_date(day, style, locale)

    return apply


def _check_date(arguments: tuple[Any, ...]) -> str:
    expected = Message('nothing, or one of {names}, or a pattern such as "d MMMM"', names=", ".join(_STYLES))
    if not arguments:
        return ""
    if len(arguments) > 1 or not isinstance(arguments[0], str):
        return expected
    if arguments[0] in _STYLES:
        return ""
    if len(arguments[0]) > 40 or not _PATTERN.fullmatch(arguments[0]):
        return expected
    from babel.dates import format_date

    try:
        format_date(_SAMPLE, arguments[0], "en")
    except (ValueError, KeyError, AttributeError):
        return expected
    return ""


def _number(language: str, arguments: tuple[Any, ...]) -> Apply:
    from babel.numbers import format_decimal

    locale = locale_of(language)
    places = arguments[0] if arguments else None
    pattern = None if places is None else "#,##0." + "0" * places if places else "#,##0"

    def apply(value: object) -> object:
        number = as_number(value, language)
        if number is None:
            return value
        return format_decimal(number, pattern, locale, decimal_quantization=places is not None)

    return apply


def _check_number(arguments: tuple[Any, ...]) -> str:
    good = not arguments or (len(arguments) == 1 and type(arguments[0]) is int and 0 <= arguments[0] <= 10)
    return "" if good else Message("nothing, or how many decimals (0 to 10)")


def _upper(language: str, _arguments: tuple[Any, ...]) -> Apply:
    turkic = primary(language) in ("tr", "az")

    def apply(value: object) -> object:
        text = as_text(value, language)
        return (text.replace("i", "İ") if turkic else text).upper()

    return apply


def _lower(language: str, _arguments: tuple[Any, ...]) -> Apply:
    turkic = primary(language) in ("tr", "az")

    def apply(value: object) -> object:
        text = as_text(value, language)
        return (text.replace("I", "ı").replace("İ", "i") if turkic else text).lower()

    return apply


def _title(language: str, _arguments: tuple[Any, ...]) -> Apply:
    upper, lower = _upper(language, ()), _lower(language, ())
    dutch = primary(language) == "nl"

    def word(text: str) -> str:
        head = 2 if dutch and text[:2].lower() == "ij" else 1
        return str(upper(text[:head])) + str(lower(text[head:]))

    return lambda value: "".join(word(part) for part in _WORD_START.split(as_text(value, language)))


def _join(language: str, arguments: tuple[Any, ...]) -> Apply:
    def apply(value: object) -> object:
        if not isinstance(value, (list, tuple)):
            return value
        items = [str(item) for item in value if item is not None and str(item).strip()]
        if arguments:
            return str(arguments[0]).join(items)
        from babel.lists import format_list

        return format_list(items, "standard", locale_of(language)) if items else ""

    return apply


def _check_join(arguments: tuple[Any, ...]) -> str:
    good = not arguments or (len(arguments) == 1 and isinstance(arguments[0], str) and len(arguments[0]) <= 100)
    return "" if good else Message("nothing, or the text between the items")


def _check_default(arguments: tuple[Any, ...]) -> str:
    if len(arguments) == 1 or (len(arguments) == 2 and isinstance(arguments[1], bool)):
        return "" if not isinstance(arguments[0], bool) else Message('a text: default("reader")')
    return Message('the text to print instead: default("reader")')


def _none(arguments: tuple[Any, ...]) -> str:
    return Message("nothing between brackets") if arguments else ""


def _default(_language: str, arguments: tuple[Any, ...]) -> Apply:
    return lambda value: arguments[0] if value is None else value


def _led_to(read: Callable[[str], str]) -> FilterRule:
    """Return a filter that turns a value into an address, or into ``None`` when it is none."""

    def make(language: str, _arguments: tuple[Any, ...]) -> Apply:
        return lambda value: read(as_text(value, language)) or None

    return FilterRule(_none, make)


INTERNAL: Mapping[str, FilterRule] = {
    "_web": _led_to(addresses.of_value),
    "_mail": _led_to(addresses.mailbox),
    "_phone": _led_to(addresses.phone),
}
"""Filters that compile puts into an address (:mod:`mailer.letter.compile.targets`); an author cannot write these."""

FILTERS: Mapping[str, FilterRule] = {
    "default": FilterRule(_check_default, _default),
    "date": FilterRule(_check_date, _date),
    "number": FilterRule(_check_number, _number),
    "upper": FilterRule(_none, _upper),
    "lower": FilterRule(_none, _lower),
    "title": FilterRule(_none, _title),
    "join": FilterRule(_check_join, _join),
}
