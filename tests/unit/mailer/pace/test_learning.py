from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailer.pace.learning import AnswerCounts, Learnt, rate_now, record_answers, slots, took

NOW = 1_700_000_000.0


def stopped() -> Learnt:
    """Nothing was known, and it complains."""
    return record_answers(Learnt(), AnswerCounts(refused={NOW - 1: 3}), NOW)


def sure(rate: float) -> Learnt:
    return Learnt(
        rate=rate, ceiling=rate / 0.92, sure=1.0, heard_at=NOW, aged_at=NOW, slot_at=NOW, measured=rate / 0.92
    )


def test_nobody_is_slowed_who_never_complained() -> None:
    assert slots(Learnt(), NOW).number > 1_000_000
    assert record_answers(Learnt(), AnswerCounts(accepted={NOW: 5}), NOW).stop.at == 0


def test_a_complaint_stops_all_but_one_probe_at_a_time() -> None:
    learnt = stopped()
    assert slots(learnt, NOW).number == 0
    at = slots(learnt, NOW).at
    assert NOW < at < NOW + 0.2
    assert slots(learnt, at).number == 1
    assert slots(took(learnt, 1, at), at + 0.01).number == 0


def test_complaints_that_answer_letters_from_before_the_stop_count_once() -> None:
    learnt = stopped()
    again = record_answers(learnt, AnswerCounts(refused={NOW - 1: 40}), NOW + 0.1)
    assert again.stop == learnt.stop


def test_an_acceptance_from_before_the_stop_does_not_end_it() -> None:
    assert record_answers(stopped(), AnswerCounts(accepted={NOW - 1: 40}), NOW + 0.1).stop.at == NOW


def test_a_probe_that_is_refused_for_another_reason_is_followed_by_another() -> None:
    learnt = record_answers(took(stopped(), 1, NOW + 1), AnswerCounts(other={NOW + 1: 1}), NOW + 1.2)
    assert learnt.stop.at == NOW
    assert slots(learnt, NOW + 1.2).number == 1


def test_a_probe_that_is_never_answered_is_followed_by_another_in_ten_seconds() -> None:
    learnt = took(stopped(), 1, NOW + 1)
    assert slots(learnt, NOW + 10.9).number == 0
    assert slots(learnt, NOW + 11.1).number == 1


def test_probes_come_less_and_less_often() -> None:
    learnt, now, gaps = stopped(), NOW, []
    for _ in range(20):
        at = slots(learnt, now).at
        gaps.append(at - now)
        learnt = record_answers(took(learnt, 1, at), AnswerCounts(refused={at: 1}), at)
        now = at
    assert all(after > before - 1e-6 for before, after in pairwise(gaps) if before < 0.2)
    assert gaps[-1] > 4 * gaps[0]


def test_letters_of_a_learnt_rate_have_moments_evenly_apart() -> None:
    room = slots(sure(100.0), NOW)
    assert room.number in (10, 11)
    assert round(room.gap, 6) == 0.01
    assert slots(took(sure(100.0), 12, NOW), NOW).number == 0


def test_a_rate_that_is_not_used_does_not_grow() -> None:
    learnt = sure(10.0)
    for second in range(200):
        learnt = record_answers(
            took(learnt, 1, NOW + second), AnswerCounts(accepted={NOW + second: 1}), NOW + second + 0.5
        )
    assert rate_now(learnt) == 10.0


@given(back=st.floats(1, 1e7))
def test_a_clock_that_is_set_back_costs_no_more_than_one_interval(back: float) -> None:
    learnt = took(sure(1.0), 1, NOW)
    assert slots(learnt, NOW - back).at <= NOW - back + 1.1
    assert slots(stopped(), NOW - back).at <= NOW - back + 0.2


def test_a_clock_that_is_set_forward_does_not_make_the_capacity_look_small() -> None:
    learnt = replace(sure(10.0), cycle=replace(sure(10.0).cycle, begun_at=NOW - 20, taken=200))
    later = record_answers(learnt, AnswerCounts(accepted={NOW + 3600: 1}), NOW + 3600)
    assert later.cycle.begun_at == NOW + 3600


def test_a_word_on_our_reputation_rests_fifteen_minutes_and_doubles_to_four_hours() -> None:
    learnt, now, lengths = Learnt(), NOW, []
    for _ in range(6):
        learnt = record_answers(learnt, AnswerCounts(reputation={now: 1}), now)
        lengths.append(learnt.rest.length / 60)
        assert slots(learnt, learnt.rest.until - 1).number == 0
        now = learnt.rest.until
        assert slots(learnt, now).number == 1
        learnt = took(learnt, 1, now)
        assert slots(learnt, now + 1).number == 0
    assert lengths == [15, 30, 60, 120, 240, 240]


def test_what_was_on_its_way_when_the_rest_began_does_not_lengthen_or_end_it() -> None:
    learnt = record_answers(Learnt(), AnswerCounts(reputation={NOW: 1}), NOW)
    again = record_answers(learnt, AnswerCounts(reputation={NOW - 1: 5}), NOW + 1)
    assert again.rest == learnt.rest
    assert record_answers(again, AnswerCounts(accepted={NOW - 1: 5}), NOW + 2).rest == learnt.rest


def test_a_success_ends_a_rest() -> None:
    learnt = record_answers(Learnt(), AnswerCounts(reputation={NOW: 1}), NOW)
    at = learnt.rest.until
    assert record_answers(took(learnt, 1, at), AnswerCounts(accepted={at: 1}), at + 1).rest.length == 0
