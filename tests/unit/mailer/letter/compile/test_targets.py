"""Where links lead: nobody gets a dead one, and who has no address gets the text."""

from __future__ import annotations

from typing import Any

import pytest

from mailer.errors import FaultsError
from mailer.letter.compile import compile_letter
from mailer.letter.compiled import Compiled
from mailer.letter.personalise import render
from tests.support.letters import LINKS, pictures, seen, small

SITE = '[Uw site]({{ contact.site | default("www.example.org") }})'
BUTTON = '::: button {{ contact.site | default("") }}\nNaar uw site\n:::\n\nTot ziens.'


def links(compiled: Compiled, **contact: Any) -> list[str]:
    html = render(compiled.letter.html, {"contact": contact, "links": LINKS}, "nl")
    return [link for link in seen(html[html.index('class="body') : html.index('class="foot')]).links if link]


def text(compiled: Compiled, **contact: Any) -> str:
    return render(compiled.letter.text, {"contact": contact, "links": LINKS}, "nl")


@pytest.mark.parametrize(
    ("site", "link"),
    [
        (None, "https://www.example.org"),
        ("geen", "https://www.example.org"),
        ("javascript:alert(1)", "https://www.example.org"),
        ("www.jan.example/a b", "https://www.jan.example/a%20b"),
        ("https://jan.example/?a=1&b=2", "https://jan.example/?a=1&b=2"),
    ],
)
def test_a_value_that_is_no_address_gives_way_to_the_fallback_which_need_not_have_a_scheme(
    site: str | None, link: str
) -> None:
    compiled = compile_letter(small(SITE))
    assert links(compiled, site=site) == [link]
    assert f"Uw site <{link}>" in text(compiled, site=site)


@pytest.mark.parametrize("site", [None, "geen", "x y"])
def test_without_an_address_a_button_is_left_out_and_check_says_so(site: str | None) -> None:
    compiled = compile_letter(small(BUTTON))
    assert [warning.found for warning in compiled.warnings] == ['{{ contact.site | default("") }}']
    html = render(compiled.letter.html, {"contact": {"site": site}, "links": LINKS}, "nl")
    assert "Naar uw site" not in html + text(compiled, site=site) + compiled.public_html + compiled.public_text
    assert "Tot ziens." in html
    assert 'href="#"' not in html
    assert links(compiled, site="x.example") == ["https://x.example"]


def test_without_an_address_a_link_and_a_picture_stay_without_one() -> None:
    body = 'Zie [uw site]({{ contact.site | default("") }}).\n\n[![Foto](a.png)]({{ contact.site | default("") }})'
    compiled = compile_letter(small(body, images={"a.png": pictures()["gevels.png"]}))
    assert links(compiled) == []
    html = render(compiled.letter.html, {"contact": {}, "links": LINKS}, "nl")
    assert "Zie uw site." in html
    assert html.count('alt="Foto"') == 1
    assert "Zie uw site.\n\n[Foto]\n\n" in text(compiled)
    assert links(compiled, site="x.example") == ["https://x.example"] * 2


def test_mail_and_telephone_links_take_a_value_only_if_it_is_one() -> None:
    body = (
        '[Mail](mailto:{{ contact.m | default("info@example.org") }}?subject={{ contact.s | default("x") }}) en '
        '[bel](tel:{{ contact.t | default("+31701234567") }})'
    )
    compiled = compile_letter(small(body))
    assert links(compiled, m="geen", t="geen") == ["mailto:info@example.org?subject=x", "tel:+31701234567"]
    assert links(compiled, m="a+b@x.example", t="070 12 34", s="A & B") == [
        "mailto:a+b@x.example?subject=A%20%26%20B",
        "tel:0701234",
    ]


def test_read_online_has_no_link_to_a_mailbox_that_nobody_has_and_words_for_the_address() -> None:
    body = (
        "Verzonden aan {{ contact.email }}, [wijzig](mailto:{{ contact.email }})"
        " of [kom](https://x.nl/?m={{ contact.email }})"
    )
    compiled = compile_letter(small(body, subject="Voor {{ contact.email }}"))
    assert "Verzonden aan uw mailadres, wijzig of kom" in compiled.public_text.replace("\n", " ")
    assert "mailto:" not in compiled.public_html
    assert 'href="https://x.nl/?m="' in compiled.public_html
    hints = [(warning.field, warning.hint) for warning in compiled.warnings]
    assert [field for field, _ in hints] == ["subject", "body", "body", "body"]
    assert ['{{ contact.email | default("…") }}' in hint for _, hint in hints] == [True, True, False, False]
    assert compile_letter(small(body, online=False)).warnings == ()


