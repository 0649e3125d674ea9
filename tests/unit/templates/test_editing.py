"""Faults that an editor strikes out: translationese, two words for one thing, signs of a typewriter."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.pofile import read_po

from templates.catalogue import found, po_path
from templates.words import LANGUAGES, Domain

READERS: tuple[Domain, ...] = ("pages", "letter")
STRUCK = {  # by language: what no text for readers may hold
    "en": r"\bmails?\b(?! (?:server|catcher))|\b[Oo]pt(?:ed|ing|s)?[- ](?:me )?out\b|\b[Pp]ut (?:me|it|you) back\b|"
    r"\bneed (?:do|not)\b|"
    r"\bYou (?:get|do not get)\b.*\bsince\b|\borganiz|\bcolor\b|\bof you\b",
    "nl": r"\b[Jj]e\b|\bjij\b|\bjouw\b|\bWat wij schreven\b|\bNeem het mee\b|\bWis mij\b|\bemail|\be-mail|\bkoppeling",
    "de": r"(?<!E-)\bMails?\b|\b(?:du|dein|dich|dir|Du)\b|Mailadresse",
    "fr": r"\bcourriels?\b|(?<![eE]-)\bmails?\b|\b(?:tu|ton)\b|\(e\)|désabonn",
}
TYPED = {
    "en": r"(?<=\w)'(?=\w)|\s[:;!?]",
    "nl": r"(?<=\w)'(?=\w)|\s[:;!?]",
    "de": r"(?<=\w)'(?=\w)|\s[:;!?]|“[^„]*”",
    "fr": r"(?<=\w)'(?=\w)|(?<![\u00a0\u202f])[:;!?»](?!//)(?![\d}])|«(?!\u00a0)",
}
CODE = re.compile(r"\((?:[A-E]|I|S|K)\d{1,3}\)|\bbrief\.md\b")
COUNTED = re.compile(
    r"\{\w+\} (?:minutes|people|mails|emails|letters|mailings|warnings|events|opt-outs|persons|addresses)\b|"
    r"%\(\w+\)s (?:mails|emails|people|minutes|days)\b"
)


def texts(domain: Domain, language: str) -> Iterator[str]:
    """Each text of a domain in a language, without contact tags."""
    if language == "en":
        ids = [message.id for message in found(domain) if message.id]
    else:
        with po_path(domain, language).open("rb") as file:
            ids = [message.string for message in read_po(file) if message.id]
    for one in ids:
        for form in one if isinstance(one, tuple | list) else (one,):
            yield re.sub(r"\{\{.*?\}\}", "…", form)


@pytest.mark.parametrize("domain", READERS)
@pytest.mark.parametrize("language", LANGUAGES["pages"])
def test_no_text_for_readers_has_a_word_that_its_editor_struck_out(domain: Domain, language: str) -> None:
    assert [text for text in texts(domain, language) if re.search(STRUCK[language], text)] == []


@pytest.mark.parametrize("domain", READERS)
@pytest.mark.parametrize("language", LANGUAGES["pages"])
def test_apostrophes_quotes_and_spaces_are_those_of_the_language(domain: Domain, language: str) -> None:
    assert [text for text in texts(domain, language) if re.search(TYPED[language], text)] == []


@pytest.mark.parametrize("domain", LANGUAGES)
def test_no_message_shows_a_code_that_only_its_makers_know(domain: Domain) -> None:
    for language in LANGUAGES[domain]:
        assert [text for text in texts(domain, language) if CODE.search(text)] == []


@pytest.mark.parametrize("domain", LANGUAGES)
def test_what_is_counted_has_a_singular(domain: Domain) -> None:
    """A count stands in a message with two forms, or behind its noun: ``people so far: {number}``."""
    alone = [message.id for message in found(domain) if isinstance(message.id, str)]
    assert [text for text in alone if COUNTED.search(text)] == []


def test_the_wish_list_of_the_first_readers_is_kept() -> None:
    english, dutch = set(texts("pages", "en")), set(texts("pages", "nl"))
    assert english >= {"Unsubscribe", "Undo", "You have received this since %(day)s", "Earlier emails"}
    assert dutch >= {"Eerder verstuurd", "Download als bestand (JSON)", "Gegevens laten wissen"}
