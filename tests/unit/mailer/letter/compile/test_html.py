"""The HTML has the parts that mail programs and readers need (standards C1 to C20), measured on sent letters."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import tinycss2

from mailer.letter.brand import DARK, LIGHT, Scheme
from mailer.letter.colour import contrast
from mailer.letter.compile import compile_letter
from mailer.letter.personalise import render
from tests.support.letters import EXAMPLES, READER, example, seen, small, vng

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.md"))
ALLOWED = {"html", "head", "meta", "title", "style", "body", "div", "table", "thead", "tbody", "tr", "th", "td", "p"}
ALLOWED |= {
    "a",
    "img",
    "h1",
    "h2",
    "h3",
    "h4",
    "strong",
    "em",
    "ul",
    "ol",
    "li",
    "br",
    "blockquote",
    "code",
    "pre",
    "span",
}


def _html(name: str) -> str:
    compiled = compile_letter(example(name))
    return render(compiled.letter.html, READER, compiled.letter.language)


@pytest.fixture(params=NAMES)
def html(request: pytest.FixtureRequest) -> str:
    return _html(request.param)


def render_html(body: str) -> str:
    return compile_letter(small(body)).public_html


def _tags(html: str, name: str) -> list[dict[str, Any]]:
    return [attributes for tag, attributes in seen(html).tags if tag == name]


def test_it_is_far_below_the_clip_of_gmail(html: str) -> None:
    assert len(html.encode()) < 20_000


def test_style_sheets_are_small_and_each_parses_without_a_fault(html: str) -> None:
    sheets = re.findall(r"<style>(.*?)</style>", re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL), re.DOTALL)
    assert len(sheets) == 3
    for sheet in sheets:
        assert len(sheet) < 8_000
        assert "url(" not in sheet
        assert "@import" not in sheet
        rules = tinycss2.parse_stylesheet(sheet, skip_whitespace=True, skip_comments=True)
        assert rules
        assert all(rule.type != "error" for rule in rules)


def test_only_tags_that_mail_programs_take(html: str) -> None:
    assert {tag for tag, _ in seen(html).tags} <= ALLOWED


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    assert not re.search(r"@import|<link|src=\"(?!https://post\.example\.org/m/)", html)


def test_layout_tables_have_their_role_and_data_tables_have_heads(html: str) -> None:
    for attributes in _tags(html, "table"):
        if attributes.get("class") == "data":
            assert "role" not in attributes
        else:
            assert attributes["role"] == "presentation"
            assert attributes["cellpadding"] == "0"
    assert all(attributes["scope"] == "col" for attributes in _tags(html, "th"))


def test_language_and_direction_stand_on_html_and_on_the_wrapper(html: str) -> None:
    (outer,), wrapper = _tags(html, "html"), next(a for a in _tags(html, "div") if a.get("role") == "article")
    assert outer["lang"] == wrapper["lang"]
    assert outer["dir"] == wrapper["dir"] == "ltr"
    assert wrapper["aria-label"]


def test_there_is_a_title_and_one_first_heading_and_no_level_is_left_out(html: str) -> None:
    assert re.search(r"<title>[^<]+</title>", html)
    levels = [int(tag[1]) for tag, _ in seen(html).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_links_are_underlined_but_for_buttons(html: str) -> None:
    for attributes in _tags(html, "a"):
        wanted = "none" if attributes.get("class") == "button" else "underline"
        assert f"text-decoration:{wanted}" in attributes["style"].replace(" ", "")


def test_pictures_have_a_description_a_size_and_are_blocks(html: str) -> None:
    for attributes in _tags(html, "img"):
        assert attributes["alt"]
        assert attributes["width"].isdecimal()
        assert attributes["height"].isdecimal()
        assert "display:block" in attributes["style"].replace(" ", "")


def test_no_text_is_smaller_than_14_pixels_and_lines_are_open(html: str) -> None:
    for style in re.findall(r'style="([^"]*)"', html):
        if "display:none" not in style.replace(" ", "") and "line-height:1px" not in style.replace(" ", ""):
            sizes = re.findall(r"font-size:\s*(\d+)px", style)
            assert all(int(size) >= 14 for size in sizes if size != "1"), style


def test_the_preheader_is_first_in_the_body_hidden_and_padded() -> None:
    html = _html("denkt-u-mee")
    start = html.index("<body")
    first = html[html.index("<div", start) : html.index("</div>", start)]
    assert "een verenigingsdialoog" in first
    assert "display:none" in first.replace(" ", "")
    assert "mso-hide:all" in first.replace(" ", "")
    assert first.count("&#847;&zwnj;&nbsp;") > 20
    assert html.count("een verenigingsdialoog om te komen tot een gezamenlijke visie op regionale samenwerking.") == 2


def test_dark_mode_is_announced_and_has_its_rules(html: str) -> None:
    names = {attributes.get("name"): attributes.get("content") for attributes in _tags(html, "meta")}
    assert names["color-scheme"] == names["supported-color-schemes"] == "light dark"
    assert "@media (prefers-color-scheme: dark)" in html
    assert "[data-ogsc]" in html


def test_outlook_gets_its_table_and_a_button_that_grows_with_its_text() -> None:
    html = _html("alle-blokken")
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->") == 3
    assert "v:roundrect" not in html
    box = next(a["style"] for a in _tags(html, "td") if a.get("class") == "button-box").replace(" ", "")
    assert "mso-padding-alt:12px26px" in box
    assert "mso-border-alt:solid#" in box
    assert "width" not in box
    button = next(attributes for attributes in _tags(html, "a") if attributes.get("class") == "button")
    assert button["href"] == "https://example.org/vng/aanmelden?bron=brief&dag=1"
    assert "mso-hide" not in button["style"]
    assert "mso-border-alt:none" in button["style"].replace(" ", "")
    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in html


@pytest.mark.parametrize(
    ("word", "whole"), [("Informatiebijeenkomst", True), ("Informatiebijeenkomstenkalender", False)]
)
def test_words_of_a_table_are_cut_only_where_they_do_not_fit_on_a_phone(word: str, whole: bool) -> None:
    table = (
        f"| Datum | Onderwerp | Locatie |\n|---|---|---|\n| donderdag 18 maart | {word} over de wijk | Wijkcentrum |"
    )
    html = render_html(table)
    [style] = [a["style"] for a in _tags(html, "table") if (a.get("class") or "").startswith("data")]
    assert ("word-break:normal" in style.replace(" ", "")) is whole


def test_a_button_is_44_pixels_high_or_more() -> None:
    style = next(a["style"] for a in _tags(_html("alle-blokken"), "a") if a.get("class") == "button").replace(" ", "")
    padding, line = re.search(r"padding:(\d+)px", style), re.search(r"line-height:(\d+)px", style)
    assert padding
    assert line
    assert 2 * int(padding[1]) + int(line[1]) >= 44


def test_footer_links_are_targets_of_24_pixels_or_more(html: str) -> None:
    ways = [attributes["style"].replace(" ", "") for attributes in _tags(html, "a") if attributes.get("class") == "way"]
    assert len(ways) >= 4
    assert all("padding:5px0" in style and "line-height:22px" in style for style in ways)


@pytest.mark.parametrize("scheme", [LIGHT, DARK, vng().light, vng().dark], ids=["light", "dark", "vng", "vng dark"])
def test_text_links_and_buttons_can_be_read_in_both_schemes(scheme: Scheme) -> None:
    for back in (scheme.page, scheme.surface):
        for front in (scheme.text, scheme.muted, scheme.link):
            assert contrast(front, back) >= 4.5
    assert contrast(scheme.on_action, scheme.action) >= 4.5
    assert contrast(scheme.action, scheme.surface) >= 3


def test_every_colour_of_the_light_scheme_that_is_inline_has_a_dark_rule() -> None:
    """Each class that sets a colour inline is named in the dark sheet, or stands in what is."""
    html = _html("alle-blokken")
    dark = html[html.index("prefers-color-scheme: dark") :]
    for name in (".content", ".title", ".muted", ".foot", ".top a", ".surface", ".accent", ".button-box", ".rule"):
        assert name in dark


def test_the_letter_is_whole_without_any_style_sheet() -> None:
    html = re.sub(r"<style.*?</style>", "", _html("denkt-u-mee"), flags=re.DOTALL)
    styled = sum("style" in attributes for tag, attributes in seen(html).tags if tag in ("p", "a", "h1", "td"))
    assert styled == sum(
        1 for tag, attributes in seen(html).tags if tag in ("p", "a", "h1") or (tag == "td" and "class" in attributes)
    )


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("a *b* **c** `d`", "<em>b</em>"),
        ("1. een\n2. twee", "<ol"),
        ("3. drie\n4. vier", 'start="3"'),
        ("> zin", "<blockquote"),
        ("- a\n\n  b\n- c", "<li"),
        ("```\na < b\n```", "a &lt; b"),
        ("## Kop", "<h2"),
        ("###### Kop", "<h4"),
        ("een  \ntwee", "<br>"),
        ("::: small\nklein\n:::", 'class="small"'),
        ("---", 'role="separator"'),
        ("[![Huizen](gevels.png)](https://x.nl)", '<a href="https://x.nl"'),
        ("AT&amp;T &copy; &lt;3", "AT&amp;T © &lt;3"),
        ("<!-- een aantekening -->", "</h1>"),
    ],
)
def test_each_kind_of_markdown_becomes_plain_html(markdown: str, html: str) -> None:
    compiled = compile_letter(small(markdown))
    assert html in render(compiled.letter.html, READER, "nl")
    assert "aantekening" not in render(compiled.letter.html, READER, "nl")
