"""The eight rules of a group, without a socket: what is written after which answers, and what is reported."""

from __future__ import annotations

import pytest

from mailer.transport.base import NotWritten, Parcel, Replied, Unknown
from mailer.transport.limits import Limits, Offers
from mailer.transport.link import Ended, Losses
from mailer.transport.pipeline import HOLD_BACK, Pipeline
from tests.support.feeds import LETTER, ListFeed, parcel

OFFERS = Offers(pipelining=True, eightbit=True, smtputf8=True)
OK3 = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n"


def group(number: int) -> bytes:
    return f"MAIL FROM:<s{number}@vng.example>\r\nRCPT TO:<r{number}@example.nl>\r\nDATA\r\n".encode()


class Line:
    """A connection in memory."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.rest = 0
        self.long = False
        self.idled = 0
        self.how: Ended | None = None
        self.aborted = False

    def write(self, data: bytes) -> None:
        assert self.how is None, "written after the end"
        self.written.append(data)

    def unsent(self) -> int:
        return self.rest

    def full(self) -> bool:
        return self.long

    def idle(self) -> None:
        self.idled += 1

    def ended(self, how: Ended, *, abort: bool) -> None:
        self.how, self.aborted = how, abort


class Talk:
    """A pipeline with its feed and line; ``says`` is what the relay answers."""

    def __init__(self, *numbers: int, offers: Offers = OFFERS, parcels: tuple[Parcel, ...] = ()) -> None:
        self.feed = ListFeed([*(parcel(number) for number in numbers), *parcels])
        self.line = Line()
        self.losses = Losses()
        self.now = 0.0
        self.pipeline = Pipeline(self.feed, self.line, offers, Limits(), self.losses)
        self.pipeline.begin(0.0)

    def says(self, text: bytes) -> bytes:
        """The relay's bytes; what was written in answer."""
        before = len(self.line.written)
        self.pipeline.received(text, self.now)
        return b"".join(self.line.written[before:])

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.pipeline.tick(self.now)


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
    assert talk.line.how.kind == "away"
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


@pytest.mark.parametrize(("answers", "seconds"), [(b"", 300), (b"250 ok\r\n", 300), (b"250 ok\r\n250 ok\r\n", 120)])
def test_each_reply_of_an_envelope_has_its_own_time(answers: bytes, seconds: float) -> None:
    talk = Talk(1)
    talk.says(answers)
    talk.after(seconds - 1)
    assert talk.line.how is None
    talk.after(2)
    assert talk.line.how is not None
    assert isinstance(talk.feed.last(1), NotWritten)


def test_nine_minutes_before_the_250_are_fine_and_cost_one_handed_back_envelope() -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    for _ in range(9 * 60):
        talk.after(1)
    assert talk.line.how is None
    assert isinstance(talk.feed.last(2), NotWritten)
    talk.says(b"250 at last\r\n")
    assert talk.feed.accepted == [1]
    assert talk.line.how == Ended("quiet")


def test_ten_minutes_without_a_250_leave_the_letter_in_doubt_and_nothing_more_leaves() -> None:
    talk = Talk(1)
    talk.says(OK3)
    talk.after(601)
    assert isinstance(talk.feed.last(1), Unknown)
    assert talk.line.aborted


def test_a_reply_that_trickles_in_has_no_more_time_than_another() -> None:
    talk = Talk(1)
    for _ in range(400):
        talk.after(1)
        talk.says(
            b"2"
            if talk.now == 1
            else b"5"
            if talk.now == 2
            else b"0"
            if talk.now == 3
            else b"-"
            if talk.now == 4
            else b"x"
        )
    assert talk.line.how is not None


def test_content_that_does_not_move_for_three_minutes_ends_the_session_without_doubt() -> None:
    talk = Talk(1)
    talk.says(OK3)
    talk.line.rest = 50
    talk.after(1)
    talk.after(179)
    assert talk.line.how is None
    talk.after(5)
    assert isinstance(talk.feed.last(1), NotWritten)
    assert talk.line.aborted


def test_content_that_moves_slowly_has_all_the_time_it_needs() -> None:
    talk = Talk(1)
    talk.says(OK3)
    for rest in range(100, 1, -1):
        talk.line.rest = rest
        talk.after(100)
    assert talk.line.how is None


def test_an_envelope_behind_a_slow_dot_is_handed_back_after_a_second_and_no_dot_follows() -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    talk.after(0.9)
    assert 2 not in talk.feed.results
    talk.after(0.2)
    assert isinstance(talk.feed.last(2), NotWritten)
    assert talk.says(b"250 queued\r\n" + OK3) == b""
    assert talk.feed.accepted == [1]
    assert talk.line.how == Ended("quiet")


def test_a_campaign_that_is_paused_before_the_354_sends_no_content_and_no_dot() -> None:
    talk = Talk(1)
    talk.feed.unwanted.add(1)
    assert talk.says(OK3) == b""
    assert isinstance(talk.feed.last(1), NotWritten)
    assert talk.line.how == Ended("quiet")