def test_words_of_the_authors_own_for_who_reads_online_need_no_warning() -> None:
    compiled = compile_letter(small('Aan {{ contact.email | default("u") }}.'))
    assert compiled.warnings == ()
    assert "Aan u." in compiled.public_text


@pytest.mark.parametrize("kind", ["[Naar de pagina]({})", "::: button {}\nNaar de pagina\n:::", "[![x](a.png)]({})"])
def test_a_host_beyond_ascii_is_written_the_same_in_links_buttons_and_around_pictures(kind: str) -> None:
    body = kind.format("https://gemeente-één.example.org/é")
    compiled = compile_letter(small(body, images={"a.png": pictures()["gevels.png"]}))
    address = "https://xn--gemeente-n-j7aa.example.org/%C3%A9"
    assert links(compiled) == [address]
    assert f"<{address}>" in text(compiled)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("//example.org", "Did you mean https://example.org?"),
        ("example.org/p", "Did you mean https://example.org/p?"),
        ("/agenda", "A letter lies in no folder: write the whole address."),
        ("https://u@example.org", ""),
        ("mailto:jan", ""),
    ],
)
def test_an_address_that_nobody_can_follow_is_a_fault(address: str, hint: str) -> None:
    for body in (f"[Naar de pagina]({address})", f"::: button {address}\nNaar de pagina\n:::"):
        with pytest.raises(FaultsError) as told:
            compile_letter(small(body))
        assert [(fault.found, fault.hint) for fault in told.value.faults] == [(address, hint)]


@pytest.mark.parametrize(
    ("address", "contact", "expected"),
    [
        ('{% if contact.s %}{{ contact.s | default("") }}{% endif %}', {}, []),
        ('{% if contact.s %}{{ contact.s | default("") }}{% endif %}', {"s": "geen"}, []),
        ('{% if contact.s %}{{ contact.s | default("") }}{% endif %}', {"s": "x.example"}, ["https://x.example"]),
        ('{% if contact.s %}{{ contact.s | default("") }}{% else %}https://z.nl{% endif %}', {"s": "geen"}, []),
        ("{% if contact.s %}https://x.nl{% elif contact.t %}https://y.nl{% endif %}", {"t": "1"}, ["https://y.nl"]),
        ("{% if contact.s %}https://één.nl{% else %}https://z.nl{% endif %}/é?q=1", {}, ["https://z.nl/%C3%A9?q=1"]),
        (
            "{% if contact.s %}https://één.nl{% endif %}/é",
            {"s": "1"},
            ["https://xn--n-9faa.nl/%C3%A9"],
        ),
        (
            'mailto:{% if contact.s %}{{ contact.s | default("") }}{% else %}info@x.nl{% endif %}?subject=a',
            {},
            ["mailto:info@x.nl?subject=a"],
        ),
        ('mailto:{% if contact.s %}{{ contact.s | default("") }}{% endif %}', {"s": "geen"}, []),
    ],
)
@pytest.mark.parametrize("kind", ["[Naar de pagina]({})", "::: button {}\nNaar de pagina\n:::", "[![x](a.png)]({})"])
def test_a_condition_may_choose_the_whole_address_and_who_gets_none_has_no_link(
    kind: str, address: str, contact: dict[str, str], expected: list[str]
) -> None:
    compiled = compile_letter(small(f"{kind.format(address)}\n\nSlot.", images={"a.png": pictures()["gevels.png"]}))
    assert links(compiled, **contact) == expected
    body = text(compiled, **contact)
    assert [f"<{link}>" in body for link in expected] == [True] * len(expected)
    assert "<>" not in body + compiled.public_text
    assert ("Naar de pagina" in body) == ("Naar" in kind and (bool(expected) or kind.startswith("[")))
    assert 'href=""' not in compiled.public_html


def test_each_address_of_a_condition_is_checked_and_the_hint_shows_tags_as_they_were_written() -> None:
    body = '[Naar x]({% if contact.s %}www.x.nl{% else %}/y{% endif %}?z={{ contact.z | default("z") }})'
    with pytest.raises(FaultsError) as caught:
        compile_letter(small(body))
    assert [fault.hint for fault in caught.value.faults] == [
        'Did you mean https://www.x.nl?z={{ contact.z | default("z") }}?',
        "A letter lies in no folder: write the whole address.",
    ]
    with pytest.raises(FaultsError):
        compile_letter(small("[Naar x]({% if contact.s %}{% endif %})"))
