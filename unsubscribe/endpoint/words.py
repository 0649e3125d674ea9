"""Sentences and small choices that several pages share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from unsubscribe.web.dates import short_day
from unsubscribe.web.pages import View


def N_(message: str) -> str:  # noqa: N802 - gettext's name for a text that is translated later
    """Mark a text for the catalogue."""
    return message


OFTEN = {"always": 0, "week": 7, "month": 30}
MONTHS = {"1": 1, "3": 3, "6": 6}


@dataclass(frozen=True, slots=True)
class Shown:
    """A topic as a form shows it."""

    slug: str
    name: str
    about: str
    value: str = ""


REASONS = {
    "too_many": N_("I receive too many emails"),
    "not_relevant": N_("The emails are not about what interests me"),
    "never_asked": N_("I never asked for this"),
    "changed_job": N_("I have a different job or address now"),
    "other": N_("Something else"),
}


def often_in_words(view: View, days: int, name: str) -> str:
    """Return the sentence that confirms *less often*."""
    _ = view.gettext
    texts = {
        0: _("You will receive every email from %(name)s."),
        7: _("You will receive at most one email a week from %(name)s."),
        30: _("You will receive at most one email a month from %(name)s."),
    }
    return texts[days] % {"name": name}


def day_fault(view: View, day: date | None, today: date) -> str:
    """Return the fault of the end of a pause; empty when there is none."""
    _ = view.gettext
    if day is None:
        example = short_day(later(today, 2), view.language)
        return _("Enter a date, for example %(example)s") % {"example": example}
    if not today < day <= today + timedelta(days=365):
        return _("Choose a date after today and within a year")
    return ""


def later(day: date, months: int) -> date:
    """Return the same day some months on; the last of the month where that day does not exist."""
    year, month = divmod(day.month - 1 + months, 12)
    last = (date(day.year + year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(day.year + year, month + 1, min(day.day, last))


def stays(view: View) -> tuple[str, ...]:
    """Return the text for used-up forms of the day: the same for all stored values."""
    _ = view.gettext
    return (
        _("You will receive no more emails than you have now chosen. If you had chosen fewer before, that stays."),
        _("You changed many things today, so we send you no email about this one."),
    )
