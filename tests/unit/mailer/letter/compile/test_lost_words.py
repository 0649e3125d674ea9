"""The net under all words (I14): what is missing in a part is found with its line, text that is present is not."""

from __future__ import annotations

import pytest

from mailer.errors import FaultsError
from mailer.letter.compile import compile_letter
from mailer.letter.compile.lost_words import Lost, Parts, lost
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.tree import parse
from mailer.letter.slots import scan
from tests.support.letters import small


def _lost(body: str, html: str, text: str) -> list[Lost]:
    placeholders = Placeholders(body)
    masked = placeholders.mask(scan(body, first_line=10))
    return lost(masked, placeholders, Parts(parse(masked, placeholders), html, html, text))


@pytest.mark.parametrize(
    ("body", "html", "text"),
    [
        ("Een **be**langrijk woord", "<p>Een <strong>be</strong>langrijk woord</p>", "Een *be*langrijk woord"),
        ("caf&eacute; &amp; `&eacute;`", "<p>café &amp; <code>&amp;eacute;</code></p>", "café & &eacute;"),
        ("[a](https://münchen.de/é)", '<a href="https://xn--mnchen-3ya.de/%C3%A9">a</a>', "a <https://münchen.de/é>"),
        ("[https://x.nl](https://x.nl)", '<a href="https://x.nl">https://x.nl</a>', "https://x.nl"),
        ("[a][r]\n\n[r]: https://x.nl", '<a href="https://x.nl">a</a>', "a <https://x.nl>"),
        ("::: small\na\n:::", '<div class="small">a</div>', "a"),
        ("1. a\n1. b", "<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<!-- weg\n\nweg --> a", "<p>a</p>", "a"),
        ("![Huis](beeld.png)", '<img src="/m/0.png" alt="Huis">', "[Huis]"),
        ("a[b](https://x.nl)`c`", '<p>a<a href="https://x.nl">b</a><code>c</code></p>', "ab <https://x.nl>c"),
        ("2`7. a`", "<p>2<code>7. a</code></p>", "27. a"),
        ("STRASSE straße", "<p>STRASSE straße</p>", "STRASSE straße"),
    ],
)
def test_what_stands_in_both_parts_is_not_lost_however_it_is_written(body: str, html: str, text: str) -> None:
    assert _lost(body, html, text) == []


@pytest.mark.parametrize(
    ("body", "html", "text", "found"),
    [
        ("een\n\ntwee drie", "<p>een</p>", "een twee drie", [(12, "twee drie")]),
        ("een\n\nTwee", "<p>een</p><p>Twee</p>", "een", [(12, "Twee")]),
        ("een een een", "<p>een een</p>", "een een een", [(10, "een")]),
        ("a b c\n\na\n\nx y a", "<p>a b c</p><p>x y a</p>", "a b c x y a", [(12, "a")]),
        ("a <!-- weg --> b", "<p>a</p>", "a", [(10, "b")]),
        ("{% if contact.a %}a{% endif %}", "<p>a</p>", "a", [(10, "{% if contact.a %} {% endif %}")]),
        ("a\n\nx", "<p>a</p><p>x", "a\n\nx", []),
    ],
)
def test_what_is_missing_in_a_part_is_found_with_its_line(
    body: str, html: str, text: str, found: list[tuple[int, str]]
) -> None:
    assert _lost(body, html, text) == [Lost(*each) for each in found]


def test_words_that_no_part_would_show_are_an_error_with_their_line() -> None:
    """A label in code makes a definition that no link takes up: no rule knows that."""
    with pytest.raises(FaultsError) as caught:
        compile_letter(small("a `[Let op]`\n\n[Let op]: https://example.org/geheim"))
    (fault,) = caught.value.faults
    assert (fault.line, fault.severity) == (12, "error")
    assert "geheim" in fault.found
    assert fault.expected == "words that every reader gets to see: the letter would lose these"
