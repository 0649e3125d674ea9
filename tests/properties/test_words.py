# ruff: noqa: PT017 - which of the two it is, is the question
"""I14: every word of a source stands in the HTML and in the text part, or check says where it was lost."""

from __future__ import annotations

from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings

from mailer.errors import FaultsError
from mailer.letter.compile import compile_letter
from mailer.letter.compiled import Branch, CompiledTemplate, Loop, Numbered
from tests.support.letter_pieces import letters, words_of
from tests.support.letters import small
from tests.support.thorough import examples

pytestmark = pytest.mark.slow


def _all(plan: CompiledTemplate) -> str:
    """Everything that a plan may show, each branch taken."""
    text = ""
    for node in plan:
        match node:
            case str():
                text += node
            case Branch(arms, otherwise):
                text += "".join(_all(body) for _, body in arms) + _all(otherwise)
            case Loop(_, _, body, between):
                text += _all(body) + _all(between)
            case Numbered(_, body):
                text += _all(body)
    return text


def _held(body: str, **changes: Any) -> None:
    try:
        compiled = compile_letter(small(body, **changes))
    except FaultsError as error:
        assert all(fault.line >= 10 and fault.found and fault.expected for fault in error.faults)
        assert not [fault for fault in error.faults if "would lose" in fault.expected]
        return
    told = {fault.line - 10 for fault in compiled.warnings}
    html, text = (unquote(unescape(_all(plan))) for plan in (compiled.letter.html, compiled.letter.text))
    for word, line in words_of(body.replace("\r\n", "\n")).items():
        assert (word in html and word in text) or line in told, (word, line + 10)


@example("2`7. woord1q`\n\nwoord2q[woord3q](https://x.nl)`woord4q`")
@example("<!-- weg -->x1q<!-- weg -->\n</div>\nwoord2q\n[woord3q]: x4q")
@given(letters())
@settings(max_examples=examples(200, 3), deadline=None, suppress_health_check=list(HealthCheck))
def test_every_word_stands_in_html_and_text_or_its_line_is_told(body: str) -> None:
    _held(body)


@given(letters(broken=0))
@settings(max_examples=examples(200, 3), deadline=None, suppress_health_check=list(HealthCheck))
def test_every_word_of_an_orderly_letter_stands_in_html_and_text(body: str) -> None:
    _held(body)
