"""What people type: a text that says where to go is refused, and nothing that is stored becomes a link."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unsubscribe.typed import apart, says_where

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
