"""Replies come out whole, in order, and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.transport.replies import LINE_LIMIT, Replies, clean


def test_a_reply_of_many_lines_is_one_reply() -> None:
    assert Replies().feed(b"250-a\r\n250-b\r\n250 c\r\n") == [(250, b"a\r\nb\r\nc\r".replace(b"\r\n", b"\r\n"))]


def test_a_code_alone_is_a_reply() -> None:
    assert Replies().feed(b"250\r\n354\r\n") == [(250, b""), (354, b"")]


@given(st.lists(st.integers(1, 40), max_size=30))
def test_however_the_bytes_are_cut_the_same_replies_come_out(cuts: list[int]) -> None:
    data = b"250 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n354\r\n421 bye\r\n"
    whole = Replies().feed(data)
    replies, out, at = Replies(), [], 0
    for cut in [*cuts, len(data)]:
        out += replies.feed(data[at : at + cut])
        at += cut
    assert out == whole


@given(st.binary(max_size=300))
def test_any_bytes_give_replies_or_are_broken_and_never_raise(data: bytes) -> None:
    replies = Replies()
    for code, raw in replies.feed(data):
        assert 200 <= code <= 599
        assert clean(raw).isprintable()  # so is an empty text


@pytest.mark.parametrize("line", [b"3\n", b"30\n", b"25\r\n", b"2 0 ok\r\n"])
def test_a_code_of_fewer_than_three_digits_is_no_reply(line: bytes) -> None:
    replies = Replies()
    assert replies.feed(line) == []
    assert replies.broken


def test_what_came_before_nonsense_still_comes_out() -> None:
    replies = Replies()
    assert replies.feed(b"250 ok\r\nHTTP/1.1 400\r\n250 ok\r\n") == [(250, b"ok\r")]
    assert replies.broken
    assert replies.feed(b"250 ok\r\n") == []


def test_an_endless_line_and_endless_lines_are_broken_off() -> None:
    for chunk in (b"x" * 1000, b"250-x\r\n" * 200):
        replies, fed = Replies(), 0
        replies.feed(b"250-")
        while not replies.broken and fed < 10_000_000:
            replies.feed(chunk)
            fed += len(chunk)
        assert fed <= 2 * LINE_LIMIT + 20_000


def test_a_text_is_one_clean_line_with_its_code_once() -> None:
    assert clean(b"5.1.1 no such\r\n5.1.1 user \x1b[31mred\xff") == "5.1.1 no such user [31mred\ufffd"
    assert len(clean(b"x" * 5000)) == 1000


@pytest.mark.parametrize("size", [1, 199, 200, 960, 1_001, 1_200])
def test_the_usual_group_is_what_its_four_replies_are_one_by_one(size: int) -> None:
    said = b"250 " + b"x" * size + b"\r\n250 ok\r\n250  ok \r\n354 \x1bgo\r\n"
    text = Replies().usual(said)
    replies = Replies().feed(said, 4)
    assert [code for code, _ in replies] == [250, 250, 250, 354]
    assert text in (None, clean(replies[0][1]))
    assert (text is None) is (size > 960)
