"""Replies fall into the class that a person would put them in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.outcome import KINDS, WORDS, Stage, classify

CORPUS = Path(__file__).parents[3] / "fixtures" / "replies.txt"
STAGES: tuple[Stage, ...] = ("mail", "rcpt", "data", "dot", "local")
OURS = {"unproven", "no_ptr", "sender_refused", "relay_denied", "auth", "tls", "quota"}


def corpus() -> list[tuple[str, str, str, str, str]]:
    lines = [line for line in CORPUS.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    rows = [tuple(part.strip() for part in line.split(" | ", 4)) for line in lines]
    return cast(list[tuple[str, str, str, str, str]], rows)


def test_the_corpus_has_two_hundred_replies_and_all_classes_of_replies() -> None:
    rows = corpus()
    assert len({row[4] for row in rows}) >= 200
    never = {"accepted", "handed_back", "in_doubt", "relay_refused", "relay_tls", "relay_auth", "many_alike", "outage"}
    assert {row[1] for row in rows} == set(KINDS) - never


@pytest.mark.parametrize(("stage", "key", "permanence", "dead", "reply"), corpus())
def test_a_real_reply_falls_into_its_class(stage: str, key: str, permanence: str, dead: str, reply: str) -> None:
    found = classify(int(reply[:3]), reply[4:], cast(Stage, stage))
    assert (found.key, found.permanent, found.dead) == (key, permanence == "permanent", dead == "dead")
    assert found.blame == KINDS[key].blame


@pytest.mark.parametrize(("stage", "key", "permanence", "dead", "reply"), corpus())
def test_no_reply_about_us_or_the_letter_ever_marks_an_address_as_dead(
    stage: str, key: str, permanence: str, dead: str, reply: str
) -> None:
    if KINDS[key].blame != "recipient":
        assert dead == "-"
        assert not classify(int(reply[:3]), reply[4:], cast(Stage, stage)).dead


@given(st.integers(200, 599), st.text(max_size=300), st.sampled_from(STAGES))
def test_any_reply_at_all_has_a_class_and_the_first_digit_decides(code: int, text: str, stage: Stage) -> None:
    found = classify(code, text, stage)
    assert found.key in KINDS
    if code >= 400:
        assert found.permanent == (code >= 500) or found.key == "wait"
        assert not (found.dead and code < 500)


@pytest.mark.parametrize("text", ["a" * 1_000_000, "sender " * 150_000, "5.1." * 200_000, "user " * 200_000])
def test_a_megabyte_of_nonsense_takes_no_time(text: str) -> None:
    began = time.perf_counter()
    classify(550, text, "rcpt")
    assert time.perf_counter() - began < 1


def test_every_class_has_words_in_plain_english() -> None:
    for key, words in WORDS.items():
        assert words.title, key
        assert words.advice, key
        for bad in ("invalid", "sorry", "please", "oops", "click here"):
            assert bad not in (words.title + words.advice).lower()


def test_only_problems_of_the_sender_hold_and_none_of_them_suppresses() -> None:
    holding = {key for key, kind in KINDS.items() if kind.holds}
    assert holding == OURS | {"relay_refused", "relay_tls", "relay_auth"}
    assert not any(KINDS[key].dead for key in holding)
    assert {KINDS[key].blame for key in holding} == {"sender", "relay"}
