# ruff: noqa: E501 - a table of cases is read by its rows
"""Every fault of a letter is told, at its line, with what was found and what was expected; all at once."""

from __future__ import annotations

import pytest

from mailer.errors import Fault, FaultsError
from mailer.letter.compile import compile_letter
from tests.support.letters import small


def _faults(body: str, **changes: object) -> list[Fault]:
    try:
        return list(compile_letter(small(body, **changes)).warnings)
    except FaultsError as error:
        return list(error.faults)


CASES = [
    ("a\n\n::: buton https://x.nl\nL\n:::", 12, "::: buton", "one of button, signature, small", "Did you mean button?"),
    ("::: signature\nA", 10, "::: signature", "::: on a line of its own, where the block ends", ""),
    ("A\n\n:::", 12, ":::", "a block that is open here, such as ::: signature", ""),
    ("::: button\nL\n:::", 10, "nothing", "::: button https://…", "Write https://… or mailto:…"),
    ("::: small x\nL\n:::", 10, "::: small x", "::: small", ""),
    ("::: small\n:::", 10, "::: small", "text before the closing :::", ""),
    ("::: button https://x.nl\nA\n\nB\n:::", 10, "A B", "one line of text", ""),
    ("::: button vng.nl/x\nL\n:::", 10, "vng.nl/x", "an address that begins with https://, http://, mailto: or tel:", "Did you mean https://vng.nl/x?"),
    ("een\ntwee [x](#)", 11, "#", "an address", "Write https://… or mailto:…"),
    ("[x](javascript:alert(1))", 10, "javascript:alert(1)", "an address that begins with https://, http://, mailto: or tel:", ""),
    ("[](https://x.nl)", 10, "[](https://x.nl)", "a text for the link", ""),
    ("[a](https://x.nl/a b)", 10, "[a](https://x.nl/a b)", "[text](address) with no space in the address", ""),
    ("een\n\n<b>x</b>", 12, "<b>", "Markdown", "HTML cannot stand in a letter; for a lone < write &lt;"),
    ("<div>\nx\n</div>", 10, "<div>", "Markdown", "HTML cannot stand in a letter; for a lone < write &lt;"),
    ("![](gevels.png)", 10, "![](gevels.png)", "a description between [ and ]", "Say what there is to see, for who cannot see it."),
    ("![a](gevel.png)", 10, "gevel.png", "a picture beside the letter", "Did you mean gevels.png?"),
    ("![a](../gevels.png)", 10, "../gevels.png", "a picture beside the letter", "Did you mean gevels.png?"),
    ("![a]({{ contact.email }}.png)", 10, "{{ contact.email }}.png", "the same picture for everybody", ""),
    ("x ![a](gevels.png)", 10, "![a](gevels.png)", "a picture in a paragraph of its own", ""),
    ("{% if contact.a %}![a](gevels.png){% endif %}", 10, "![a](gevels.png)", "a picture in a paragraph of its own", "Around whole paragraphs, put each tag on a line of its own."),
    ("{% if contact.a %} [![a](gevels.png)](https://x.nl) {% endif %}", 10, "![a](gevels.png)", "a picture in a paragraph of its own", "Around whole paragraphs, put each tag on a line of its own."),
    ("![a](geen.png)", 10, "geen.png", "a PNG, JPEG, GIF or WebP picture", "This file is no such picture."),
    ("{% if contact.a %}\nx {% endif %}", 10, "{% if contact.a %}", "{% endif %} in the same paragraph, list or block, around whole bold words and whole links", "Around whole paragraphs, put each tag on a line of its own."),
    ("x\n\n**{% if contact.a %}a** b{% endif %}", 12, "{% if contact.a %}", "{% endif %} in the same paragraph, list or block, around whole bold words and whole links", "Around whole paragraphs, put each tag on a line of its own."),
    ("{% if contact.a %}\nx {% else %}\n{% endif %}", 11, "{% else %}", "{% if … %} in the same paragraph, list or block, around whole bold words and whole links", "Around whole paragraphs, put each tag on a line of its own."),
    ("[a](https://x.nl/{% if contact.a %}b) {% endif %}", 10, "https://x.nl/{% if contact.a %}b", "a condition that begins and ends within the address, or around the link", ""),
    ("```\n{% if contact.a %}\n```\n\n{% endif %}", 10, "{% if contact.a %}", "{% endif %} in the same paragraph, list or block, around whole bold words and whole links", "Around whole paragraphs, put each tag on a line of its own."),
    ("{% if contact.a %}[a](https://x.nl/{% endif %}{% if contact.a %}b){% endif %}", 10, "https://x.nl/{% endif %}{% if contact.a %}b", "a condition that begins and ends within the address, or around the link", ""),
    ("{{ contact.a }}", 10, "{{ contact.a }}", "a fallback for contacts that have no value", 'Write {{ contact.a | default("…") }}'),
    ("", 10, "nothing", "the text of the letter", ""),
    ("a\r\nb\x1b", 11, "U+001B", "text without control characters", ""),
    ("a\n\nb&#12;c", 12, "U+000C", "text without control characters", ""),
]  # fmt: skip


