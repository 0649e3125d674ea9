"""The tone of pages and letters: no blame, no begging, no date or number that would have to be kept up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from templates.catalogue import found
from templates.words import LANGUAGES, Domain

HOME = Path(__file__).parents[3] / "templates"
PAGES = sorted([*HOME.glob("pages/**/*.html"), *HOME.glob("layouts/**/*.html"), *HOME.glob("layouts/*.txt")])
LETTERS = sorted(HOME.glob("letters/*.md"))
CATALOGUES = sorted(HOME.glob("translations/*/LC_MESSAGES/*.po"))
BANNED = re.compile(
    r"\b(?:ongeldige?|sorry|oeps|klik hier|invalid|oops|please|click here|ungültige?|cliquez ici|klicken sie hier)\b",
    re.IGNORECASE,
)
STANDARDS = re.compile(r"EN 301 549|WCAG\) 2\.2|RFC \d+|A11Y|320 (?:pixels|Pixel)")
DATE = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]+)[-/. ]\d{2,4}\b")


def visible(template: str) -> str:
    """The text of a template: no style, no comment, no markup, nothing that is filled in."""
    text = re.sub(
        r"<style.*?</style>|\{% block styles %\}.*?\{% endblock %\}|<!--.*?-->|^.*?<body[^>]*>",
        "",
        template,
        flags=re.DOTALL,
    )
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", text, flags=re.DOTALL)
    return re.sub(r"<[^>]*>|&#?\w+;", "", text)


@pytest.mark.parametrize("path", [*PAGES, *LETTERS], ids=lambda path: path.name)
def test_no_template_blames_or_begs(path: Path) -> None:
    code = re.compile(r"aria-invalid")
    assert BANNED.findall(code.sub("", path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_no_translation_blames_or_begs(path: Path) -> None:
    said = []
    for message in read_po(path.read_text("utf-8").splitlines(keepends=True)):
        texts = message.string if isinstance(message.string, tuple | list) else [message.string]
        # advice to authors may name the words that they should not use
        said += [text for text in texts if BANNED.search(text) and not BANNED.search(str(message.id))]
    assert said == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_template_has_a_date_or_a_number_of_its_own(path: Path) -> None:
    assert re.findall(r".{0,20}\d.{0,20}", visible(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("domain", LANGUAGES)
def test_no_text_of_ours_tells_a_date(domain: Domain) -> None:
    ids = [one for message in found(domain) for one in _ids(message.id)]
    assert [text for text in ids if DATE.search(STANDARDS.sub("", text)) and domain != "cli"] == []


def _ids(message: object) -> list[str]:
    return [str(one) for one in message] if isinstance(message, tuple | list) else [str(message)]
