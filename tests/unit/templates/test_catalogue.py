"""The words of the house are whole in every language."""

from __future__ import annotations

import pytest

from templates.catalogue import found, problems
from templates.words import LANGUAGES, Domain

PAIRS = [(domain, language) for domain, all_ in LANGUAGES.items() for language in all_ if language != "en"]


@pytest.mark.parametrize(("domain", "language"), PAIRS)
def test_no_text_is_missing_or_empty_or_fuzzy_and_every_mo_is_of_its_po(domain: Domain, language: str) -> None:
    assert problems(domain, language) == []


@pytest.mark.parametrize("domain", LANGUAGES)
def test_no_text_uses_a_word_that_blames_or_begs(domain: Domain) -> None:
    banned = ("invalid", "oops", "sorry", "please", "click here")
    texts = [str(message.id).lower() for message in found(domain)]
    assert [text for text in texts if any(word in text for word in banned)] == []
