"""Time, pause, stop, rotation and the ways a session ends, without a socket."""

from __future__ import annotations

import pytest

from mailer.transport.base import NotWritten, Replied, Unknown
from mailer.transport.limits import Offers
from mailer.transport.link import Ended, PipeliningHealth
from tests.support.feeds import LETTER, parcel
from tests.support.pipeline_driver import OK3, Talk, group


@pytest.mark.parametrize(("answers", "seconds"), [(b"", 300), (b"250 ok\r\n", 300), (b"250 ok\r\n250 ok\r\n", 120)])
def test_each_reply_of_an_envelope_has_its_own_time(answers: bytes, seconds: float) -> None:
    talk = Talk(1, 2, 3)
    talk.says(OK3)
    talk.says(b"250 ok\r\n" + OK3)  # this connection can do groups
    talk.says(b"250 ok\r\n" + answers)
    talk.after(0.5)
    talk.after(seconds - 1)
    assert talk.line.how is None
    talk.after(2)
    assert talk.line.how is not None
    assert talk.line.how.kind == "rotated"
    assert isinstance(talk.feed.last(3), NotWritten)


@pytest.mark.parametrize("answers", [b"250 ok\r\n", b"250 ok\r\n250 ok\r\n", b"250 ok\r\n503 5.5.1 need RCPT\r\n"])
def test_a_first_group_whose_answers_stop_ends_the_session_soon_and_its_letter_costs_nothing(answers: bytes) -> None:
    talk = Talk(1)
    talk.says(answers)
    talk.after(2.9)
    talk.after(0.2)
    assert talk.line.how is not None
    assert talk.line.how.kind == "garbled"
    assert isinstance(talk.feed.last(1), NotWritten)


def test_an_envelope_behind_a_dot_that_is_never_answered_ends_the_session_soon_and_doubts_nobody() -> None:
    talk = Talk(1, 2)
    talk.says(OK3)
    talk.says(b"250 ok\r\n")
    talk.after(3.1)
    assert talk.line.how is not None
    assert talk.line.how.kind == "garbled"
    assert talk.feed.accepted == [1]
    assert isinstance(talk.feed.last(2), NotWritten)


def test_a_first_command_without_an_answer_says_nothing_about_groups() -> None:
    talk = Talk(1)
    talk.after(299)
    assert talk.line.how is None
    talk.after(2)
    assert talk.line.how is not None
    assert talk.line.how.kind == "away"


def test_without_pipelining_each_reply_has_its_whole_time() -> None:
    talk = Talk(1, offers=Offers())
    talk.says(b"250 ok\r\n")
    talk.after(299)
    assert talk.line.how is None


def test_a_reply_that_has_begun_is_awaited_also_in_a_first_group() -> None:
    talk = Talk(1)
    talk.says(b"250 ok\r\n25")
    talk.after(20)
    assert talk.line.how is None
    assert talk.says(b"0 ok\r\n354 go\r\n").startswith(LETTER)


def test_a_recipient_who_is_refused_in_a_first_group_is_refused() -> None:
    talk = Talk(1)
    talk.says(b"250 ok\r\n550 5.1.1 no\r\n554 5.5.1 no\r\n")
    assert talk.feed.last(1) == Replied("rcpt", 550, "5.1.1 no")


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
    health = PipeliningHealth()
    for expected in (NotWritten, Replied):
        talk = Talk(1, 2, health=health)
        talk.says(OK3)
        talk.says(b"250 queued\r\n250 ok\r\n421 4.7.0 no\r\n")
        assert isinstance(talk.feed.last(2), expected)


def test_a_letter_that_breaks_ten_sessions_in_a_row_waits_like_any_other() -> None:
    health = PipeliningHealth()
    results = []
    for _ in range(10):
        talk = Talk(1, health=health)
        talk.pipeline.lost("cut")
        results.append(type(talk.feed.last(1)))
    assert results == [NotWritten] * 9 + [Replied]


def test_a_connection_that_has_had_enough_hands_the_letter_on_and_says_goodbye() -> None:
    talk = Talk(1, 2, 3)
    talk.says(OK3)
    assert talk.says(b"250 queued\r\n452 4.5.3 too many messages\r\n503 5.5.1 no\r\n503 5.5.1 no\r\n") == b"QUIT\r\n"
    assert talk.feed.last(2) == NotWritten("452 4.5.3 too many messages")
    talk.says(b"221 bye\r\n")
    assert (talk.line.how, talk.feed.taken) == (Ended("quiet"), 2)


def test_what_a_connection_takes_is_known_to_the_next_one_for_ten_minutes() -> None:
    health = PipeliningHealth()
    health.result_of(2, Replied("mail", 452, "4.5.3 too many messages"), (1, 1), 0.0)
    talk = Talk(1, 2, health=health)
    talk.says(OK3)
    assert talk.says(b"250 queued\r\n") == b"QUIT\r\n"
    assert (health.takes(599.0), health.takes(600.0)) == (1, None)


def test_the_same_letter_is_handed_on_twice_and_then_the_refusal_counts() -> None:
    health, said = PipeliningHealth(), Replied("rcpt", 452, "4.5.3 too many recipients in this session")
    assert [type(health.result_of(7, said, (1, 1), 0.0)) for _ in range(3)] == [NotWritten, NotWritten, Replied]


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
