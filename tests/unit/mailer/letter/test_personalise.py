"""Slots in their places, branches and loops; the properties are in ``tests/properties``."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from mailer.errors import FaultsError, InputError
from mailer.letter.compiled import Branch, CompiledTemplate, EscapeContext, Loop, Slot
from mailer.letter.personalise import prepare, render, render_public

V = 'contact.v | default("")'


def filled(template: CompiledTemplate, v: Any = "", **contact: Any) -> str:
    return render(template, {"contact": {"v": v, **contact}, "links": {"online": "https://vng.example/o/x"}}, "nl")


@pytest.mark.parametrize(
    ("place", "value", "shown"),
    [
        (EscapeContext.HTML, "<b> & \"'", "&lt;b&gt; &amp; \"'"),
        (EscapeContext.HTML, "a\r\nb", "a\nb"),
        (EscapeContext.ATTRIBUTE, "<b> & \"'\n", "&lt;b&gt; &amp; &quot;&#39;"),
        (EscapeContext.HEADER, "Jansen & Zn <x>\r\nBcc: a@b.example", "Jansen & Zn <x> Bcc: a@b.example"),
        (EscapeContext.PLAIN, "<b> & \"'\r\n.", "<b> & \"'\n."),
        (EscapeContext.URL, "a b&c=é/../?#\"'", "a%20b%26c%3D%C3%A9%2F..%2F%3F%23%22%27"),
        (EscapeContext.PART, "a b&c=é/../?#\"'+\r\n", "a%20b%26c%3D%C3%A9%2F..%2F%3F%23%22%27%2B"),
        (EscapeContext.MAIL, "els+x@vng.example", "els+x@vng.example"),
        (EscapeContext.MAIL, "els&co@vng.example", "els%26co@vng.example"),
        (
            EscapeContext.MAIL,
            "a@b.example?bcc=c@d.example,e@f.example",
            "a@b.example%3Fbcc%3Dc@d.example%2Ce@f.example",
        ),
        (EscapeContext.PHONE, "+31 (0)70 123 45-67", "+31701234567"),
        (EscapeContext.PHONE, "geen; <b>", "geen%3B%20%3Cb%3E"),
        (EscapeContext.LINK, "https://vng.example/a b?c=d&e='f'", "https://vng.example/a%20b?c=d&e='f'"),
        (EscapeContext.LINK, "javascript:alert(1)", "#"),
    ],
)
def test_a_value_is_escaped_for_its_place_and_for_no_other(place: EscapeContext, value: str, shown: str) -> None:
    assert filled(("x", Slot(V, place), "y"), value) == f"x{shown}y"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("https://vng.example/a?b=c&d=e#f", "https://vng.example/a?b=c&amp;d=e#f"),
        ("HTTP://VNG.example", "http://vng.example"),
        ("mailto:info@vng.example?subject=a b", "mailto:info@vng.example?subject=a%20b"),
        ("tel:+31701234567", "tel:+31701234567"),
        ("https://münchen.example/ij/é?x=é", "https://xn--mnchen-3ya.example/ij/%C3%A9?x=%C3%A9"),
        ("https://vng.example/%C3%A9", "https://vng.example/%C3%A9"),
        ("https://vng.example/'\"<>", "https://vng.example/&#39;%22%3C%3E"),
        ("javascript:alert(1)", "#"),
        ("JaVaScRiPt:alert(1)", "#"),
        (" java\nscript:alert(1)", "#"),
        ("\x01javascript:alert(1)", "#"),
        ("data:text/html,x", "#"),
        ("vbscript:x", "#"),
        ("//evil.example/x", "#"),
        ("/pad", "#"),
        ("vng.example", "https://vng.example"),
        ("els@vng.example", "mailto:els@vng.example"),
        ("vng.example:80:x", "#"),
        ("https://", "#"),
        ("https:evil", "#"),
        ("https://bank.example@evil.example/", "#"),
        ("https://a b.example/", "#"),
        ("https://\\evil.example/", "#"),
        ("https://\u2024\u2024/", "#"),
        ("", "#"),
    ],
)
def test_a_slot_that_begins_an_address_must_give_a_scheme_that_is_safe(value: str, address: str) -> None:
    assert filled(('<a href="', Slot(V, EscapeContext.URL), '">'), value) == f'<a href="{address}">'


def test_a_slot_behind_another_in_an_address_is_percent_encoded() -> None:
    template: CompiledTemplate = ('<a href="', Slot(V, EscapeContext.URL), Slot(V, EscapeContext.URL), '">')
    assert filled(template, "javascript:x") == '<a href="#javascript%3Ax">'
    branch: CompiledTemplate = ('<a href="', Branch((("contact.v", (Slot(V, EscapeContext.URL),)),)), '">')
    assert filled(branch, "javascript:x") == '<a href="#">'
    query: CompiledTemplate = ('<a href="https://x.example/?q=', Slot(V, EscapeContext.URL), '">')
    assert filled(query, "https://y.example") == '<a href="https://x.example/?q=https%3A%2F%2Fy.example">'


def test_a_branch_takes_the_first_arm_that_is_true() -> None:
    template: CompiledTemplate = (Branch((('contact.v == "a"', ("een",)), ("contact.v", ("twee",))), ("drie",)),)
    assert [filled(template, value) for value in ("a", "b", "")] == ["een", "twee", "drie"]


def test_a_loop_goes_through_a_list_leaves_out_blanks_and_stops_after_a_hundred() -> None:
    template: CompiledTemplate = (Loop("item", "contact.v", ("<", Slot("item", EscapeContext.HTML), ">")),)
    assert filled(template, ["a", "", None, " ", "b & c"]) == "<a><b &amp; c>"
    assert filled(template, "los") == "<los>"
    assert filled(template, None) == ""
    assert filled(template, ["x"] * 1000).count("x") == 100


SLOT = Slot("contact.v", EscapeContext.HTML)
MANY = tuple(Slot(f'contact.v | default("{number}")', EscapeContext.HTML) for number in range(200))
MANY_ITEMS = tuple(Slot(f'item | default("{number}")', EscapeContext.HTML) for number in range(200))


@pytest.mark.parametrize(
    ("template", "v"),
    [
        ((Loop("item", "contact.v", (Slot("item", EscapeContext.HTML),)),), ["x" * 1_000_000] * 100),
        ((Branch((("contact.v", (Loop("item", "contact.v", MANY_ITEMS),)),), ()),), ["x" * 1_000_000] * 100),
        (MANY, "x" * 1_000_000),
        ((SLOT,) * 200, "x" * 1_000_000),
    ],
    ids=["loop", "slots in a loop", "slots", "one slot"],
)
def test_values_that_make_a_letter_too_large_are_refused_before_it_is_whole(template: CompiledTemplate, v: Any) -> None:
    tracemalloc.start()
    with pytest.raises(InputError, match=r"the letter is larger than 10,000,000 bytes"):
        filled(template, v)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120_000_000, "200 megabytes would be its pieces and the whole"


def test_none_is_never_printed() -> None:
    for place in EscapeContext:
        assert "None" not in filled((Slot("contact.v", place),), None)
        assert "None" not in filled((Slot("contact.v", place),), [None])


def test_a_number_or_a_list_is_printed_in_words() -> None:
    assert filled((Slot("contact.v", EscapeContext.HTML),), 3) == "3"
    assert filled((Slot("contact.v", EscapeContext.HTML),), ["a", "b"]) == "a en b"


@pytest.mark.parametrize("encoding", ["qp", "raw", "header"])
def test_a_plan_without_slots_gives_its_constant(encoding: Any) -> None:
    assert prepare(("Dag, ", "lezer"), "nl", encoding)({}).removesuffix(b"=\r\n") == b"Dag, lezer"


def test_the_fast_way_and_the_long_way_write_the_same() -> None:
    fill = prepare((Slot("contact.v", EscapeContext.HTML), "\n"), "nl", "qp")
    assert fill({"contact": {"v": "Jan de Vries"}}) == b"Jan de Vries=\r\n\r\n"
    assert fill({"contact": {"v": ". a"}}) == b"=2E a=\r\n\r\n"
    assert fill({"contact": {"v": "From a"}}) == b"=46rom a=\r\n\r\n"
    assert fill({"contact": {"v": "a  b"}}) == b"a =20b=\r\n\r\n"


def test_a_subject_is_encoded_as_a_whole() -> None:
    fill = prepare(("Dag ", Slot(V, EscapeContext.HEADER), ""), "nl", "header")
    assert fill({"contact": {"v": "Zoë"}}) == b"=?utf-8?q?Dag_Zo=C3=AB?="
    assert fill({"contact": {"v": "Jan"}}) == b"Dag Jan"
    assert fill({"contact": {"v": ""}}) == b"Dag"


def test_for_nobody_slots_show_their_fallback_and_conditions_on_a_contact_are_false() -> None:
    template: CompiledTemplate = (
        Slot('contact.v | default("lezer")', EscapeContext.HTML),
        Branch((("contact.v", ("een",)), ("links.online", ("online",))), ("geen",)),
        Branch((("not contact.v", ("niet",)),), ("anders",)),
        Loop("item", "contact.v", ("item",)),
        Slot("links.online", EscapeContext.PLAIN),
    )
    assert render_public(template, "nl") == "lezergeenanders"
    online = {"online": "https://vng.example/o/x"}
    assert render_public(template, "nl", online) == "lezeronlineandershttps://vng.example/o/x"


def test_a_constant_with_a_control_character_is_the_authors_mistake() -> None:
    with pytest.raises(InputError, match="the letter has the control character"):
        prepare(("a\0",), "nl", "qp")
    with pytest.raises(InputError, match="the subject has the control character"):
        prepare(("a\nBcc: b",), "nl", "header")


def test_an_expression_outside_the_subset_is_refused() -> None:
    with pytest.raises(FaultsError):
        prepare((Slot("contact.a()", EscapeContext.HTML),), "nl", "qp")
