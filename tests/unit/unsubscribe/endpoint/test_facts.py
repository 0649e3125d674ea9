"""The data of a contact is told in words, not in the names of columns."""

from __future__ import annotations

import pytest

from unsubscribe.endpoint.facts import FIELDS, VALUES, in_words
from unsubscribe.web.pages import View

NAMES = {"nieuws": "Verenigingsnieuws"}
LEFT = {
    "scope": "nieuws",
    "standings": [{"topic": 1, "state": "subscribed", "since": "2023-08-15T07:00:00+00:00", "statement": 1}],
}


def test_names_values_and_days_are_in_the_readers_language() -> None:
    assert in_words(View("nl"), LEFT, NAMES) == (
        "Onderwerp: Verenigingsnieuws, Onderwerpen: Status: u ontvangt het, Sinds: 15\N{NO-BREAK SPACE}augustus 2023"
    )
    assert in_words(View("en"), {"how": "one-click"}, NAMES) == "How: the button in your email program"


@pytest.mark.parametrize("value", [None, "", {}, [], False, {"name": ""}, {"statement": 3, "own": ["name"]}])
def test_what_is_empty_or_for_programs_is_left_out(value: object) -> None:
    assert in_words(View("nl"), value, NAMES) == ""


def test_a_name_without_a_word_of_ours_is_shown_as_it_is() -> None:
    told = {"shoe_size": "41", "nieuws": {"since": "2024-09-18"}, "how": "by pigeon", "list": ["a", "b"], "true": True}
    assert in_words(View("nl"), told, NAMES) == (
        "Shoe size: 41, Verenigingsnieuws: Sinds: 18\N{NO-BREAK SPACE}september 2024, "
        "Hoe: by pigeon, List: a · b, True: ja"
    )


@pytest.mark.parametrize("language", ["nl", "de", "fr"])
def test_every_word_is_translated(language: str) -> None:
    same = {"Version", "Text", "Name", "Form", "Basis", "Source", "Date"}  # words that languages share
    words = {*FIELDS.values(), *(word for key, found in VALUES.items() if key != "language" for word in found.values())}
    assert {word for word in words if View(language).gettext(word) == word} <= same
