"""The preheader of a letter whose author wrote none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mailer.letter.compile import compile_letter
from mailer.letter.personalise import render
from tests.support.letters import LINKS, small

LONG = (
    "Dit is een zin die veel langer is dan wat een postprogramma naast het onderwerp laat zien, "
    "want hij gaat maar door en door en door."
)


def shown(body: str, **contact: Any) -> str:
    compiled = compile_letter(small(body, preheader=""))
    html = render(compiled.letter.html, {"contact": contact, "links": LINKS}, "nl")
    found = re.search(r'<div class="preheader"[^>]*>([^<&]*)', html)
    return found[1] if found else ""


NEWS = "Het nieuws van deze maand begint hier voor iedereen."


@pytest.mark.parametrize(
    "body",
    [
        f"Beste lezer,\n\n{NEWS} En meer.",
        f"Geachte mevrouw {{{{ contact.name | default('Jansen') }}}},\n\n{NEWS} Kom ook.",
        f"## Kop\n\n**{NEWS}** [Lees de regeling](https://x.nl).",
        f"{{% if contact.a %}}\nAlleen voor u staat hier iets anders.\n{{% endif %}}\n\n{NEWS}",
        (
            "Beste {{ contact.name | default('lezer') }}!\n\nHet nieuws van {{ contact.maand | default('deze maand') }}"
            " begint hier voor iedereen."
        ),
    ],
)
def test_it_is_the_first_sentence_that_says_something(body: str) -> None:
    assert shown(body) == NEWS


def test_a_greeting_is_better_than_nothing_and_short_sentences_go_together() -> None:
    assert shown("Beste lezer,") == "Beste lezer,"
    assert shown("Nieuws! Kom naar de vergadering van onze gemeenten. En meer.") == (
        "Nieuws! Kom naar de vergadering van onze gemeenten."
    )


def test_it_is_cut_between_words() -> None:
    assert shown(LONG).endswith(" maar…")
    assert len(shown(LONG)) <= 110


def test_check_says_so_and_the_text_part_does_not_say_it_twice() -> None:
    compiled = compile_letter(small("Beste lezer,\n\nHet nieuws van deze maand begint hier.", preheader=""))
    [warning] = compiled.warnings
    assert (warning.field, warning.found) == ("preheader", "nothing")
    assert "“Het nieuws van deze maand begint hier.”" in warning.hint
    text = render(compiled.letter.text, {"contact": {}, "links": LINKS}, "nl")
    assert text.count("Het nieuws van deze maand") == 1


def test_a_preheader_of_the_authors_own_stays() -> None:
    assert compile_letter(small("Beste lezer,\n\nHet nieuws.", preheader="Kort nieuws")).warnings == ()


def test_a_list_or_a_choice_is_taken_where_there_is_no_paragraph() -> None:
    assert shown("- een lijst") == "een lijst"
    assert shown("Beste lezer,\n\n- Nieuwe wet.\n- Subsidie\n\n::: signature\nJan\n:::") == "Nieuwe wet; Subsidie"
    assert shown(f"- {NEWS}\n\nEn hier staat een alinea.") == "En hier staat een alinea."
    choice = "{% if contact.a %}\nVoor leden is er nieuws.\n{% else %}\nWord lid.\n{% endif %}"
    assert (shown(choice), shown(choice, a="1")) == ("Word lid.", "Voor leden is er nieuws.")
    assert shown("{% if contact.a %}\nVoor leden.\n{% endif %}") == ""


def test_a_letter_under_conditions_alone_is_warned_of_and_leaves_no_empty_lines() -> None:
    alone = small("{% if contact.a %}\nVoor leden.\n{% endif %}\n\n{% if contact.b %}\nMeer.\n{% endif %}")
    compiled = compile_letter(alone)
    assert [(each.line, each.found) for each in compiled.warnings] == [(10, "text under conditions alone")]
    for contact in ({}, {"a": "1"}, {"b": "1"}, {"a": "1", "b": "1"}):
        text = render(compiled.letter.text, {"contact": contact, "links": LINKS}, "nl")
        assert "\n\n\n" not in text
        assert ("2024\n\nVoor leden.\n" in text) == ("a" in contact)
    assert "\n\n\n" not in compiled.public_text
    with_else = small("{% if contact.a %}\nVoor leden.\n{% else %}\nWord lid.\n{% endif %}")
    assert compile_letter(with_else).warnings == ()
