"""The public version describes itself to programs and to readers of a forwarded link."""

import re
from html import unescape

import pytest

from mailer.letter.compile import compile_letter
from mailer.letter.compile.sharing import og_locale
from mailer.letter.compiled import Values
from mailer.letter.personalise import render
from tests.support.letters import PUBLIC, seen, small

CANONICAL = f"{PUBLIC}/archive/letter"
JOIN = f"{PUBLIC}/subscribe?topic=verenigingsnieuws&lang=nl"
READER: Values = {"contact": {"email": "a@b.example"}, "links": {"online": "o", "details": "d", "optout": "u"}}


def said(html: str) -> dict[str, str]:
    pairs = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', html)
    return {name: unescape(content) for name, content in pairs}


def test_the_head_says_address_title_summary_language_and_a_kept_picture() -> None:
    source = small("![De gevels van Gouda](gevels.png)\n", canonical_url=CANONICAL)
    compiled = compile_letter(source)
    tags = said(compiled.public_html)
    assert f'<link rel="canonical" href="{CANONICAL}">' in compiled.public_html
    assert tags["og:url"] == CANONICAL
    assert tags["og:title"] == source.subject
    assert tags["og:description"] == tags["description"] == source.preheader
    assert (tags["og:locale"], tags["og:type"], tags["og:site_name"]) == ("nl_NL", "article", "VNG")
    assert tags["og:image"] in {f"{PUBLIC}/m/{image.file_name}" for image in compiled.images}
    assert tags["og:image:alt"] == "De gevels van Gouda"


def test_a_letter_without_pictures_shows_the_logo_and_one_without_both_shows_none() -> None:
    assert said(compile_letter(small("Dag.", canonical_url=CANONICAL)).public_html)["og:image:alt"] == "VNG"
    plain = compile_letter(small("Dag.", canonical_url=CANONICAL, layout="plain"))
    assert "og:image" not in said(plain.public_html)


def test_words_that_look_like_markup_stay_words_in_the_head() -> None:
    nasty = '"><script>alert(1)</script> & zo'
    tags = compile_letter(small("Dag.", canonical_url=CANONICAL, subject=nasty, preheader=nasty)).public_html
    assert "<script" not in tags
    assert said(tags)["og:title"] == said(tags)["og:description"] == nasty


def test_a_summary_with_a_contact_tag_shows_its_fallback() -> None:
    source = small("Dag.", canonical_url=CANONICAL, preheader='Voor {{ contact.city | default("iedereen") }}.')
    assert said(compile_letter(source).public_html)["og:description"] == "Voor iedereen."


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("nl", "Wilt u Nieuws ook per mail ontvangen? Aanmelden"),
        ("en", "Would you like to receive Nieuws by email too? Sign up"),
        ("de", "Möchten Sie Nieuws auch per E-Mail erhalten? Anmelden"),
        ("fr", "Voulez-vous aussi recevoir Nieuws par e-mail\N{NO-BREAK SPACE}? S’inscrire"),
    ],
)
def test_whoever_reads_a_forwarded_letter_is_offered_to_sign_up_in_its_language(language: str, sentence: str) -> None:
    for layout in ("letter", "plain"):
        told = {"canonical_url": CANONICAL, "subscribe_url": JOIN, "topic_name": "Nieuws"}
        compiled = compile_letter(small("Dag.", language=language, layout=layout, **told))
        shown = seen(compiled.public_html)
        assert sentence in shown.text
        assert JOIN in shown.links
        assert JOIN in compiled.public_text
        own = render(compiled.letter.html, READER, language) + render(compiled.letter.text, READER, language)
        assert JOIN not in own
        assert "og:" not in own


def test_a_topic_that_strangers_cannot_join_is_not_offered() -> None:
    compiled = compile_letter(small("Dag.", canonical_url=CANONICAL))
    assert "/subscribe" not in compiled.public_html + compiled.public_text


def test_a_letter_that_is_not_online_says_nothing_of_itself() -> None:
    compiled = compile_letter(small("Dag.", online=False, online_url="", canonical_url=""))
    assert "canonical" not in compiled.public_html


@pytest.mark.parametrize(
    ("language", "locale"),
    [("nl", "nl_NL"), ("nl-BE", "nl_BE"), ("en", "en_GB"), ("en-US", "en_US"), ("de", "de_DE"), ("xx", "en_GB")],
)
def test_a_language_has_the_territory_it_names_or_the_likely_one(language: str, locale: str) -> None:
    assert og_locale(language) == locale
