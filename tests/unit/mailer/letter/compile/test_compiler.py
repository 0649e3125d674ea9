# ruff: noqa: E501 - HTML and letters are read in one line
"""A letter is compiled once, whole, the same each time, and for everybody; the real letter above all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from mailer.errors import FaultsError
from mailer.letter.brand import builtin_brand
from mailer.letter.compile import compile_letter
from mailer.letter.compiled import Compiled, EscapeContext, Letter, Slot
from mailer.letter.personalise import render
from templates.service import service_letter
from tests.support.letters import EXAMPLES, LINKS, PUBLIC, READER, example, seen, small

FACTS = (
    "een verenigingsdialoog om te komen tot een gezamenlijke visie op regionale samenwerking.",
    "Lees online",
    "Gegevens wijzigen",
    "Denkt u mee over regionale samenwerking?",
    "18 september 2024",
    "Op 18 september 2024 start de VNG een verenigingsdialoog",
    "onderdeel van de VNG Verenigingsstrategie 2030",
    "thema's, obstakels en oplossingen",
    "raadslid, burgemeester, wethouder, gemeentesecretaris, griffier of gemeenteambtenaar",
    "Goed Lokaal Bestuur",
    "de Facilitating Company, die als een onafhankelijke facilitator deze dialoog begeleidt.",
    "Klik hier",
    "De eerste interactieve stap staat open tot 7 oktober.",
    "Bij voorbaat hartelijk dank voor uw deelname!",
    "Andries Kok\nDirecteur Lokaal Bestuur en Informatiesamenleving\nVNG",
    "Contact",
    "Afmelden",
    "vng.nl",
    "Dit bericht is verzonden door de VNG.",
    "Lees onze proclamer.",
)
ADDRESSES = (
    LINKS["online"],
    LINKS["details"],
    LINKS["optout"],
    "https://example.org/vng/goed-lokaal-bestuur",
    "https://example.org/vng/dialoog-regionale-samenwerking",
    "https://example.org/vng/contact",
    "https://example.org/vng",
    "https://example.org/vng/proclamer",
)


def _html(compiled: Compiled, values: dict[str, Any] = READER) -> str:
    return render(compiled.letter.html, values, compiled.letter.language)


def _text(compiled: Compiled, values: dict[str, Any] = READER) -> str:
    return render(compiled.letter.text, values, compiled.letter.language)


def _reader(**attributes: Any) -> dict[str, Any]:
    return {"contact": {"email": "x@example.org", **attributes}, "links": LINKS}


def _one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def real() -> Compiled:
    return compile_letter(example("denkt-u-mee"))


@pytest.mark.parametrize("fact", FACTS)
def test_each_fact_of_the_real_letter_is_in_its_html(real: Compiled, fact: str) -> None:
    shown = seen(_html(real)).text
    assert fact in shown or (fact in _one_line(shown) and "\n" not in fact)


@pytest.mark.parametrize("fact", FACTS)
def test_each_fact_of_the_real_letter_is_in_its_text(real: Compiled, fact: str) -> None:
    text = _text(real)
    assert fact in text or ("\n" not in fact and fact in _one_line(text))


def test_html_and_text_of_the_real_letter_have_the_same_links(real: Compiled) -> None:
    assert set(seen(_html(real)).links) == {*ADDRESSES, "mailto:dialoogregionalesamenwerking@vng.nl"}
    found = set(re.findall(r"<(https?://[^>]+)>", _text(real)))
    assert found == set(ADDRESSES)
    assert "naar dialoogregionalesamenwerking@vng.nl." in _one_line(_text(real))


def test_the_bold_line_is_bold_in_both(real: Compiled) -> None:
    assert "<strong>De eerste interactieve stap staat open tot 7 oktober.</strong>" in _html(real)
    assert "*De eerste interactieve stap staat open tot 7 oktober.*" in _text(real)


def test_the_salutation_is_the_fallback_or_the_readers_own(real: Compiled) -> None:
    assert "Geachte heer, mevrouw," in _html(real)
    assert "Geachte heer, mevrouw," in _text(real)
    own = _reader(salutation="mevrouw Van der Mark")
    assert "Geachte mevrouw Van der Mark," in _html(real, own)
    assert "Geachte mevrouw Van der Mark," in _text(real, own)


def test_subject_sender_and_list_are_those_of_the_file(real: Compiled) -> None:
    letter = real.letter
    assert letter.subject == ("Denkt u mee over regionale samenwerking?",)
    assert (letter.from_name, letter.from_address) == ("VNG", "info@vng.nl")
    assert ("List-Id", '"Verenigingsnieuws" <verenigingsnieuws.vng.nl>') in letter.headers


def test_the_public_version_has_the_fallback_and_no_personal_link(real: Compiled) -> None:
    for version in (real.public_html, real.public_text):
        assert "Geachte heer, mevrouw," in version
        assert "/u/" not in version
        assert "/d/" not in version
        assert "Afmelden" not in version
        assert "Gegevens wijzigen" not in version
        assert "Lees onze proclamer." in version


def test_the_same_source_gives_the_same_letter_and_a_letter_survives_its_json(real: Compiled) -> None:
    again = compile_letter(example("denkt-u-mee"))
    assert again == real
    assert Letter.from_bytes(real.letter.to_bytes()) == real.letter


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.md")), ids=lambda path: path.stem)
def test_each_example_compiles_and_leaves_no_word_of_a_mask(path: Any) -> None:
    compiled = compile_letter(example(path.stem))
    for version in (_html(compiled), _text(compiled), compiled.public_html, compiled.public_text):
        assert not re.search(r"x[qk][0-9a-f]{8}", version)
        assert "{{" not in version
        assert "{%" not in version


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.md")), ids=lambda path: path.stem)
def test_text_lines_are_at_most_78_wide_and_hold_no_html(path: Any) -> None:
    text = _text(compile_letter(example(path.stem)))
    long = [line for line in text.split("\n") if len(line) > 78 and " " in line.strip()]
    assert long == []
    assert not re.search(r"<(?!https?://|mailto:)[a-z/!]", text)


def test_a_slot_knows_its_place() -> None:
    source = small(
        '{{ contact.a | default("x") }} [b](https://x.nl/{{ contact.b | default("x") }} "{{ contact.c | default("x") }}")',
        subject='{{ contact.d | default("x") }}',
    )
    compiled = compile_letter(source)
    places = {node.source.split()[0]: node.place for node in compiled.letter.html if isinstance(node, Slot)}
    assert places["contact.a"] is EscapeContext.HTML
    assert places["contact.b"] is EscapeContext.PART
    assert places["contact.c"] is EscapeContext.ATTRIBUTE
    assert compiled.letter.subject == (Slot('contact.d | default("x")', EscapeContext.HEADER),)
    places = {node.source.split()[0]: node.place for node in compiled.letter.text if isinstance(node, Slot)}
    assert (places["contact.a"], places["contact.b"]) == (EscapeContext.PLAIN, EscapeContext.PART)


HOSTILE = [
    "",
    None,
    "  ",
    'O\'Brien & "zonen" <b>',
    "<script>alert(1)</script>",
    "🙂👩‍👩‍👧",
    "مرحبا بالعالم",
    "a\r\nBcc: x@y.nl",
    "é" * 10_000,
    "]](javascript:alert(1)) ::: {{ x }} {% if %}",
]


@pytest.mark.parametrize("value", HOSTILE, ids=[str(number) for number in range(len(HOSTILE))])
def test_no_value_leaves_its_place_wherever_it_stands(value: str | None) -> None:
    slot = '{{ contact.v | default("niets") }}'
    body = (
        f'{slot} **{slot}** [k {slot}](https://x.nl/a?b={slot} "{slot}")\n\n::: button {slot}\n{slot}\n:::\n\n- {slot}'
    )
    compiled = compile_letter(small(body, subject=f"Over {slot}", preheader=f"Pre {slot}"))
    plain, filled = _html(compiled, _reader()), _html(compiled, _reader(v=value))
    assert [tag for tag, _ in seen(filled).tags] == [tag for tag, _ in seen(plain).tags]
    assert [sorted(attrs) for _, attrs in seen(filled).tags] == [sorted(attrs) for _, attrs in seen(plain).tags]
    links = [link for link in seen(filled).links if link]
    assert all(link.startswith(("https://", "mailto:", "#")) for link in links)
    assert "None" not in filled
    assert "None" not in _text(compiled, _reader(v=value))
    if not (value or "").strip():
        assert filled == plain


def test_conditions_and_loops_choose_what_a_reader_sees() -> None:
    body = (
        'Dag {% if contact.naam %}{{ contact.naam | default("") }}{% else %}lezer{% endif %}.\n\n'
        '{% if contact.rol == "raadslid" %}\nVoor raadsleden.\n{% elif contact.rol %}\nVoor anderen.\n{% else %}\n'
        "Voor iedereen.\n{% endif %}\n\n{% for x in contact.lijst %}\n- {{ x }}\n{% endfor %}"
    )
    compiled = compile_letter(small(body))
    council = _reader(naam="Ans", rol="raadslid", lijst=["een", "twee"])
    html, text = _html(compiled, council), _text(compiled, council)
    assert "Dag Ans." in html
    assert "Voor raadsleden." in html
    assert "anderen" not in html
    assert html.count("<li") == 2
    assert html.count("<ul") == 1
    assert "Dag Ans.\n\nVoor raadsleden.\n\n- een\n- twee\n\n" in text
    nobody = _html(compiled, _reader())
    assert "Dag lezer." in nobody
    assert "Voor iedereen." in nobody
    assert "<ul" not in nobody
    assert "Dag lezer." in compiled.public_html
    assert "Voor iedereen." in compiled.public_html


def test_personal_links_in_the_text_stay_text_in_the_public_version() -> None:
    body = "U kunt zich [afmelden]({{ links.optout }}).\n\n::: button {{ links.details }}\nWijzig\n:::\n\n{{ links.online }}"
    compiled = compile_letter(small(body))
    assert f'href="{LINKS["optout"]}"' in _html(compiled)
    assert "U kunt zich afmelden." in seen(compiled.public_html).text
    assert "Wijzig" not in compiled.public_html
    assert LINKS["online"] in compiled.public_html
    assert LINKS["online"] in compiled.public_text


def test_a_service_letter_has_no_way_to_opt_out_and_no_list() -> None:
    source = small("Dag.", kind="service", list_id="")
    compiled = compile_letter(source)
    assert not compiled.letter.list_unsubscribe
    assert not any(link.startswith(PUBLIC) for link in seen(_html(compiled)).links)
    assert "List-Id" not in dict(compiled.letter.headers)


@pytest.mark.parametrize("language", ["nl", "en", "de", "fr"])
@pytest.mark.parametrize("name", ["details_changed", "optin_confirm", "address_change_new", "address_change_old"])
def test_our_own_letters_compile_in_each_language(name: str, language: str) -> None:
    own = service_letter(name, language)
    source = small(own.body, subject=own.subject, preheader=own.preheader, language=language, kind="service")
    compiled = compile_letter(replace(source, online=False))
    filled = _reader(undo=f"{PUBLIC}/undo/1", confirm=f"{PUBLIC}/confirm/1", changes=["Naam"], salutation="Ans")
    html = _html(compiled, filled)
    assert f'lang="{language}"' in html
    assert "Ans" not in html
    assert html.count("v:roundrect") == 0


def test_a_letter_without_read_online_links_nowhere_to_it() -> None:
    compiled = compile_letter(small("Dag.", online=False, online_url=""))
    assert "Lees online" not in _html(compiled)
    assert "/o/" not in _text(compiled)
    with pytest.raises(FaultsError, match="online: none"):
        compile_letter(small("[Lees]({{ links.online }})", online=False, online_url=""))


def test_pictures_get_a_lasting_address_and_their_size() -> None:
    compiled = compile_letter(small("![Huizen](gevels.png)", brand=builtin_brand("VNG")))
    assert [image.media_type for image in compiled.images] == ["image/png"]
    attributes = dict(next(attrs for tag, attrs in seen(_html(compiled)).tags if tag == "img"))
    assert attributes["src"] == f"{PUBLIC}/m/{compiled.images[0].file_name}"
    assert (attributes["alt"], attributes["width"], attributes["height"]) == ("Huizen", "560", "240")
    assert "display:block" in (attributes["style"] or "").replace(" ", "")


def test_a_letter_near_the_clip_of_gmail_has_its_opt_out_at_the_top_and_a_warning_beyond() -> None:
    paragraph = "Woord " * 160 + "\n\n"
    near = compile_letter(small(paragraph * 80))
    assert _html(near).index("Afmelden") < _html(near).index("<h1")
    assert not [fault for fault in near.warnings if "Gmail" in fault.hint]
    beyond = compile_letter(small(paragraph * 100))
    assert [fault.field for fault in beyond.warnings if "Gmail" in fault.hint] == ["body"]


def test_a_brand_without_a_sender_block_is_a_warning() -> None:
    found = compile_letter(small("Dag.", brand=builtin_brand("VNG"))).warnings
    assert [(fault.field, fault.severity) for fault in found] == [("brand", "warning")]


def test_a_long_preheader_is_a_warning_with_its_line() -> None:
    found = compile_letter(small("Dag.", preheader="x" * 121)).warnings
    assert [(fault.field, fault.line, fault.found) for fault in found] == [("preheader", 4, "121 characters")]


def test_right_to_left_letters_turn_around() -> None:
    html = _html(compile_letter(small("مرحبا", language="ar")))
    assert html.count('dir="rtl"') == 2
    assert 'lang="ar"' in html
    assert "text-align:right" in html.replace(" ", "")


@pytest.mark.parametrize(("name", "id_"), [("Nieuws", '"Nieuws" <l.vng.nl>'), ("Nieuws – één", "<l.vng.nl>")])
def test_a_list_id_has_the_topics_name_only_if_it_needs_no_encoding(name: str, id_: str) -> None:
    compiled = compile_letter(small("Dag.", topic_name=name, list_id="l.vng.nl"))
    assert dict(compiled.letter.headers)["List-Id"] == id_
