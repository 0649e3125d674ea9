"""Typed text: one that names an address is refused, and no stored text becomes a link."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import AddressError
from unsubscribe.typed_text import address, apart, is_address, says_where

# What mail programs take for a link, in the widest sense: a scheme, or labels joined by dots that end in letters.
_LINK = re.compile(r"\w+://\S|[\w.-]+@[\w-]+\.\w|\b[\w-]+\.[^\W\d_]{2,}", re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "Your mailbox is full: log in at https://mailbox.example",
        "HTTPS://mailbox.example",
        "www.mailbox.example",
        "WWW. mailbox",
        "mailbox.example/login",
        "mailbox.example?x=1",
        "mailbox.example:8080",
        "bit.ly/abc",
        "help@mailbox.example",
        "help＠mailbox.example",
        "mailto:help",
        "tel:0900123",
        "javascript:alert(1)",
        "mailbox。example/x",
        "https:mailbox.example",
        "evil\uff61com/x",
        "evil\u2024com/login",
        "evil\ufe52com/x",
        "evil\u06d4com/x",
        "evil.com\u2044x",
        "evil.com\u2215x",
        "evil\u00ad.com/x",
        "evil\u200b.com/x",
        "\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d\uff0f\uff58",
        "\uff57\uff57\uff57\uff0eevil",
        "http\uff1a//evil",
        "help\ufe6bmailbox.example",
    ],
)
def test_a_text_that_says_where_to_go_is_found(text: str) -> None:
    assert says_where(text)
    assert not _LINK.search(apart(text).replace("\u2060", " "))


@pytest.mark.parametrize(
    "text",
    [
        "J.P. de Vries",
        "mr. drs. A. Ünal-O'Neil",
        "St. John",
        "Geachte heer, mevrouw",
        "raadslid (D66/PvdA)",
        "hij/zij",
        "voorzitter: 2e kamer",
        "中村 太郎",
        "",
    ],
)
def test_a_name_stays_as_it_is(text: str) -> None:
    assert not says_where(text)
    assert apart(text) == text


@given(st.text(alphabet="abz19.@:/ -w\u2060", max_size=40))
def test_what_is_taken_apart_reads_the_same_holds_no_link_and_stays_so(text: str) -> None:
    shown = apart(text)
    assert shown.replace("\u2060", "") == text.replace("\u2060", "")
    assert not _LINK.search(shown.replace("\u2060", " "))
    assert apart(shown) == shown


def test_each_sign_that_becomes_a_dot_or_an_at_sign_in_an_address_is_taken_for_one() -> None:
    signs = [chr(number) for number in range(0x80, 0x110000) if unicodedata.normalize("NFKC", chr(number)) in ".@:/"]
    for sign in [*signs, "\u3002", "\uff61"]:
        assert says_where(f"a{sign}com/x") or says_where(f"a.com{sign}x"), hex(ord(sign))
        assert apart(f"a{sign}com") == f"a{sign}\u2060com" or unicodedata.normalize("NFKC", sign) == "/"


@pytest.mark.parametrize(
    "text",
    [
        '"Uw mailbox is vol: log in op evil.com/x"@catchall.example',
        '"a b"@gouda.example',
        '"log in"@gouda.example',
        '"evil.com:80"@gouda.example',
        '"a@b.example"@gouda.example',
        "v+www.evil.com@gmail.com",
        "v+evil.com/x@gmail.com",
        "evil.com/x@gouda.example",
        "evil.com?x@gouda.example",
        "www.evil.com/x@gouda.example",
    ],
)
def test_a_mail_address_that_is_a_text_is_refused_on_pages(text: str) -> None:
    assert not is_address(text)
    with pytest.raises(AddressError):
        address(text)


@pytest.mark.parametrize(
    "text",
    [
        "o'brien+news@gouda.example",
        "v+nl.abc.newsletter-2@gmail.com",
        '"a..b"@docomo.example',
        '"jan."@docomo.example',
        "www.jansen@gouda.example",
        "a.b/c@gouda.example",
        "/G=Jan/S=Jansen/@gouda.example",
        "jansen+evil.com@gmail.com",  # what looks like a tag cannot be told from one
        "jos\u00e9.garc\u00eda@gouda.example",
    ],
)
def test_an_address_that_somebody_may_have_is_taken(text: str) -> None:
    assert str(address(text)) == text
