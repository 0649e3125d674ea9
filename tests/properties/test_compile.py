# ruff: noqa: E501, PT017 - pieces of letters are read in rows; which of the two it is, is the question
"""Whatever an author writes: faults with their lines, or a letter that is whole for every reader."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailer.errors import FaultsError
from mailer.letter.compile import compile_letter
from mailer.letter.compiled import Letter
from mailer.letter.personalise import render
from tests.support.letters import LINKS, small

pytestmark = pytest.mark.slow
VOID = {"meta", "br", "img"}
PIECES = st.sampled_from(
    ["tekst ", "**", "*", "`", "\n", "\n\n", "- ", "1. ", "> ", "## ", "    ", "\t", "  \n", "---\n", "::: small\n", ":::\n", "::: signature\n", "::: button https://x.nl\n", "::::\n", ":::: small\n", "[a](https://x.nl)", "[", "](", ")", "![a](gevels.png)", "<b>", "<!--", "-->", "&amp;", "&", "<", ">", '"', "'", "|", "|-|\n", "\\", "~~", "```\n", "é😀م", '{{ contact.a | default("x") }}', "{% if contact.a %}", "{% elif contact.b %}", "{% else %}", "{% endif %}", "{% for i in contact.l %}", "{{ i }}", "{% endfor %}", "{# weg #}", "{{", "%}", "{{ links.optout }}"]
)  # fmt: skip
TAGGED = st.one_of(
    PIECES,
    st.sampled_from(["", "\n", "\n\n"]).flatmap(
        lambda gap: st.lists(PIECES, max_size=4).map(
            lambda inside: f"{gap}{{% if contact.a %}}{gap}{''.join(inside)}{gap}{{% endif %}}{gap}"
        )
    ),
    st.lists(PIECES, max_size=3).map(
        lambda inside: f"\n{{% for i in contact.l %}}\n{''.join(inside)}\n{{% endfor %}}\n"
    ),
)
READERS: list[dict[str, Any]] = [
    {"contact": {}, "links": LINKS},
    {"contact": {"a": "<A>", "l": ["1", "2"]}, "links": LINKS},
    {"contact": {"b": 'B"', "l": []}, "links": LINKS},
]


class _Nesting(HTMLParser):
    """Raises when a tag closes that is not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag


@example("\n{% for i in contact.l %}\n```\n\n{% endfor %}\n\n{% if contact.a %}\n```\n\n{% endif %}\n", "0")
@example("{% if contact.a %}[a](https://x.nl/{% endif %}{% if contact.a %}b){% endif %}", "0")
@example("{% if contact.a %}`a {% endif %}{% if contact.a %} b`{% endif %}", "0")
@given(body=st.lists(TAGGED, min_size=1, max_size=12).map("".join), subject=st.text(max_size=20))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_letter_is_whole_for_every_reader_or_has_faults_with_lines(body: str, subject: str) -> None:
    try:
        compiled = compile_letter(small(body, subject=subject))
    except FaultsError as error:
        assert all(fault.line for fault in error.faults)
        assert all(fault.found and fault.expected for fault in error.faults)
        return
    assert Letter.from_bytes(compiled.letter.to_bytes()) == compiled.letter
    versions = [render(compiled.letter.html, reader, "nl") for reader in READERS]
    for html in [*versions, compiled.public_html]:
        nesting = _Nesting()
        nesting.feed(html)
        nesting.close()
        assert nesting.open == []
    assert LINKS["optout"] not in compiled.public_html + compiled.public_text
