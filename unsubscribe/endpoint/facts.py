"""The values of an act or a proof of consent, on one line in the reader's language.

Promises: known names and values are shown as words, and days as people write them. A name without a word is shown as it
is. Values that only programs need (numbers of rows) are only in the JSON. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from unsubscribe.endpoint.words import N_
from unsubscribe.web.dates import short_day
from unsubscribe.web.pages import NAMES, View

FOR_PROGRAMS = frozenset({"statement", "topic", "scopes", "own", "masked", "new", "mailing", "hash", "page", "again"})
FIELDS = {
    "address": N_("Email address"),
    "email": N_("Email address"),
    "name": N_("Name"),
    "language": N_("Language"),
    "salutation": N_("Salutation"),
    "fields": N_("Other details"),
    "topics": N_("Topics"),
    "standings": N_("Topics"),
    "scope": N_("Topic"),
    "state": N_("State"),
    "since": N_("Since"),
    "until": N_("Until"),
    "days": N_("Days between two emails"),
    "confirmed": N_("Confirmed"),
    "agreed": N_("Agreed"),
    "moved": N_("Changed"),
    "how": N_("How"),
    "form": N_("Form"),
    "peer": N_("Network address"),
    "from": N_("Old address"),
    "to": N_("New address"),
    "basis": N_("Legal basis"),
    "source": N_("Source"),
    "text": N_("Text"),
    "version": N_("Version"),
    "given_on": N_("Given on"),
    "column": N_("Said by the column"),
}
VALUES = {
    "how": {
        "import": N_("import of a list"),
        "one-click": N_("the button in your email program"),
        "page": N_("the unsubscribe page"),
        "mail": N_("an email to the unsubscribe address"),
        "undo": N_("the undo button"),
        "change details": N_("the page “Change your details”"),
        "link in the letter": N_("the link in the email"),
        "staff": N_("our staff, at your request"),
        "journal": N_("restored after a fault"),
    },
    "state": {
        "subscribed": N_("you receive it"),
        "pending": N_("not confirmed yet"),
        "opted_out": N_("you do not receive it"),
    },
    "basis": {
        "consent": N_("your consent"),
        "customer": N_("you are a customer"),
        "member": N_("you are a member"),
        "public_task": N_("it is our public task"),
    },
    "language": NAMES,
}
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:.+Z-]+)?")


def in_words(view: View, value: Any, names: Mapping[str, str], key: str = "") -> str:
    """Return a value of any shape on one line, without empty parts; ``names`` are those of topics."""
    if isinstance(value, Mapping):
        found = {
            str(name): in_words(view, item, names, str(name))
            for name, item in value.items()
            if name not in FOR_PROGRAMS
        }
        return ", ".join(f"{_field(view, name, names)}: {text}" for name, text in found.items() if text)
    if isinstance(value, (list, tuple)):
        return " · ".join(filter(None, (in_words(view, item, names, key) for item in value)))
    if value in (None, "", False):
        return ""
    return _value(view, str(value), names, key) if value is not True else view.gettext("yes")


def _value(view: View, text: str, names: Mapping[str, str], key: str) -> str:
    if key == "scope":
        return names.get(text, text)
    if text in VALUES.get(key, {}):
        return view.gettext(VALUES[key][text])
    return short_day(date.fromisoformat(text[:10]), view.language) if _INSTANT.fullmatch(text) else text


def _field(view: View, name: str, names: Mapping[str, str]) -> str:
    if name in FIELDS:
        return view.gettext(FIELDS[name])
    return names.get(name) or name.replace("_", " ").capitalize()
