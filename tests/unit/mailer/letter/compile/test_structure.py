# ruff: noqa: E501 - a table of cases is read by its rows
"""The letter has all text of its source; text that a condition hides leaves no trace, in HTML and in text."""

from __future__ import annotations

import re

import pytest

from mailer.errors import Fault, FaultsError
from mailer.letter.compile import compile_letter
from mailer.letter.personalise import render
from tests.support.letters import LINKS, small


def _parts(markdown: str, **contact: object) -> tuple[str, str]:
    """The body of a letter as HTML without attributes but numbers, and as text."""
    letter = compile_letter(small(markdown, preheader="", online=False, online_url="")).letter
    values = {"contact": contact, "links": LINKS}
    text = render(letter.text, values, "nl").split("18 september 2024\n\n", 1)[1]
    html = render(letter.html, values, "nl").split("18 september 2024", 1)[1].split("<td", 1)[1].split(">", 1)[1]
    html = re.sub(
        r' (?!start|value)[a-z]+=(?:"[^"]*"|\'[^\']*\')', "", html[: html.index("</td></tr>\n</table>\n</td></tr>")]
    )
    return re.sub(r">\s+|\s+<", lambda gap: gap[0].strip(), html), text.split(
        "\n----------------------------------------\nContact"
    )[0]


def _faults(body: str) -> list[tuple[str, int, str]]:
    try:
        found: tuple[Fault, ...] = compile_letter(small(body)).warnings
    except FaultsError as error:
        found = tuple(error.faults)
    return [(fault.severity, fault.line, fault.found) for fault in found]


KEPT = [
    ("<!-- a --> Dit blijft. <!-- b -->", "<p>Dit blijft.</p>", "Dit blijft.\n"),
    ("<!-- a\n\nb --> Dit blijft.", "<p>Dit blijft.</p>", "Dit blijft.\n"),
    ("[wethouder]: Jansen", "<p>[wethouder]: Jansen</p>", "[wethouder]: Jansen\n"),
    ("[^1]: Een voetnoot", "<p>[^1]: Een voetnoot</p>", "[^1]: Een voetnoot\n"),
    ("[a][r]\n\n[r]: https://x.nl\n[r]: https://y.nl", "<p><a>a</a></p><p><a>r</a>: https://y.nl</p>", "a <https://x.nl>\n\nr <https://x.nl>: https://y.nl\n"),
    ('[a](https://x.nl "Meer")', "<p><a>a</a></p>", "a (Meer) <https://x.nl>\n"),
    ("Dag.\n---\nGroet", "<p>Dag.</p><table><tr><td><div>&nbsp;</div></td></tr></table><p>Groet</p>", f"Dag.\n\n{'-' * 40}\n\nGroet\n"),
    ("Groet\n--\nJan", "<p>Groet\n--\nJan</p>", "Groet -- Jan\n"),
    ("    Ingesprongen\n\n    tekst", "<p>Ingesprongen</p><p>tekst</p>", "Ingesprongen\n\ntekst\n"),
    ("#5 en #dialoog", "<p>#5 en #dialoog</p>", "#5 en #dialoog\n"),
    ("1. a\n3. b\n7. c", '<ol><li>a</li><li value="3">b</li><li value="7">c</li></ol>', "1. a\n3. b\n7. c\n"),
    ("1. a\n1. b", "<ol><li>a</li><li>b</li></ol>", "1. a\n2. b\n"),
    ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>', "3. a\n4. b\n"),
    ("2026. Een mooi jaar.", "<p>2026. Een mooi jaar.</p>", "2026. Een mooi jaar.\n"),
    ("- 18. maart is de dag.", "<ul><li>18. maart is de dag.</li></ul>", "- 18. maart is de dag.\n"),
    ("1. a\n\nuitleg\n\n2. b", '<ol><li>a</li></ol><p>uitleg</p><ol start="2"><li>b</li></ol>', "1. a\n\nuitleg\n\n2. b\n"),
    ("> a\n>\n> b\n>\n> - c", "<blockquote><p>a</p><p>b</p><ul><li>c</li></ul></blockquote>", "> a\n>\n> b\n>\n> - c\n"),
    ("a\n\n>\n\nb", "<p>a</p><p>b</p>", "a\n\nb\n"),
    ("> > a\n> >\n> > b", "<blockquote><blockquote><p>a</p><p>b</p></blockquote></blockquote>", "> > a\n> >\n> > b\n"),
]  # fmt: skip


@pytest.mark.parametrize(("markdown", "html", "text"), KEPT, ids=[case[0][:40] for case in KEPT])
def test_what_stands_in_the_source_stands_in_html_and_text(markdown: str, html: str, text: str) -> None:
    assert _parts(markdown) == (html, text)


