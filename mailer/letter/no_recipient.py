"""Words that replace a contact's mail address in the public version of a letter, which has no contact."""

from __future__ import annotations

from templates.words import words


def your_address(language: str) -> str:
    """Return words for a contact's mail address, in the letter's language; in English without a translation."""
    return words(language, "letter").gettext("your email address")
