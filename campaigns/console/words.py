"""Words of the console: its languages, numbers, days and hours, and messages of the use cases in the reader's language.

Promises: numbers and dates are those of the language (``12.431``, ``woensdag 18 september 2024``); an hour always comes
with its zone in words somewhere on the page, never that of the browser. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_location
from babel.numbers import format_decimal, format_percent

from campaigns.lifecycle.report import STATES
from mailer.letter.filters import locale_of
from mailer.messages import in_words
from templates.words import LANGUAGES, primary, words

NAMES = {"nl": "Nederlands", "en": "English"}
_DAY = re.compile(r"(\d{1,2}) ")


@dataclass(frozen=True)
class Words:
    """The words of one language, ``nl`` or ``en``; ``zone``: that in which lists show hours."""

    language: str
    zone: str

    def gettext(self, text: str) -> str:
        """Return a text of a page in this language."""
        return words(self.language, "console").gettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Return the form of a text for a number."""
        return words(self.language, "console").ngettext(one, many, number)

    def said(self, text: str) -> str:
        """Return a message of a use case in this language; its advice as a button or page of the console."""
        return in_words(text, self._lower, self._advice)

    def number(self, value: float) -> str:
        """Return a number as people write it: ``12.431``."""
        return format_decimal(value, locale=self._locale)

    def percent(self, part: float, whole: float) -> str:
        """Return a share with one digit below ten: ``97 %``, ``0,3 %``; "–" of nothing."""
        if not whole:
            return "–"
        share = part / whole
        return format_percent(share, "#,##0.# %" if share < 0.1 else "#,##0 %", locale=self._locale)

    def people(self, number: int) -> str:
        """Return a number of people: ``1 person``, ``12,431 people``."""
        return self.ngettext("{number} person", "{number} people", number).format(number=self.number(number))

    def day(self, moment: datetime, zone: str = "") -> str:
        """Return a day in words: ``woensdag 18 september 2024``."""
        local = moment.astimezone(ZoneInfo(zone or self.zone))
        pattern = "EEEE d MMMM y"
        return _bound(format_date(local, pattern, locale=self._locale))

    def long_day(self, day: date) -> str:
        """Return a day without its weekday: ``30 maart 2025``."""
        return _bound(format_date(day, "d MMMM y", locale=self._locale))

    def short_day(self, moment: datetime, zone: str = "") -> str:
        """Return a day in short: ``wo 18 sep 2024``."""
        local = moment.astimezone(ZoneInfo(zone or self.zone))
        return _bound(format_date(local, "E d MMM y", locale=self._locale))

    def hour(self, moment: datetime, zone: str = "") -> str:
        """Return an hour: ``09:00``; with seconds where there are some."""
        local = moment.astimezone(ZoneInfo(zone or self.zone))
        return format_time(local, "HH:mm:ss" if local.second else "HH:mm", locale=self._locale)

    def button_moment(self, moment: datetime, zone: str = "") -> str:
        """Return day and hour as the button of a plan says it: ``wo 18 september, 09:00``."""
        local = moment.astimezone(ZoneInfo(zone or self.zone))
        day = _bound(format_date(local, "E d MMMM", locale=self._locale))
        return f"{day}, {self.hour(moment, zone)}"

    def moment(self, moment: datetime, zone: str = "") -> str:
        """Return day and hour in short, for lists: ``wo 18 sep 2024, 09:00``."""
        return f"{self.short_day(moment, zone)}, {self.hour(moment.replace(second=0), zone)}"

    def zone_in_words(self, moment: datetime, zone: str = "") -> str:
        """Return a zone in words, with the season at that moment: ``Amsterdam time (summer time)``."""
        _ = self.gettext
        name = zone or self.zone
        summer = bool(ZoneInfo(name).dst(moment.astimezone(ZoneInfo(name)).replace(tzinfo=None)))
        season = _("summer time") if summer else _("winter time")
        if name == "UTC":
            return "UTC"
        if name == "Europe/Amsterdam":
            return _("Amsterdam time ({season})").format(season=season)
        place = get_timezone_location(ZoneInfo(name), locale=self._locale, return_city=True)
        return _("{place} time ({season})").format(place=place, season=season)

    def span(self, span: timedelta) -> str:
        """Return a length of time in words: ``5 minutes``, ``40 seconds``."""
        seconds = max(0, round(span.total_seconds()))
        size = next((size for size in (86_400, 3_600, 60) if seconds >= size), 1)
        count = round(seconds / size)
        form = {
            86_400: self.ngettext("{number} day", "{number} days", count),
            3_600: self.ngettext("{number} hour", "{number} hours", count),
            60: self.ngettext("{number} minute", "{number} minutes", count),
            1: self.ngettext("{number} second", "{number} seconds", count),
        }
        return form[size].format(number=self.number(count))

    def state(self, state: str) -> str:
        """Return the state of a campaign, as everywhere."""
        return self.said(STATES[state])

    @cached_property
    def _locale(self) -> str:
        return locale_of(self.language)

    @property
    def _lower(self) -> Callable[[str], str]:
        return words(self.language, "cli").gettext

    @cached_property
    def _advice(self) -> Mapping[str, str]:
        """The next step that a message names, as a button or a page."""
        _ = self.gettext
        return {
            "import": _("Add it under Topics."),
            "import_topic": _("Add it under Topics"),
            "plan_again": _("plan it again"),
            "resume": _("*Carry on* sends the rest"),
            "send_now": _("To send it now, choose *Send now*."),
            "send_or_plan": _("Choose *Carry on*, or plan it again"),
            "serving": _("as long as Postiljon runs"),
            "start_sender": _("ask your administrator to start Postiljon"),
            "status": _("open the campaign again to see it as it is now"),
            "take": _("change it there"),
        }


def accepted(header: str) -> str:
    """Return the first language of the console in an Accept-Language header, or ""."""
    for item in header[:500].split(","):
        found = primary(item.partition(";")[0])
        if found in LANGUAGES["console"]:
            return found
    return ""


def _bound(day: str) -> str:
    """Keep the number of a day and its month on one line."""
    return _DAY.sub("\\1\N{NO-BREAK SPACE}", day, count=1)
