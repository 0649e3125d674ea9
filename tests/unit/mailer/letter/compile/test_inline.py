# ruff: noqa: E501 - HTML and letters are read in one line
"""Putting styles inline changes nothing else: what must stay to the byte does, and every mark is counted."""

from __future__ import annotations

import re
import socket

import pytest

from mailer.letter.compile.inline import inline_styles
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.slots import scan

DOCTYPE = "<!doctype html>\n"
KEPT = [
    "<!--[if mso]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><![endif]-->",
    '<!--[if mso]><table role="presentation"><tr><td><![endif]-->',
    "<!--[if mso]></td></tr></table><![endif]-->",
    "<!--[if !mso]><!-->",
    "<!--<![endif]-->",
    "<style>\n@media (max-width: 600px) {\n.a { color: red !important; }\n}\n</style>",
    "<style>\n[data-ogsc] .a { color: #fff !important; }\n</style>",
    "&nbsp;&copy;&#847;&zwnj;&amp;&lt;&gt;&#x1F600;",
]


def _page(placeholders: Placeholders) -> tuple[str, list[str]]:
    words = [placeholders.slot(f"links.{name}") for name in ("online", "details", "optout")] + [
        placeholders.slot("contact.email")
    ]
    page = (
        f"{DOCTYPE}<html lang='nl'><head><title>{words[3]} &amp; co</title>{KEPT[0]}"
        "<style>p { color: #1a2b3c; margin: 0 } a { color: #2b3c4d !important }</style>"
        f"{KEPT[5].replace('<style>', '<style data-keep>')}{KEPT[6].replace('<style>', '<style data-keep>')}</head>"
        f"<body>{KEPT[1]}<table role='presentation'>{words[3]}<tr>{words[3]}<td>{words[3]}<p>{KEPT[7]} É😀</p>"
        f"{KEPT[3]}<a href='{words[0]}' title='{words[3]}'>x</a>{KEPT[4]}<a href='https://x.nl/{words[1]}?a=1&amp;b=c d'>y"
        f"</a><ul>{words[3]}<li>z</li>{words[3]}</ul></td></tr></table>{KEPT[2]}{words[2]}</body></html>"
    )
    return page, words


def test_doctype_conditional_comments_media_queries_and_entities_come_through_byte_for_byte() -> None:
    placeholders = Placeholders()
    page, _ = _page(placeholders)
    result = inline_styles(page, placeholders)
    assert result.startswith(DOCTYPE)
    for part in KEPT:
        assert result.count(part) == page.replace("<style data-keep>", "<style>").count(part) == 1


def test_each_word_of_a_tag_comes_out_as_often_as_it_went_in() -> None:
    placeholders = Placeholders()
    page, words = _page(placeholders)
    result = inline_styles(page, placeholders)
    for word in words:
        assert result.count(word) == page.count(word) > 0
    assert f'href="{words[0]}"' in result
    assert f"https://x.nl/{words[1]}?a=1&amp;b=c d" in result.replace("%20", " ")


def test_styles_are_inline_and_important_ones_stay_important() -> None:
    placeholders = Placeholders()
    result = inline_styles(_page(placeholders)[0], placeholders)
    assert re.search(r'<p style="color:#1a2b3c; ?margin:0">', result)
    assert 'style="color:#2b3c4d !important"' in result
    assert "<style>p {" not in result


def test_a_word_that_gets_lost_is_noticed() -> None:
    placeholders = Placeholders()
    word = placeholders.slot("contact.email")
    with pytest.raises(RuntimeError, match="lost or doubled"):
        inline_styles(f"<html><head></head><body {word}=''><p>x</p></body></html><!doctype {word}>", placeholders)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    page = '<html><head><link rel="stylesheet" href="https://example.org/x.css"></head><body><p>x</p></body></html>'
    assert "<p>x</p>" in inline_styles(page, Placeholders())


def test_equal_texts_give_equal_words_and_a_text_that_holds_a_word_gives_another() -> None:
    source = "Dag {{ contact.email }}"
    first, second = Placeholders(source), Placeholders(source)
    assert first.mask(scan(source)) == second.mask(scan(source))
    word = first.mask(scan(source)).text.removeprefix("Dag ")
    other = Placeholders(source + word)
    assert other.word.pattern.split("(")[0] not in source + word