HIDDEN = [
    ("1. a\n{% if contact.x %}\n2. b\n{% endif %}\n3. c", "1. a\n2. c\n", "1. a\n2. b\n3. c\n", 1),
    ("1. a\n{% if contact.x %}\n2. b\n{% else %}\n2. d\n{% endif %}\n3. c", "1. a\n2. d\n3. c\n", "1. a\n2. b\n3. c\n", 1),
    ("1. a\n{% for i in contact.l %}\n2. {{ i }}\n{% endfor %}\n3. c", "1. a\n2. c\n", "1. a\n2. p\n3. q\n4. c\n", 1),
    ("- a\n{% if contact.x %}\n- b\n{% endif %}\n- c", "- a\n- c\n", "- a\n- b\n- c\n", 1),
    ("- {% if contact.x %}a{% endif %}\n- b", "- b\n", "- a\n- b\n", 1),
    ("- a\n  {% if contact.x %}\n  - b\n  {% endif %}\n- c", "- a\n- c\n", "- a\n  - b\n- c\n", 1),
    ("- {{ contact.x | default(\"\") }}\n- b", "- b\n", "- 1\n- b\n", 1),
    ("> {% if contact.x %}\n> a\n> {% endif %}\n\nb", "b\n", "> a\n\nb\n", 0),
    ("::: small\n{% if contact.x %}\na\n{% endif %}\n:::\n\nb", "b\n", "a\n\nb\n", 0),
    ("## {% if contact.x %}a{% endif %}\n\nb", "b\n", "a\n--------------------\n\nb\n", 0),
    ("{% if contact.x %}\na\n{% endif %}\n\n{% if contact.y %}\nb\n{% endif %}\n\nc", "c\n", "a\n\nc\n", 0),
    ("a\n\n{% if contact.x %}\nb\n{% endif %}\n\n{% if contact.x %}\nc\n{% endif %}\n\nd", "a\n\nd\n", "a\n\nb\n\nc\n\nd\n", 0),
    ("::: signature\nJan\n{% if contact.x %}\nTel\n{% endif %}\nEls\n:::", "Jan\nEls\n", "Jan\nTel\nEls\n", 0),
    ("| a | b |\n|---|---|\n| 1 | 2 |\n{% if contact.x %}\n| 3 | 4 |\n{% endif %}\n| 5 | 6 |", "a | b\n1 | 2\n5 | 6\n", "a | b\n1 | 2\n3 | 4\n5 | 6\n", 1),
    ("| a |\n|---|\n| 1 |\n{% if contact.x %}| 3 |{% else %}| 4 |{% endif %}\n| 5 |", "a\n1\n4\n5\n", "a\n1\n3\n5\n", 1),
    ("| a |\n|---|\n{% for i in contact.l %}\n| {{ i }} |\n{% endfor %}\n\nb", "b\n", "a\np\nq\n\nb\n", 1),
    ("{% if contact.l %}\na\n\n{% for i in contact.l %}\n- {{ i }}\n{% endfor %}\n\n{% endif %}\n\nb", "b\n", "a\n\n- p\n- q\n\nb\n", 1),
    ("{% if contact.x %}\na\n\n1. b\n{% if contact.y %}\n2. c\n{% endif %}\n3. d\n{% endif %}\n\ne", "e\n", "a\n\n1. b\n2. d\n\ne\n", 1),
    ("{% for i in contact.l %}\n{{ i }}\n{% endfor %}\n\nb", "b\n", "p\n\nq\n\nb\n", 0),
]  # fmt: skip


@pytest.mark.parametrize(("markdown", "without", "with_it", "lists"), HIDDEN, ids=[case[0][:50] for case in HIDDEN])
def test_what_a_condition_hides_leaves_no_trace(markdown: str, without: str, with_it: str, lists: int) -> None:
    for contact, text in (({}, without), ({"x": "1", "l": ["p", "q"]}, with_it)):
        html, plain = _parts(markdown, **contact)
        assert plain == re.sub(r"-{20}\n", "-\n", text) if "## " in markdown else plain == text
        assert "&nbsp;" not in html
        assert not re.search(r"<(\w+)[^>]*></\1>", html)
        assert len(re.findall(r"<[uo]l|<table", html)) <= lists + html.count("<li>b<ul>") + ("<li>a<ul>" in html)


def test_a_number_is_the_same_in_html_and_text_for_every_reader() -> None:
    markdown = "1. a\n{% if contact.x %}\n2. b\n{% endif %}\n{% if contact.y %}\n3. c\n{% endif %}\n9. d\n10. e"
    for contact, text in (
        ({}, "1. a\n9. d\n10. e\n"),
        ({"y": "1"}, "1. a\n2. c\n9. d\n10. e\n"),
        ({"x": "1", "y": "1"}, "1. a\n2. b\n3. c\n9. d\n10. e\n"),
    ):
        html, plain = _parts(markdown, **contact)
        assert plain == text
        assert '<li value="9">d</li><li>e</li></ol>' in html


