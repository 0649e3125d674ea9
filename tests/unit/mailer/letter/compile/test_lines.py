"""A line that is empty for a reader vanishes with its break, in HTML and in text."""

from __future__ import annotations

import re

import pytest

from mailer.letter.compile import compile_letter
from mailer.letter.personalise import render
from tests.support.letters import LINKS, small

TEL = '{{ contact.tel | default("") }}'
IF = '{% if contact.tel %}Tel {{ contact.tel | default("-") }}{% endif %}'
CASES = [
    (f"::: signature\nJan\n{TEL}\nEls\n:::", "Jan<br>Els", "Jan\nEls", "Jan<br>06<br>Els", "Jan\n06\nEls"),
    (f"::: signature\n{TEL}\nEls\n:::", "Els", "Els", "06<br>Els", "06\nEls"),
    (f"::: signature\nJan\n{TEL}\n:::", "Jan", "Jan", "Jan<br>06", "Jan\n06"),
    (f"::: signature\nJan\n{IF}\nEls\n:::", "Jan<br>Els", "Jan\nEls", "Jan<br>Tel 06<br>Els", "Jan\nTel 06\nEls"),
    (f"Jan\\\n{TEL}\\\nEls", "Jan<br>Els", "Jan\nEls", "Jan<br>06<br>Els", "Jan\n06\nEls"),
    (f"{TEL}\\\n{TEL}\\\nEls", "Els", "Els", "06<br>06<br>Els", "06\n06\nEls"),
    (f"{TEL}\\\n{TEL}", "", "", "06<br>06", "06\n06"),
    (f"**Jan\\\n{TEL}\\\nEls**", "Jan<br>Els", "*Jan\nEls*", "Jan<br>06<br>Els", "*Jan\n06\nEls*"),
    (f"Jan\n{TEL}\nEls", "Jan Els", "Jan Els", "Jan 06 Els", "Jan 06 Els"),
    (f"- Jan\\\n  {TEL}\\\n  Els", "Jan<br>Els", "- Jan\n  Els", "Jan<br>06<br>Els", "- Jan\n  06\n  Els"),
    (f"> Jan\\\n> {TEL}\\\n> Els", "Jan<br>Els", "> Jan\n> Els", "Jan<br>06<br>Els", "> Jan\n> 06\n> Els"),
    (f"Bel {TEL} nu.", "Bel nu.", "Bel nu.", "Bel 06 nu.", "Bel 06 nu."),
    (f"Beste {TEL},", "Beste,", "Beste,", "Beste 06,", "Beste 06,"),
    (f"{TEL} {TEL} Els", "Els", "Els", "06 06 Els", "06 06 Els"),
    (f"Jan {TEL} {TEL} Els", "Jan Els", "Jan Els", "Jan 06 06 Els", "Jan 06 06 Els"),
    (f"Jan {IF} Els", "Jan Els", "Jan Els", "Jan Tel 06 Els", "Jan Tel 06 Els"),
    (f"nr{TEL}x", "nrx", "nrx", "nr06x", "nr06x"),
]  # fmt: skip


def _parts(markdown: str, **contact: str) -> tuple[str, str]:
    letter = compile_letter(small(f"Begin.\n\n{markdown}\n\nSlot.", online=False, online_url="")).letter
    values = {"contact": contact, "links": LINKS}
    text = render(letter.text, values, "nl").split("Begin.\n\n")[1].split("Slot.")[0].strip("\n")
    html = render(letter.html, values, "nl").split("Begin.</p>")[1].split("Slot.")[0]
    html = re.sub(r"<br[^>]*>", "\0", html)
    html = re.sub(r"\s*\0\s*", "<br>", re.sub(r"<[^>]*>", "", html))
    return re.sub(r"\n", " ", html.strip()), text


@pytest.mark.parametrize(("markdown", "html", "text", "full_html", "full_text"), CASES, ids=[case[0] for case in CASES])
def test_a_line_or_word_that_is_empty_vanishes_with_what_sets_it_apart(
    markdown: str, html: str, text: str, full_html: str, full_text: str
) -> None:
    assert _parts(markdown) == (html, text)
    assert _parts(markdown, tel="06") == (full_html, full_text)


def test_nobody_in_particular_reads_what_stands_behind_else() -> None:
    choice = '{% if contact.tel %}{{ contact.tel | default("") }}{% else %}iedereen{% endif %}'
    compiled = compile_letter(small(f"Dag {choice}.\n\n{choice}\n\n- {choice}\n\nJan\\\n{choice}"))
    assert compiled.public_text.count("iedereen") == 4
    assert compiled.public_html.count("iedereen") == 4
