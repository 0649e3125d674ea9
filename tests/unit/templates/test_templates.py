"""Templates are trusted, escaped, strict about names, and speak the reader's language."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from templates import page_asset, render_layout, render_page, safe
from templates.service import letter_source, messages, service_letter

SCHEME = {"line": "#cccccc"}


def test_a_value_is_escaped_and_finished_html_is_not() -> None:
    assert "&lt;b&gt;" in render_layout("blocks/small.html", {"language": "nl", "content": "<b>"})
    assert "<b>" in render_layout("blocks/small.html", {"language": "nl", "content": safe("<b>")})


def test_a_name_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="content"):
        render_layout("blocks/small.html", {"language": "nl"})


@pytest.mark.parametrize("name", ["", "../base.html", ".hidden", "a\\b", "missing.css"])
def test_an_asset_is_a_file_of_its_folder_and_nothing_else(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        page_asset(name)


def test_a_page_gets_its_language_and_direction() -> None:
    from jinja2 import TemplateNotFound

    with pytest.raises(TemplateNotFound):
        render_page("missing.html", "nl", {})


def test_our_own_letters_are_translated_paragraph_by_paragraph() -> None:
    english, dutch = service_letter("optin_confirm", "en"), service_letter("optin_confirm", "nl-BE")
    assert english.subject == "Confirm your sign-up"
    assert dutch.subject == "Bevestig uw aanmelding"
    assert "{% if contact.confirm %}" in dutch.body
    assert "Bevestig mijn aanmelding\n:::" in dutch.body
    assert english.body == "\n".join(letter_source("optin_confirm").split("\n")[english.body_line - 1 :])
    assert service_letter("optin_confirm", "xx").subject == english.subject


@pytest.mark.parametrize("name", ["missing", "../layouts/letter", ""])
def test_a_letter_that_we_do_not_have_is_not_found(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        service_letter(name, "nl")


def test_the_messages_of_a_letter_are_its_texts_with_their_lines() -> None:
    found = dict(
        messages(
            "---\nsubject: S\npreheader:\n---\nA\nB\n\n{% if contact.x %}\n- {{ contact.x }}\n---\n::: small\nC\n:::\n"
        )
    )
    assert found == {2: "S", 5: "A\nB", 12: "C"}
