"""Texts in all supported languages: gettext catalogues, one domain for each kind of text.

Domains: ``letter`` (texts in a mail around the author's words, and service letters), ``pages``
(pages for readers), ``console`` (pages for staff), ``cli`` (the command
line, and messages of the use cases). Message ids are the English sentences.
Catalogues are ``translations/LANGUAGE/LC_MESSAGES/DOMAIN.po`` with a ``.mo`` beside each, made by ``make words``.
A test fails on a text that is missing, empty or fuzzy, and on a ``.mo`` that does not match its ``.po``.

An unsupported language falls back to English; nothing here raises.
"""

from __future__ import annotations

import gettext
from functools import lru_cache
from importlib import resources
from typing import Literal

Domain = Literal["letter", "pages", "console", "cli"]
LANGUAGES: dict[Domain, tuple[str, ...]] = {
    "letter": ("en", "nl", "de", "fr"),
    "pages": ("en", "nl", "de", "fr"),
    "console": ("en", "nl"),
    "cli": ("en", "nl"),
}
RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})


def primary(tag: str) -> str:
    """Return the language of a tag in lower case: ``nl-BE`` and ``nl_BE.UTF-8`` give ``nl`` (RFC 5646 section 2.1)."""
    return tag.replace("_", "-").split("-")[0].split(".")[0].strip().lower()


def variant(tag: str) -> str:
    """Return the tag for dates and numbers: ``en-US`` and ``en-GB`` stay, any other becomes its language."""
    parts = tag.replace("_", "-").split(".")[0].strip().split("-")
    regional = f"{primary(tag)}-{parts[1].upper()}" if len(parts) > 1 else ""
    return regional if regional in ("en-US", "en-GB") else primary(tag)


def direction(tag: str) -> Literal["ltr", "rtl"]:
    """Return the writing direction of a language tag, for ``dir``."""
    return "rtl" if primary(tag) in RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=64)
def words(language: str, domain: Domain) -> gettext.NullTranslations:
    """Return the catalogue of ``domain`` in ``language`` (``.gettext``, ``.ngettext``); English if there is none."""
    folder = resources.files("templates") / "translations" / primary(language) / "LC_MESSAGES" / f"{domain}.mo"
    if not folder.is_file():
        return gettext.NullTranslations()
    with folder.open("rb") as file:
        return gettext.GNUTranslations(file)
