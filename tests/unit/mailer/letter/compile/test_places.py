"""From words to a plan: each slot knows its place, branches and loops nest as the tags did."""

from __future__ import annotations

import pytest

from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.places import Misplaced, flat_template, html_template
from mailer.letter.compiled import Branch, EscapeContext, Loop, Slot
from mailer.letter.slots import scan


def _masked(text: str) -> tuple[str, Placeholders]:
    placeholders = Placeholders(text)
    return placeholders.mask(scan(text)).text, placeholders


@pytest.mark.parametrize(
    ("html", "place"),
    [
        ("<p>{{ contact.email }}</p>", EscapeContext.HTML),
        ("<title>{{ contact.email }}</title>", EscapeContext.HTML),
        ('<a href="{{ contact.email }}">x</a>', EscapeContext.URL),
        ("<a href='https://x.nl/{{ contact.email }}'>x</a>", EscapeContext.PART),
        ('<a href="mailto:{{ contact.email }}">x</a>', EscapeContext.MAIL),
        ('<a href="mailto:info@x.nl?body={{ contact.email }}">x</a>', EscapeContext.PART),
        ('<a href="tel:{{ contact.email }}">x</a>', EscapeContext.PHONE),
        ('<a title="{{ contact.email }}">x</a>', EscapeContext.ATTRIBUTE),
        ('<img src="{{ contact.email }}">', EscapeContext.URL),
        ('<!--[if mso]><v:roundrect href="{{ contact.email }}"><![endif]-->', EscapeContext.URL),
        ("<!--[if mso]><center>{{ contact.email }}</center><![endif]-->", EscapeContext.HTML),
        ('<a title="a > b">{{ contact.email }}</a>', EscapeContext.HTML),
        ("1 < 2 {{ contact.email }}", EscapeContext.HTML),
    ],
)
def test_a_slot_gets_the_place_it_stands_in(html: str, place: EscapeContext) -> None:
    text, placeholders = _masked(html)
    template = html_template(text, placeholders)
    assert [node for node in template if isinstance(node, Slot)] == [Slot("contact.email", place)]
    assert "".join(node for node in template if isinstance(node, str)) == html.replace("{{ contact.email }}", "")


@pytest.mark.parametrize("html", ["<style>a { color: {{ contact.email }} }</style>", "<p {{ contact.email }}>x</p>"])
def test_a_slot_where_no_value_may_stand_is_refused(html: str) -> None:
    text, placeholders = _masked(html)
    with pytest.raises(Misplaced, match="contact tag") as found:
        html_template(text, placeholders)
    assert (found.value.shown, found.value.line) == ("{{ contact.email }}", 1)


def test_branches_and_loops_nest_as_the_tags_did() -> None:
    text, placeholders = _masked(
        "a{% if contact.x %}b{% for i in contact.l %}{{ i }},{% endfor %}{% elif contact.y %}c{% else %}d{% endif %}e"
    )
    loop = Loop("i", "contact.l", (Slot("i", EscapeContext.PLAIN), ","))
    branch = Branch((("contact.x", ("b", loop)), ("contact.y", ("c",))), ("d",))
    assert flat_template(text, placeholders, EscapeContext.PLAIN) == ("a", branch, "e")


@pytest.mark.parametrize("text", ["{% if contact.x %}a", "a{% endif %}", "{% for i in contact.l %}a"])
def test_tags_out_of_balance_are_refused(text: str) -> None:
    masked, placeholders = _masked(text)
    with pytest.raises(Misplaced, match="balance") as found:
        flat_template(masked, placeholders, EscapeContext.PLAIN)
    assert found.value.line == 1
    assert found.value.shown in text
