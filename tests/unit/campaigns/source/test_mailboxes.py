"""Whom a letter is from: one mailbox that every relay carries, and that is what it says."""

from __future__ import annotations

import pytest

from campaigns.source import mailboxes
from campaigns.source.definition import read
from campaigns.source.mailboxes import WrongMailbox


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("VNG <info@vng.nl>", "VNG", "info@vng.nl"),
        ("info@vng.nl", "", "info@vng.nl"),
        ("<info@vng.nl>", "", "info@vng.nl"),
        ('"VNG, afdeling <x>" <info@vng.nl>', "VNG, afdeling <x>", "info@vng.nl"),
        ("Gemeente Één <info@gemeente-één.nl>", "Gemeente Één", "info@xn--gemeente-n-d7ad.nl"),
        ("www.vng.nl <info@vng.nl>", "www.vng.nl", "info@vng.nl"),
        ("info@vng.nl <info@vng.nl>", "info@vng.nl", "info@vng.nl"),
        ('"J. (Jan) de Vries; VNG" <info@vng.nl>', "J. (Jan) de Vries; VNG", "info@vng.nl"),
    ],
)
def test_a_name_and_an_address_are_taken(text: str, name: str, address: str) -> None:
    found = mailboxes.sender(text)
    assert found[0] == name
    assert found[1].partition("@")[0] == address.partition("@")[0]
    assert found[1].isascii()


WRONG = [
    ("ïnfo@vng.nl", "plain letters", "Did you mean info@vng.nl?"),
    ("VNG <ïnfo@vng.nl>", "plain letters", "Did you mean info@vng.nl?"),
    ("инфо@vng.nl", "plain letters", ""),
    ("a@vng.nl, b@vng.nl", "one address", "Choose one of a@vng.nl, b@vng.nl."),
    ("a@vng.nl; b@vng.nl", "one address", "Choose one of"),
    ("A <a@vng.nl>, B <b@vng.nl>", "one address", "Choose one of"),
    ("a@vng.nl, b@vng.nl <x@vng.nl>", "one address", "Choose one of"),
    ('"a@vng.nl, b@vng.nl" <x@vng.nl>', "one address", "Choose one of"),
    ('"directie@bank.example" <x@vng.nl>', "one address", "Choose one of"),
    ('"directie＠bank.example" <x@vng.nl>', "a name without a mail address", "came from there"),
    ("info@vng.nl,", "angle brackets", "Did you mean info@vng.nl?"),
    ("VNG <info@vng.nl>,", "angle brackets", "Did you mean VNG <info@vng.nl>?"),
    ("VNG info@vng.nl", "angle brackets", "Did you mean VNG <info@vng.nl>?"),
    ("VNG <info@vng.nl", "angle brackets", "Did you mean VNG <info@vng.nl>?"),
    ("VNG (info@vng.nl)", "angle brackets", "Did you mean VNG <info@vng.nl>?"),
    ("mailto:info@vng.nl", "angle brackets", "Did you mean info@vng.nl?"),
    ("VNG", "angle brackets", "name@domain"),
    ("\u202elgn.gnv\u202c <info@vng.nl>", "turn the text round", ""),
    ("VNG <in\u200bfo@vng.nl>", "angle brackets", "U+200B"),
]


@pytest.mark.parametrize(("text", "expected", "hint"), WRONG)
def test_anything_else_is_a_fault_that_says_what_to_write(text: str, expected: str, hint: str) -> None:
    with pytest.raises(WrongMailbox) as caught:
        mailboxes.sender(text)
    assert expected in caught.value.expected
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["VNG <info@vng.nl>", "ïnfo@vng.nl", "a@vng.nl,b@vng.nl", "info@vng.nl,"])
def test_an_answer_goes_to_one_bare_address(text: str) -> None:
    with pytest.raises(WrongMailbox):
        mailboxes.bare(text)
    _, faults = read(f"---\nfrom: a@vng.nl\nreply_to: {text}\n---\nHallo\n", "x.md")
    assert [fault.line for fault in faults if fault.field == "reply_to"] == [3]
