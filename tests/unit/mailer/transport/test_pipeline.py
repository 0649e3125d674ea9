"""The rules of a group, without a socket: what is written after which answers, and what is reported."""

from __future__ import annotations

import pytest

from mailer.transport.base import NotWritten, Replied, Unknown
from mailer.transport.limits import Offers
from mailer.transport.link import Ended
from mailer.transport.pipeline_writer import HOLD_BACK
from tests.support.feeds import LETTER, parcel
from tests.support.pipeline_driver import OK3, Talk, group


def test_content_dot_and_the_next_envelope_go_in_one_write() -> None:
    talk = Talk(1, 2)
    assert talk.line.written == [group(1)]
    talk.says(OK3)
    assert talk.line.written[1:] == [LETTER + b".\r\n" + group(2)]
    assert talk.says(b"250 2.0.0 queued\r\n" + OK3) == LETTER + b".\r\n"
    talk.says(b"250 2.0.0 queued too\r\n")
    assert talk.feed.accepted == [1, 2]
    assert talk.line.idled == 1


@pytest.mark.parametrize("cut", range(1, len(OK3)))
def test_replies_count_however_they_are_cut(cut: int) -> None:
    talk = Talk(1)
    assert talk.says(OK3[:cut]) + talk.says(OK3[cut:]) == LETTER + b".\r\n"


@pytest.mark.parametrize(
    ("answers", "stage"),
    [
        (b"550 no\r\n503 need MAIL\r\n503 need RCPT\r\n", "mail"),
        (b"250 ok\r\n550 5.1.1 no\r\n554 no valid recipients\r\n", "rcpt"),
        (b"250 ok\r\n250 ok\r\n451 not now\r\n", "data"),
    ],
)
def test_no_content_follows_a_refusal_and_the_next_group_begins_with_rset(answers: bytes, stage: str) -> None:
    talk = Talk(1, 2)
    assert talk.says(answers) == b"RSET\r\n" + group(2)
    result = talk.feed.last(1)
    assert isinstance(result, Replied)
    assert result.stage == stage
    assert talk.says(b"250 reset\r\n" + OK3) == LETTER + b".\r\n"


def test_after_an_answered_dot_no_rset_is_needed_even_if_it_was_refused() -> None:
    talk = Talk(1, 2, 3)
    talk.says(OK3)
    assert talk.says(b"554 5.7.1 no\r\n" + OK3) == LETTER + b".\r\n" + group(3)
    assert talk.feed.last(1) == Replied("dot", 554, "5.7.1 no")


def test_a_statement_in_a_later_group_is_reported_and_a_complaint_ends_the_session() -> None:
    for answer, reported in ((b"502 5.7.0 account not active", True), (b"503 5.5.1 need RCPT", False)):
        talk = Talk(1, 2)
        talk.says(b"550 no\r\n503 no\r\n503 no\r\n")
        talk.says(b"250 reset\r\n" + answer + b"\r\n")
        talk.says(b"503 5.5.1 no\r\n503 5.5.1 no\r\n" if reported else b"")
        assert isinstance(talk.feed.last(2), Replied if reported else NotWritten)
        assert (talk.line.how is None) is reported


def test_an_unanswered_rset_question_is_not_guessed() -> None:
    talk = Talk(1, 2)
    talk.says(b"550 no\r\n503 no\r\n503 no\r\n")
    talk.says(b"502 what\r\n")
    assert talk.line.how is not None
    assert isinstance(talk.feed.last(2), NotWritten)


def test_354_although_rcpt_was_refused_gets_a_lone_dot_and_the_end() -> None:
    talk = Talk(1, 2)
    assert talk.says(b"250 ok\r\n550 5.1.1 no\r\n354 go\r\n") == b".\r\n"
    talk.says(b"554 no recipients\r\n")
    assert talk.line.how == Ended("quiet")
    assert talk.feed.last(1) == Replied("rcpt", 550, "5.1.1 no")
    assert 2 not in talk.feed.results


def test_354_although_mail_was_refused_gets_no_dot_since_that_would_deliver_an_empty_letter() -> None:
    talk = Talk(1)
    assert talk.says(b"503 nested MAIL\r\n250 ok\r\n354 go\r\n") == b""
    assert talk.line.how is not None
    assert talk.feed.last(1) == Replied("mail", 503, "nested MAIL")


def test_a_cut_after_the_dot_leaves_one_in_doubt_and_hands_the_next_back() -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    talk.pipeline.lost("cut")
    assert isinstance(talk.feed.last(1), Unknown)
    assert isinstance(talk.feed.last(2), NotWritten)
    assert talk.line.aborted


def test_a_cut_before_the_dot_leaves_nobody_in_doubt() -> None:
    talk = Talk(1)
    talk.says(b"250 ok\r\n250 ok\r\n")
    talk.pipeline.lost("cut")
    assert isinstance(talk.feed.last(1), NotWritten)


def test_a_refusal_that_was_read_counts_even_if_the_connection_ends_before_the_group_does() -> None:
    talk = Talk(1)
    talk.says(b"250 ok\r\n550 5.1.1 no\r\n")
    talk.pipeline.lost("cut")
    assert talk.feed.last(1) == Replied("rcpt", 550, "5.1.1 no")