FAULTS = [
    ("a\n\n</div>\nb", "error", 12, "</div>"),
    ("a\n<div>\nb\n</div>", "error", 11, "<div>"),
    ("a <!-- b\n\nc", "error", 10, "a <!-- b"),
    ("| a | b |\n|---|---|\n| 1 | 2 | 3 |", "error", 12, "a row with another number of cells (3)"),
    ("```let op: morgen\na\n```", "error", 10, "let op: morgen"),
    ("```python\na\n```", "warning", 10, "python"),
    ("a\n\n```\nb\n\nc", "warning", 12, "```"),
    ("a\n\n```", "warning", 12, "```"),
    ("a\n\n````\nb\n```\n\nc", "warning", 12, "```"),
    ("- a\n\n  ~~~\n  b\n\nc", "warning", 12, "```"),
    ("> ```\n> b\n\nc", "warning", 10, "```"),
    ("a\n\n##\n\nb", "warning", 12, "##"),
    ("- a\n-\n- b", "warning", 11, "-"),
    ("a\n\n" + "\n".join("  " * n + "- a" for n in range(12)), "error", 22, "one in another in another, too deep"),
    ("a\n\n" + "> " * 21 + "a", "error", 12, "one in another in another, too deep"),
    ("<!-- {% if contact.a %} -->\n\na\n\n{% endif %}", "error", 10, "{% if contact.a %}"),
    ("| a |\n|---|\n| b | {% if contact.a %}\n\nc {% endif %}", "error", 12, "{% if contact.a %}"),
    ("```{% if contact.a %}\na\n```\n{% endif %}", "error", 10, "{% if contact.a %}"),
    ('[a](https://x.nl "{% if contact.a %}") {% endif %}', "error", 10, "{% if contact.a %}"),
    ("[a][r]{% endif %}\n\n[r]: https://x.nl/{% if contact.a %}", "error", 10, "{% endif %}"),
    ("<https://x.nl/{% if contact.a %}>{% endif %}", "error", 10, "https://x.nl/{% if contact.a %}"),
    ("- a\n  {% if contact.a %}\n- b\n  {% endif %}", "error", 11, "{% if contact.a %}"),
    ("![a{% if contact.a %}](gevels.png)\n\n{% endif %}", "error", 10, "a{% if contact.a %}"),
]


@pytest.mark.parametrize(("body", "severity", "line", "found"), FAULTS, ids=[case[0][:40] for case in FAULTS])
def test_what_cannot_be_shown_is_told_with_its_line(body: str, severity: str, line: int, found: str) -> None:
    assert (severity, line, found) in _faults(body)


@pytest.mark.parametrize(
    "body", ["```\na\n```", "> ```\n> a\n> ```", "- ```\n  a\n  ```", "~~~\n```\n~~~~", "```\n```"]
)
def test_code_that_ends_is_not_told_of(body: str) -> None:
    assert _faults(body) == []


def test_ten_lists_in_one_another_are_shown_whole() -> None:
    html, text = _parts("\n".join("  " * n + f"- woord{n}" for n in range(10)))
    assert all(f"woord{n}" in html and f"woord{n}" in text for n in range(10))


@pytest.mark.parametrize(
    "between",
    [
        "\n{% if contact.a %}\n\n| y | 2 |\n\n{% endif %}\n\n",
        "{# a note #}\n{% if contact.a %}\n| y | 2 |\n{% endif %}\n",
        "<!-- a note -->\n\n{% if contact.a %}| y | 2 |{% endif %}\n\n",
    ],
)
def test_empty_lines_and_comments_between_rows_leave_a_table_whole(between: str) -> None:
    body = f"| A | B |\n|---|---|\n| x | 1 |\n{between}| z | 3 |\n\nSlot."
    assert _parts(body)[1] == "A | B\nx | 1\nz | 3\n\nSlot.\n"
    assert _parts(body, a="1")[1] == "A | B\nx | 1\ny | 2\nz | 3\n\nSlot.\n"
    assert _parts(body, a="1")[0].count("<tr") == 4


def test_a_table_ends_at_a_line_without_a_bar_and_where_another_one_begins() -> None:
    assert _parts("| A | B |\n|---|---|\n| x |\nTekst.")[1] == "A | B\nx |\n\nTekst.\n"
    two = "| A | B |\n|---|---|\n| x | 1 |\n\n| C | D |\n|---|---|\n| y | 2 |"
    assert _parts(two)[1] == "A | B\nx | 1\n\nC | D\ny | 2\n"
    assert _parts("| | |\n|---|---|\n| x | 1 |")[1] == "x | 1\n"


def test_a_button_without_a_text_is_left_out() -> None:
    body = '::: button https://example.org\n{{ contact.a | default("") }}\n:::\n\nSlot.'
    html, text = _parts(body)
    assert (text, "<a" in html) == ("Slot.\n", False)
    assert _parts(body, a="Kom")[1] == "Kom:\n<https://example.org>\n\nSlot.\n"
