"""Replies fall into the class that a person would put them in."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.outcome import KINDS, WORDS, Stage, classify
from mailer.outcome.results import BEFORE_RCPT
from mailer.outcome.rule import ReplyRule
from mailer.outcome.rules import RULES
from tests.support.replies import CLASSES, SETS, replies, score

CORPUS = Path(__file__).parents[3] / "fixtures" / "replies.txt"
STAGES: tuple[Stage, ...] = ("greeting", "ehlo", "auth", "mail", "rcpt", "data", "dot", "local")
SPEAKS_AGAINST = (
    "try again later",
    "message rate limit exceeded",
    "blocked",
    "rejected by policy",
    "looks like spam",
    "sender refused",
    "daily sending limit reached",
    "mailbox full",
)
CLEAR = (
    "5.1.1 User unknown",
    "5.1.1 <jan@example.nl>: Recipient address rejected: User unknown in virtual mailbox table",
    "No such user here",
    "5.1.2 Domain not found",
    "Mailbox does not exist",
    "This mailbox has been closed",
    "5.1.10 Recipient address has null MX",
    "Address unknown",
)
RFC_5321 = (
    "Requested action not taken: mailbox unavailable (e.g., mailbox not found, no access, or command rejected for "
    "policy reasons)"
)
UNCLEAR = (
    "",
    "5.1.1",
    "mailbox unavailable",
    "Requested action not taken: mailbox unavailable",
    RFC_5321,
    "5.2.1 mailbox disabled",
    "account inactive",
    "5.1.1 Recipient address rejected",
)
FOUND = (
    ("rcpt", "550-Requested action not taken: mailbox unavailable 550 Failure sending mail. Try again later.", "wait"),
    ("rcpt", "550 Sender frequency limited", "speed"),
    ("rcpt", "550 Blocked", "policy"),
    ("rcpt", "550 rejecting spoofed message", "unproven"),
    ("rcpt", "550 5.7.1 Reject due to policy restrictions", "policy"),
    ("rcpt", "552 5.1.1 <jan@example.nl> extended quota violation", "full"),
    ("rcpt", "552 5.1.1 <jan@example.nl> policy error", "policy"),
    ("mail", "550 5.7.1 account has been suspended", "account"),
    ("mail", "502 5.7.0 SMTP account is not yet activated", "account"),
    ("dot", "550 5.7.0 too many emails per second", "speed"),
    ("dot", "552 Message would take you over your relay quota", "quota"),
    ("dot", "550 spam mail rejected: exceeded hour limit", "quota"),
    ("dot", "554 Sending paused for this account", "account"),
    ("dot", "550 5.7.1 Unconfigured Sending Domain", "sender_refused"),
    ("dot", "550 SubmissionQuotaExceeded", "quota"),
    ("dot", "421 4.4.2 mail.example.org timeout exceeded", "trouble"),
    ("dot", "550 messages per hour exceeded", "quota"),
)


def corpus() -> list[tuple[str, str, str, str, str]]:
    lines = [line for line in CORPUS.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    rows = [tuple(part.strip() for part in line.split(" | ", 4)) for line in lines]
    return cast(list[tuple[str, str, str, str, str]], rows)


def examples() -> list[tuple[ReplyRule, str, str]]:
    found = []
    for rule in RULES:
        for example in rule.examples:
            stage, reply = ("rcpt", example) if example[0].isdigit() else example.split(" ", 1)
            found.append((rule, stage, reply))
    return found


@pytest.mark.parametrize(("stage", "key", "permanence", "mailbox", "reply"), corpus())
def test_a_real_reply_falls_into_its_class(stage: str, key: str, permanence: str, mailbox: str, reply: str) -> None:
    found = classify(int(reply[:3]), reply[4:], cast(Stage, stage))
    assert (found.key, found.permanent) == (key, permanence == "permanent")
    assert mailbox in ("-", found.group)


@pytest.mark.parametrize(("rule", "stage", "reply"), examples())
def test_each_example_of_a_rule_is_read_by_that_rule(rule: ReplyRule, stage: str, reply: str) -> None:
    assert classify(int(reply[:3]), reply[4:], cast(Stage, stage)).key == rule.key


@pytest.mark.parametrize(("stage", "reply", "key"), FOUND)
def test_a_limit_a_block_or_a_fault_of_ours_is_read_as_such(stage: str, reply: str, key: str) -> None:
    assert classify(int(reply[:3]), reply[4:], cast(Stage, stage)).key == key


@pytest.mark.parametrize("text", CLEAR)
def test_a_clear_statement_about_the_mailbox_is_clear(text: str) -> None:
    assert classify(550, text, "rcpt").group == "clear"


@pytest.mark.parametrize("against", SPEAKS_AGAINST)
@pytest.mark.parametrize("text", CLEAR)
def test_nothing_in_a_clear_statement_may_speak_against_it(text: str, against: str) -> None:
    for words in (f"{text}; {against}", f"{against}: {text}"):
        assert classify(550, words, "rcpt").group not in ("clear", "unclear"), words


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_may_be_there_is_unclear(text: str) -> None:
    assert classify(550, text, "rcpt").group == "unclear"


@pytest.mark.parametrize("text", ["Frobnicated", "Nee.", "554 6f2 xyzzy", "No.", "Transaction failed"])
def test_words_that_nobody_knows_state_nothing_about_the_mailbox(text: str) -> None:
    assert classify(550, text, "rcpt").group == "unknown"


@pytest.mark.parametrize("stage", sorted(BEFORE_RCPT))
@pytest.mark.parametrize("text", [*CLEAR, *UNCLEAR])
def test_before_rcpt_nothing_is_about_the_mailbox(text: str, stage: str) -> None:
    for code in (450, 550, 553):
        assert classify(code, text, cast(Stage, stage)).group not in ("clear", "unclear", "full")


def test_the_table_has_five_hundred_replies_with_their_sources_and_both_judgements() -> None:
    rows = [reply for name in SETS for reply in replies(name)]
    assert len({(row.stage, row.code, row.text) for row in rows}) >= 500
    for row in rows:
        assert row.judged == min(row.first, row.second, key=CLASSES.index), row
        assert row.source, row


@pytest.mark.parametrize(("name", "least"), [("known", 0.89), ("aside", 0.8), ("fresh", 0.8)])
def test_real_replies_are_read_as_they_were_judged_and_nobody_is_struck_off_wrongly(name: str, least: float) -> None:
    number, right, struck, _missed = score(name)
    assert right / number >= least
    assert struck == 0


@given(st.integers(200, 599), st.text(max_size=300), st.sampled_from(STAGES))
def test_any_reply_at_all_has_a_class_and_a_4xx_is_never_final(code: int, text: str, stage: Stage) -> None:
    found = classify(code, text, stage)
    assert found.key in KINDS
    if 400 <= code < 500:
        assert not found.permanent


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "sender " * 150_000, "5.1." * 200_000, "a.b." * 200_000, ":;" * 9_999]
)
def test_a_megabyte_of_nonsense_has_a_class(text: str) -> None:
    """Expected: it ends. With a step for each pair of characters it would outlive the time that a test is given."""
    assert classify(550, text, "dot").key in KINDS


def test_every_class_has_words_in_plain_english() -> None:
    for key, words in WORDS.items():
        assert words.title, key
        assert words.advice, key
        for bad in ("invalid", "sorry", "please", "oops", "click here"):
            assert bad not in (words.title + words.advice).lower()