def test_421_in_answer_to_the_dot_is_a_temporary_refusal() -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    talk.says(b"421 4.3.0 going down\r\n")
    assert talk.feed.last(1) == Replied("dot", 421, "4.3.0 going down")
    assert isinstance(talk.feed.last(2), NotWritten)
    assert talk.line.how == Ended("slow_down", "dot", 421, "4.3.0 going down")


@pytest.mark.parametrize(
    "answers",
    [
        b"250 ok\r\n250 ok\r\n250 what\r\n",
        b"354 go\r\n",
        b"220 hello\r\nnonsense\r\n",
        b"199 no\r\n",
        b"600 no\r\n",
        b"25\r\n",
    ],
)
def test_a_reply_that_cannot_be_matched_ends_the_session_and_guesses_nothing(answers: bytes) -> None:
    talk = Talk(1)
    talk.says(answers)
    assert talk.line.how is not None
    assert talk.line.how.kind == ("garbled" if answers.startswith(b"250 ok") else "away")
    assert isinstance(talk.feed.last(1), NotWritten)


def test_a_3xx_to_the_dot_leaves_it_in_doubt() -> None:
    talk = Talk(1)
    talk.says(OK3)
    talk.says(b"354 again\r\n")
    assert isinstance(talk.feed.last(1), Unknown)


def test_a_dot_that_was_answered_counts_even_if_nonsense_follows_in_the_same_bytes() -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    talk.says(b"250 queued\r\nnonsense\r\n")
    assert talk.feed.accepted == [1]
    assert isinstance(talk.feed.last(2), NotWritten)


@pytest.mark.parametrize(
    ("rest", "sure"), [(0, False), (len(group(2)), False), (len(group(2)) + 2, False), (len(group(2)) + 3, True)]
)
def test_only_an_unsent_rest_that_begins_before_the_dot_hands_the_letter_back(rest: int, sure: bool) -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    talk.pipeline.lost("cut", rest)
    assert isinstance(talk.feed.last(1), NotWritten if sure else Unknown)
    assert isinstance(talk.feed.last(2), NotWritten)


def test_the_dot_of_a_long_letter_is_held_back_until_its_content_has_left() -> None:
    long = b"x" * 70 + b"\r\n"
    talk = Talk(parcels=(parcel(1, long * 2000), parcel(2)))
    assert len(long * 2000) > HOLD_BACK
    talk.line.long = True
    assert talk.says(OK3) == long * 2000
    talk.pipeline.drained()
    assert talk.line.written[-1] == b".\r\n" + group(2)


def test_a_long_letter_whose_dot_was_held_back_is_never_in_doubt() -> None:
    talk = Talk(parcels=(parcel(1, b"x\r\n" * 40_000),))
    talk.line.long = True
    talk.says(OK3)
    talk.pipeline.lost("cut")
    assert isinstance(talk.feed.last(1), NotWritten)


def test_a_long_letter_that_is_refused_halfway_is_refused_and_the_session_ends() -> None:
    talk = Talk(parcels=(parcel(1, b"x\r\n" * 40_000),))
    talk.line.long = True
    talk.says(OK3)
    talk.says(b"552 5.3.4 too big\r\n")
    assert talk.feed.last(1) == Replied("dot", 552, "5.3.4 too big")
    assert talk.line.aborted


@pytest.mark.parametrize(
    "answers", [OK3 + b"250 queued\r\n", OK3 + b"250 que", OK3 + b"550 no\r\n", OK3 + b"250-a\r\n250-b"]
)
def test_an_answer_that_was_read_before_its_question_was_written_settles_nothing(answers: bytes) -> None:
    talk = Talk(1)
    assert talk.says(answers) == b""
    assert talk.line.how is not None
    assert talk.line.how.kind == "away"
    assert isinstance(talk.feed.last(1), NotWritten)


def test_what_was_asked_still_counts_beside_an_answer_too_many() -> None:
    talk = Talk(1)
    talk.says(OK3)
    assert talk.says(b"250 queued\r\n250 again\r\n") == b""
    assert talk.feed.accepted == [1]
    assert talk.line.how is not None
    assert talk.line.how.kind == "away"


def test_a_421_may_come_unasked() -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    talk.says(b"250 queued\r\n" + OK3)
    talk.says(b"250 queued\r\n421 4.3.2 shutting down\r\n")
    assert talk.feed.accepted == [1, 2]
    assert talk.line.how == Ended("rotated", "idle", 421, "4.3.2 shutting down")


def test_a_250_to_a_dot_that_has_not_left_us_is_not_believed() -> None:
    talk = Talk(1)
    talk.says(OK3)
    talk.line.rest = 50_000
    talk.says(b"250 queued\r\n")
    assert isinstance(talk.feed.last(1), NotWritten)


def test_without_groups_an_answer_too_many_ends_the_session_before_the_next_command() -> None:
    talk = Talk(1, offers=Offers())
    assert talk.says(b"250 Ok\r\n250 Ok\r\n") == b""
    assert isinstance(talk.feed.last(1), NotWritten)