@pytest.mark.parametrize(("body", "line", "found", "expected", "hint"), CASES, ids=[str(n) for n in range(len(CASES))])
def test_a_fault_has_its_line_and_says_what_was_found_and_expected(
    body: str, line: int, found: str, expected: str, hint: str
) -> None:
    images = {"gevels.png": small("x").images["gevels.png"], "geen.png": b"geen"}
    faults = [fault for fault in _faults(body, images=images) if fault.severity == "error"]
    assert Fault("letter.md", line, "body", found, expected, hint) in faults


WARNINGS = [
    ("[Klik hier](https://x.nl)", "“Klik hier”", "a link text that says where it leads"),
    ("[read more…](https://x.nl)", "“read more…”", "a link text that says where it leads"),
    ("![a](https://elders.nl/a.png)", "https://elders.nl/a.png", "a picture beside the letter"),
    ("# Kop", "# Kop", "## for a heading"),
]


@pytest.mark.parametrize(("body", "found", "expected"), WARNINGS)
def test_a_warning_does_not_stop_the_letter(body: str, found: str, expected: str) -> None:
    (warning,) = _faults(body)
    assert (warning.severity, warning.found, warning.expected, warning.line) == ("warning", found, expected, 10)


def test_all_faults_of_subject_preheader_and_text_are_told_at_once_by_line() -> None:
    faults = _faults(
        "{{ contact.a }}\n\n[x](#)\n\n[hier](https://x.nl)", subject="{{ contact.b }}", preheader="{% if %}"
    )
    assert [(fault.field, fault.line) for fault in faults if fault.severity == "error"][:2] == [
        ("subject", 3),
        ("preheader", 4),
    ]
    assert {(fault.field, fault.line) for fault in faults} >= {("body", 10), ("body", 12), ("body", 14)}


@pytest.mark.parametrize("key", ["subject", "preheader"])
def test_a_head_is_one_line_without_control_characters(key: str) -> None:
    (fault,) = _faults("Dag.", **{key: "a\nb"})
    assert (fault.field, fault.found) == (key, "U+000A")


def test_an_empty_subject_is_a_fault() -> None:
    assert [(fault.field, fault.line, fault.expected) for fault in _faults("Dag.", subject=" ")] == [
        ("subject", 3, "a subject")
    ]


@pytest.mark.parametrize(
    "body",
    [
        "{% if contact.a %}**a**{% else %}b{% endif %}",
        "[a](https://x.nl/{% if contact.a %}b{% else %}c{% endif %})",
        "- a\n{% if contact.a %}\n- b\n{% endif %}\n- c",
        "::: signature\nA\n{% if contact.a %}\nB\n{% endif %}\n:::",
        "Dag.\n\n{% if contact.a %}\n::: button https://x.nl\nL\n:::\n{% endif %}",
        "[a]({{ links.details }}) [b](mailto:a@b.nl?subject=x%20y) [c](tel:+31-70-1) [d](https://münchen.de/é)",
        ":::: small\n::: signature\nA\n:::\nB\n::::",
        "a < b, a &lt; b, 3 > 2, <https://x.nl>, <info@vng.nl>",
    ],
)
def test_what_the_dialect_allows_has_no_fault(body: str) -> None:
    assert _faults(body) == []


def test_a_picture_between_tags_on_lines_of_their_own_is_right() -> None:
    assert _faults("Tekst.\n\n{% if contact.a %}\n![a](gevels.png)\n{% endif %}") == []
