"""Faults of a campaign in the words of its staff: the part of the form, and what to do, without names of files."""

from __future__ import annotations

from campaigns.console.words import Words
from mailer.errors import FOUND, Fault
from mailer.messages import joined


def sentence(words: Words, fault: Fault, body_line: int = 0) -> str:
    """Return a fault as a sentence; ``body_line``: where the text begins in its file, to count lines in the text."""
    said = words.said(joined(". ", [FOUND.format(found=fault.found, expected=fault.expected), fault.hint]))
    place = field_name(words, fault.field)
    if not place and body_line and fault.line >= body_line:
        place = words.gettext("line {number} of the text").format(number=fault.line - body_line + 1)
    place = place or fault.field
    return f"{place[:1].upper()}{place[1:]}: {said}" if place else said[:1].upper() + said[1:]


def field_name(words: Words, key: str) -> str:
    """Return the name of a key of the head, as the form shows it; "" for a key that it does not show."""
    _ = words.gettext
    return {
        "name": _("name"),
        "subject": _("subject"),
        "preheader": _("preview text"),
        "from": _("sender"),
        "from_name": _("sender"),
        "from_address": _("sender"),
        "reply_to": _("address for answers"),
        "topic": _("topic"),
        "language": _("language"),
        "layout": _("layout"),
        "online": _("read online"),
        "brand": _("brand"),
        "text": _("text"),
    }.get(key, "")
