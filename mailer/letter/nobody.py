"""What stands for a contact's mail address where nobody in particular reads the letter."""

from __future__ import annotations

from templates.words import words


def your_address(language: str) -> str:
    """Words for a contact's mail address, in the letter's language; English if the house does not have it."""
    return words(language, "letter").gettext("your email address")
