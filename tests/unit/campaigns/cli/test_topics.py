"""A text typed about a topic is shown to readers as typed, or is refused."""

from __future__ import annotations

import pytest
import typer

from campaigns.cli.topics import in_languages, wanted


def test_nothing_typed_changes_nothing() -> None:
    assert wanted(None, None, None) == {}


def test_a_text_becomes_one_line_and_a_description_may_be_taken_away() -> None:
    assert wanted(" Association\n news ", "", False) == {
        "name": "Association news",
        "description": "",
        "is_open": False,
    }


@pytest.mark.parametrize(("name", "description"), [("", None), (" ", None), ("x" * 101, None), (None, "a\x00b")])
def test_an_empty_name_and_what_cannot_be_shown_are_refused(name: str | None, description: str | None) -> None:
    with pytest.raises(typer.BadParameter):
        wanted(name, description, None)


def test_a_name_in_a_language_is_language_equals_name_and_nothing_drops_it() -> None:
    assert in_languages("--name", []) == {}
    assert in_languages("--name", ["nl=Ons  nieuws", "FR = a=b", "de="]) == {"nl": "Ons nieuws", "fr": "a=b", "de": ""}


@pytest.mark.parametrize("given", ["nl", "=Nieuws", "nl-NL=Nieuws", "Nederlands=Nieuws", "nl=" + "x" * 101, "nl=a\x00"])
def test_what_is_no_language_or_no_name_is_refused(given: str) -> None:
    with pytest.raises(typer.BadParameter):
        in_languages("--name", [given])


def test_a_description_in_a_language_may_be_longer_than_a_name() -> None:
    text = "Wat de vereniging doet, hooguit twee keer per maand. " * 4
    assert in_languages("--description", [f"nl={text}"]) == {"nl": text.strip()}
    with pytest.raises(typer.BadParameter):
        in_languages("--description", ["nl=" + "x" * 301])
