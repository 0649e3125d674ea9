"""The body's grammar: CommonMark, blocks between colons, and tags on lines of their own."""

from __future__ import annotations

import pytest

from mailer.letter.compile import image_names
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.tree import Element, parse
from mailer.letter.slots import scan


def _tree(body: str) -> Element:
    placeholders = Placeholders(body)
    return parse(placeholders.mask(scan(body, first_line=1)), placeholders)


def _outline(element: Element) -> str:
    inside = " ".join(_outline(child) for child in element.children)
    name = f":{element.name}" if element.kind == "block" else ""
    return f"{element.kind}{name}({inside})" if inside else f"{element.kind}{name}"


@pytest.mark.parametrize(
    ("body", "outline"),
    [
        ("::: small\na\n:::", "root(block:small(paragraph(text)))"),
        (":::small\na\n:::", "root(block:small(paragraph(text)))"),
        ("a\n::: small\nb\n:::\nc", "root(paragraph(text) block:small(paragraph(text)) paragraph(text))"),
        (":::: x\n::: y\na\n:::\n::::", "root(block:x(block:y(paragraph(text))))"),
        ("::: x\n::: y\na\n:::\n:::", "root(block:x(block:y(paragraph(text))))"),
        (
            "- ::: x\n  a\n  :::\n- b",
            "root(bullet_list(list_item(block:x(paragraph(text))) list_item(paragraph(text))))",
        ),
        ("    ::: x", "root(block:x)"),
        ("    a\n\n    b", "root(paragraph(text) paragraph(text))"),
        ("a ::: b", "root(paragraph(text))"),
        ("a\n{% if contact.x %}\nb\n{% endif %}", "root(paragraph(text) control paragraph(text) control)"),
        ("{% if contact.x %}{% endif %}", "root(control control)"),
        ("a {% if contact.x %}b{% endif %}", "root(paragraph(text control text control))"),
        ("[a](https://x.nl/{{ contact.email }})", "root(paragraph(link(text)))"),
        ("**{{ contact.email }}**", "root(paragraph(strong(slot)))"),
        ('{{ contact.a | default("*x* [y](z)") }}', "root(paragraph(slot))"),
    ],
)
def test_a_body_has_this_outline(body: str, outline: str) -> None:
    assert _outline(_tree(body)) == outline


def test_lines_are_those_of_the_file_also_after_tags_and_comments_of_several_lines() -> None:
    body = 'a {{ contact.x |\n default("y") }} {# twee\nregels #} b\n\n[l](https://x.nl)'
    links = [element for element in _tree(body).walk() if element.kind == "link"]
    assert [link.line for link in links] == [5]


def test_the_pictures_of_a_body_are_named_without_addresses_or_ways_out() -> None:
    body = "![a](a.png)\n\n![b](<map/een beeld.png>)\n\n![c](https://x.nl/c.png)\n\n![d](../d.png)\n\n![e](/e.png)\n\n![a](a.png)"
    assert image_names(body) == ("a.png", "map/een beeld.png")
