"""Messages in another language, as a door shows them."""

from __future__ import annotations

from mailer.messages import in_words
from templates.words import words


def in_language(text: str, language: str) -> str:
    """The message in a language of the command line; another text as it is."""
    return in_words(text, words(language, "cli").gettext)