def test_a_campaign_that_is_paused_while_the_relay_thinks_is_handed_back_at_the_next_tick() -> None:
    talk = Talk(1)
    talk.feed.unwanted.add(1)
    talk.after(0.25)
    assert isinstance(talk.feed.last(1), NotWritten)
    assert talk.line.how is not None


def test_content_that_has_left_is_not_recalled_by_a_pause() -> None:
    talk = Talk(1)
    talk.says(OK3)
    talk.feed.unwanted.add(1)
    talk.after(0.25)
    talk.says(b"250 queued\r\n")
    assert talk.feed.accepted == [1]


def test_told_to_stop_it_hands_the_envelope_back_and_still_reads_the_last_answer() -> None:
    talk = Talk(1, 2, 3)
    talk.says(OK3)
    talk.pipeline.stop(0.0)
    assert isinstance(talk.feed.last(2), NotWritten)
    talk.says(b"250 queued\r\n")
    assert talk.feed.accepted == [1]
    assert talk.line.how == Ended("quiet")
    assert talk.feed.taken == 2


def test_421_to_mail_after_an_accepted_letter_is_a_rotation_and_costs_nothing() -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    talk.says(b"250 queued\r\n421 4.7.0 enough\r\n")
    assert isinstance(talk.feed.last(2), NotWritten)
    assert talk.line.how == Ended("rotated", "mail", 421, "4.7.0 enough")


def test_421_to_the_first_mail_is_a_slow_down() -> None:
    talk = Talk(1)
    talk.says(b"421 4.7.0 too many connections\r\n")
    assert talk.line.how == Ended("slow_down", "mail", 421, "4.7.0 too many connections")
    assert isinstance(talk.feed.last(1), NotWritten)


def test_421_to_a_first_rcpt_is_about_that_recipient() -> None:
    talk = Talk(1)
    talk.says(b"250 ok\r\n421 4.7.0 not this one\r\n")
    assert talk.feed.last(1) == Replied("rcpt", 421, "4.7.0 not this one")


def test_who_brings_421_to_rcpt_twice_after_accepted_letters_does_not_go_round_for_ever() -> None:
    losses = Losses()
    for expected in (NotWritten, Replied):
        talk = Talk(1, 2)
        talk.pipeline._losses = losses
        talk.says(OK3)
        talk.says(b"250 queued\r\n250 ok\r\n421 4.7.0 no\r\n")
        assert isinstance(talk.feed.last(2), expected)


def test_a_letter_that_breaks_ten_sessions_in_a_row_waits_like_any_other() -> None:
    losses = Losses()
    results = []
    for _ in range(10):
        talk = Talk(1)
        talk.pipeline._losses = losses
        talk.pipeline.lost("cut")
        results.append(type(talk.feed.last(1)))
    assert results == [NotWritten] * 9 + [Replied]


def test_an_unasked_421_while_idle_is_no_trouble_after_accepted_mail() -> None:
    talk = Talk(1)
    talk.says(OK3)
    talk.says(b"250 queued\r\n")
    talk.says(b"421 4.4.2 timeout\r\n")
    assert talk.line.how is not None
    assert talk.line.how.kind == "rotated"


def test_without_pipelining_each_command_waits_for_its_answer() -> None:
    talk = Talk(1, 2, offers=Offers())
    assert talk.line.written == [b"MAIL FROM:<s1@vng.example>\r\n"]
    assert talk.says(b"250 ok\r\n") == b"RCPT TO:<r1@example.nl>\r\n"
    assert talk.says(b"550 5.1.1 no\r\n") == b"RSET\r\n"
    assert talk.says(b"250 ok\r\n") == b"MAIL FROM:<s2@vng.example>\r\n"
    assert talk.says(b"250 ok\r\n") == b"RCPT TO:<r2@example.nl>\r\n"
    assert talk.says(b"250 ok\r\n") == b"DATA\r\n"
    assert talk.says(b"354 go\r\n") == LETTER + b".\r\n"
    talk.says(b"250 queued\r\n")
    assert talk.feed.accepted == [2]


def test_an_idle_session_takes_what_comes_when_it_is_poked_and_says_goodbye_after_a_while() -> None:
    talk = Talk()
    assert talk.line.idled == 1
    talk.feed.add(parcel(7))
    talk.pipeline.poke(1.0)
    assert talk.line.written == [group(7)]
    talk.now = 2.0
    talk.says(OK3)
    talk.says(b"250 ok\r\n")
    talk.after(11)
    assert talk.line.written[-1] == b"QUIT\r\n"
    talk.says(b"221 bye\r\n")
    assert talk.line.how == Ended("quiet")


def test_an_old_connection_takes_nothing_new() -> None:
    talk = Talk(1, 2)
    talk.now = 301
    talk.says(OK3)
    talk.says(b"250 ok\r\n")
    assert talk.line.written[-1] == b"QUIT\r\n"
    assert talk.feed.taken == 1


def test_an_address_that_would_add_a_command_never_reaches_the_wire() -> None:
    talk = Talk(parcels=(parcel(1, recipient="a@b.nl>\r\nRCPT TO:<c@d.nl"), parcel(2)))
    assert isinstance(talk.feed.last(1), Replied)
    assert talk.line.written == [group(2)]
