"""The commands of one parcel, and the guard over its content."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.transport.base import OutgoingMessage
from mailer.transport.envelope import commands, plain_group, refusal, wire
from mailer.transport.limits import Offers, offers

ALL = Offers(pipelining=True, eightbit=True, smtputf8=True, sized=True, size=1000)


def parcel(content: bytes = b"a\r\n", recipient: str = "r@example.nl", *, smtputf8: bool = False) -> OutgoingMessage:
    return OutgoingMessage(1, "s@vng.example", recipient, content, smtputf8)


def test_only_what_was_offered_is_used() -> None:
    assert commands(parcel(), Offers())[0] == b"MAIL FROM:<s@vng.example>\r\n"
    assert commands(parcel(), ALL)[0] == b"MAIL FROM:<s@vng.example> SIZE=3\r\n"
    assert commands(parcel("é\r\n".encode()), ALL)[0] == b"MAIL FROM:<s@vng.example> SIZE=4 BODY=8BITMIME\r\n"
    assert commands(parcel(recipient="jé@x.nl", smtputf8=True), ALL)[0].endswith(b" SMTPUTF8\r\n")


@pytest.mark.parametrize(
    ("given_parcel", "offered", "code"),
    [
        (parcel("é\r\n".encode()), Offers(), "5.6.3"),
        (parcel(recipient="jé@x.nl", smtputf8=True), Offers(), "5.6.7"),
        (parcel(b"a" * 1001), ALL, "5.3.4"),
        (parcel(recipient="a@b.nl\r\nDATA"), ALL, "5.1.3"),
        (parcel(recipient=""), ALL, "5.1.3"),
    ],
)
def test_what_cannot_be_carried_is_refused_here(given_parcel: OutgoingMessage, offered: Offers, code: str) -> None:
    said = refusal(given_parcel, offered)
    assert said is not None
    assert said.stage == "local"
    assert said.text.startswith(code)


def test_an_ordinary_parcel_is_fit() -> None:
    assert refusal(parcel(), Offers()) is None


NAMES = st.sampled_from(["", "s@a.nl", "é@a.nl", "s@a.nl\r\n", "a b@c.nl", "\x7f@a.nl", "\x85@a.nl", "\u2028@a.nl"])


@settings(max_examples=60)
@given(
    NAMES,
    NAMES,
    st.sampled_from([b"", b"a\r\n", b"\xe9\r\n", b"a" * 11]),
    st.builds(Offers, *[st.booleans()] * 4, st.sampled_from([0, 10])),
    st.booleans(),
    st.booleans(),
)
@example("s@a.nl", "r@b.nl", b"a\r\n", ALL, False, True)
def test_a_plain_group_is_what_the_commands_are_for_a_parcel_that_is_fit(
    sender: str, recipient: str, content: bytes, offered: Offers, smtputf8: bool, ready: bool
) -> None:
    asked = OutgoingMessage(1, sender, recipient, content, smtputf8, ready)
    whole = plain_group(asked, offered)
    if whole is not None:
        assert refusal(asked, offered) is None
        assert whole == b"".join(commands(asked, offered))
    elif ready and not smtputf8 and (sender + recipient).isascii():
        assert refusal(asked, offered) is not None


def test_the_offers_are_read_from_the_ehlo() -> None:
    assert offers({"pipelining": "", "size": "1000", "8bitmime": "", "smtputf8": ""}) == ALL
    assert offers({"size": ""}) == Offers(sized=True)


@given(st.binary(max_size=200))
def test_any_content_leaves_as_crlf_lines_that_no_server_can_take_for_an_end(content: bytes) -> None:
    sent = wire(parcel(content))
    assert sent.endswith(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + sent
    if sent != content:
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n", sent)


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"", b".a", b"From x"]), min_size=1, max_size=12))
def test_dots_are_stuffed_exactly_once(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    unstuffed = [
        line.removeprefix(b".") if line.startswith(b".") else line for line in wire(parcel(content)).split(b"\r\n")[:-1]
    ]
    assert unstuffed == lines


@pytest.mark.parametrize("trick", [b"\n.\n", b"\n.\r\n", b"\r\n.\r", b"\r\n.\n", b"\r\n.\r\n", b"\r.\r\n.\r"])
def test_no_smuggled_end_of_data_is_emitted(trick: bytes) -> None:
    sent = wire(parcel(b"a" + trick + b"MAIL FROM:<evil@x>\r\n"))
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", sent)
    assert b"\r\n.\r\n" not in sent


def test_what_its_maker_vouches_for_is_not_looked_at_again() -> None:
    content = b"made elsewhere\r\n"
    assert wire(OutgoingMessage(1, "s@vng.example", "r@example.nl", content, ready=True)) is content
