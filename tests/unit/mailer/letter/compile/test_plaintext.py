"""The plain-text part is made from the same Markdown, and reads as if somebody had typed it."""

from __future__ import annotations

import pytest

from mailer.letter.compile import compile_letter
from mailer.letter.personalise import render
from tests.support.letters import LINKS, READER, pictures, small


def _body(markdown: str, **contact: object) -> str:
    letter = compile_letter(small(markdown, preheader="", online=False, online_url="")).letter
    text = render(letter.text, {"contact": contact, "links": LINKS}, "nl")
    return text.split("18 september 2024\n\n", 1)[1].split("\n----------------------------------------\nContact")[0]


CASES = [
    ("a *b* **c** `d`", "a _b_ *c* d\n"),
    ("[a b](https://x.nl/p?q=1&r=2)", "a b <https://x.nl/p?q=1&r=2>\n"),
    ("<https://x.nl>", "https://x.nl\n"),
    ("[https://x.nl](https://x.nl)", "https://x.nl\n"),
    ("[info@vng.nl](mailto:info@vng.nl?subject=Vraag)", "info@vng.nl\n"),
    ("[mail ons](mailto:info@vng.nl)", "mail ons <info@vng.nl>\n"),
    ("[bel](tel:+31703738393)", "bel <+31703738393>\n"),
    ("## Een kop\n\ntekst", "Een kop\n-------\n\ntekst\n"),
    ("- a\n- b\n  - c\n- d", "- a\n- b\n  - c\n- d\n"),
    ("- a\n\n  b\n\n- c", "- a\n\n  b\n\n- c\n"),
    ("3. a\n4. b", "3. a\n4. b\n"),
    ("> a\n>\n> b", "> a\n>\n> b\n"),
    ("a\n\n---\n\nb", "a\n\n----------------------------------------\n\nb\n"),
    ("a  \nb", "a\nb\n"),
    ("a\nb", "a b\n"),
    ("::: signature\nA\nB\n:::", "A\nB\n"),
    ("::: small\nA\nB\n:::", "A B\n"),
    ("::: button https://x.nl/a\nDoe mee\n:::", "Doe mee:\n<https://x.nl/a>\n"),
    ('![Huizen](gevels.png "Aan het water")', "[Huizen]\nAan het water\n"),
    ("[![Huizen](gevels.png)](https://x.nl)", "[Huizen]\n<https://x.nl>\n"),
    ("```\na  b\n```", "    a  b\n"),
    ("| a | b |\n|---|---|\n| c | d |", "a | b\nc | d\n"),
    ("a &lt; b &amp; c", "a < b & c\n"),
    ("<!-- weg -->\n\na", "a\n"),
]


@pytest.mark.parametrize(("markdown", "text"), CASES)
def test_each_kind_of_markdown_becomes_plain_text(markdown: str, text: str) -> None:
    assert _body(markdown) == text


def test_long_lines_are_wrapped_and_items_hang() -> None:
    text = _body("- " + "woord " * 30)
    first, second, *_ = text.split("\n")
    assert len(first) <= 76
    assert first.startswith("- woord")
    assert second.startswith("  woord")


def test_a_long_address_stays_whole() -> None:
    address = "https://example.org/" + "a" * 200
    assert f"\n<{address}>\n" in _body(
        "Een zin die lang genoeg is om een regel te vullen, en dan " + f"[hier dus]({address})"
    )


def test_a_value_is_not_escaped_and_a_fallback_counts_for_the_width() -> None:
    text = _body('Dag {{ contact.n | default("lezer") }}, welkom.', n="O'Brien & <zonen>")
    assert text == "Dag O'Brien & <zonen>, welkom.\n"


def test_conditions_between_paragraphs_leave_no_hole() -> None:
    markdown = "a\n\n{% if contact.x %}\nb\n{% endif %}\n\nc"
    assert _body(markdown) == "a\n\nc\n"
    assert _body(markdown, x="1") == "a\n\nb\n\nc\n"


def test_a_loop_in_a_list_gives_a_line_each() -> None:
    markdown = "a\n\n{% for x in contact.l %}\n- {{ x }}\n{% endfor %}\n\nb"
    assert _body(markdown, l=["1", "2"]) == "a\n\n- 1\n- 2\n\nb\n"
    assert _body(markdown) == "a\n\nb\n"


def test_the_opt_out_link_is_the_one_of_the_html() -> None:
    letter = compile_letter(small("a")).letter
    html, text = render(letter.html, READER, "nl"), render(letter.text, READER, "nl")
    assert LINKS["optout"] in html
    assert f"Afmelden:\n<{LINKS['optout']}>" in text


def test_a_non_breaking_space_is_kept_and_keeps_its_words_together() -> None:
    body = "Een zin met precies zo veel woorden dat de regel hier ongeveer vol is, 10\u00a0km en\u202fmeer."
    text = render(compile_letter(small(body)).letter.text, READER, "nl")
    assert "10\u00a0km" in text
    assert "en\u202fmeer" in text


def test_a_description_is_plain_text() -> None:
    body = "![R&amp;D bij 5 &euro; \\[concept\\] en **vet** `x`](a.png)"
    compiled = compile_letter(small(body, images={"a.png": pictures()["gevels.png"]}))
    assert "[R&D bij 5 € [concept] en vet x]" in compiled.public_text
    assert 'alt="R&amp;D bij 5 € [concept] en vet x"' in compiled.public_html


def test_a_table_that_is_too_wide_is_told_cell_by_cell() -> None:
    long = "Besluitvormende raadsvergadering met aansluitend een borrel voor alle genodigden van de raad"
    body = f"| Datum | Onderwerp | Waar |\n|---|---|---|\n| 18 maart | Werkbezoek | Raadzaal |\n| 12 april | {long} | |"
    text = _body(body)
    assert text.startswith("Datum: 18 maart\nOnderwerp: Werkbezoek\nWaar: Raadzaal\n\nDatum: 12 april\nOnderwerp: ")
    assert max(map(len, text.split("\n"))) <= 76
    assert "Datum | Waar\n1 | 2" in _body("| Datum | Waar |\n|---|---|\n| 1 | 2 |")


def test_lines_are_as_long_as_they_may_be_whatever_arm_of_a_condition_a_reader_sees() -> None:
    arms = "kort{% else %}" + "een heel lang stuk " * 6 + "tekst{% endif %}"
    body = "Dit is het begin van een regel met {% if contact.a %}" + arms + " en dan nog " + "een heel eind " * 8
    for values in ({}, {"a": "1"}):
        lines = _body(body, **values).rstrip("\n").split("\n")
        assert max(len(line) for line in lines) <= 76
        assert lines[0].startswith("Dit is het begin van een regel met ")
