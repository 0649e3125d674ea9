"""Several answers together mean something else than one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailer.outcome import Context, Decision, Replied, ReplyDecision, Seen, Series, Stage, decide, shown
from mailer.outcome.series import same_words

NOW = datetime(2024, 9, 18, 7, tzinfo=UTC)
CONTEXT = Context(NOW, 1, NOW, (timedelta(minutes=30),), timedelta(days=4))
FINE = decide(Replied("dot", 250, "ok"), CONTEXT)


def said(code: int, text: str, stage: Stage = "rcpt") -> Decision:
    return decide(Replied(stage, code, text), CONTEXT)


DEAD = said(550, "5.1.1 no such user")
POLICY = said(550, "5.7.1 policy", "dot")


class Heard:
    """A series, and the deliveries in order."""

    def __init__(self, resumed: str = "") -> None:
        self.series, self.number, self.resumed = Series(), 0, resumed

    def note(self, domain: str, decision: Decision, mailing: int = 1, now: datetime = NOW) -> Seen:
        self.number += 1
        return self.series.record(ReplyDecision(mailing, domain, self.number, decision, self.resumed), now)


def holds(answers: list[tuple[str, Decision]], resumed: str = "") -> list[bool]:
    heard = Heard(resumed)
    return [heard.note(domain, decision).hold for domain, decision in answers]


def test_the_same_words_to_three_recipients_at_three_domains_hold() -> None:
    assert holds([(f"d{n}.example", POLICY) for n in range(3)]) == [False, False, True]


@pytest.mark.parametrize(
    "texts",
    [
        [
            "550 Blocked for a@x.example (id 4F2A)",
            "550 Blocked for b@y.example (id 77CC)",
            "550 Blocked for c@z.nl (id 1)",
        ],
        ["no: mx1.d0.example said 12", "no: mx2.d1.example said 13", "no: mx9.d2.example said 999"],
    ],
)
def test_addresses_digits_and_hosts_do_not_make_words_different(texts: list[str]) -> None:
    assert holds([(f"d{n}.example", said(550, text)) for n, text in enumerate(texts)])[-1]


def test_an_acceptance_in_between_ends_the_row() -> None:
    answers = [("d0.example", POLICY), ("d1.example", POLICY), ("d9.example", FINE), ("d2.example", POLICY)]
    assert not any(holds(answers))


def test_two_domains_hold_only_after_ten_at_one_of_them() -> None:
    seen = holds([(f"d{n % 2}.example", POLICY) for n in range(19)])
    assert seen == [False] * 18 + [True]


def test_ten_at_one_domain_hold_although_others_pass() -> None:
    answers = [("bad.example", POLICY), ("good.example", FINE)] * 10
    assert [n for n, held in enumerate(holds(answers)) if held] == [18]


def test_nineteen_readers_of_one_domain_are_enough() -> None:
    assert holds([("one.example", POLICY)] * 19).index(True) == 9


def test_other_words_are_another_row_and_so_is_another_campaign() -> None:
    heard = Heard()
    for n in range(2):
        assert not heard.note(f"d{n}.example", POLICY).hold
        assert not heard.note(f"d{n}.example", said(554, "Message refused", "dot")).hold
        assert not heard.note(f"d{n}.example", POLICY, mailing=2).hold


def test_those_before_it_wait_again_and_the_words_are_told_without_addresses() -> None:
    heard = Heard()
    seen = [heard.note(f"d{n}.example", said(550, f"Blocked: <r{n}@d{n}.example>")) for n in range(3)][-1]
    assert seen.back == (1, 2, 3)
    assert seen.words == "550 Blocked: …"


@pytest.mark.parametrize("said_name", ["esther.jansen", "<Esther.Jansen>", "esther.jansen+news", "'ESTHER.JANSEN'"])
def test_the_words_that_are_told_do_not_name_a_person_without_a_domain_either(said_name: str) -> None:
    decision = said(550, f"User {said_name} is not welcome in esther.jansens.example")
    told = shown(decision, "Esther.Jansen+news@gouda.example")
    assert "jansen " not in told.lower().replace(">", " ").replace("'", " ")
    assert "not welcome in esther.jansens.example" in told


def test_people_whose_names_stand_in_the_same_words_are_a_row() -> None:
    series, seen = Series(), Seen()
    for number, name in enumerate(("esther.jansen", "piet.de.boer", "anna")):
        answer = ReplyDecision(
            1, f"{name}.example", number, said(550, f"We take no mail for {name} now"), "", f"{name}@x.example"
        )
        seen = series.record(answer, NOW)
    assert (seen.hold, seen.words) == (True, "550 We take no mail for … now")


def test_who_was_refused_in_these_words_before_an_acceptance_waits_again_too() -> None:
    heard = Heard()
    heard.note("d0.example", POLICY)
    heard.note("d1.example", FINE)
    seen = [heard.note(f"d{n}.example", POLICY) for n in range(2, 5)][-1]
    assert (seen.hold, seen.back) == (True, (1, 3, 4, 5))


def test_what_is_still_answered_in_these_words_after_the_hold_waits_too() -> None:
    heard = Heard()
    for n in range(3):
        heard.note(f"d{n}.example", POLICY)
    assert heard.note("d4.example", POLICY).hold
    assert not heard.note("d5.example", said(550, "Frobnicated")).hold


def test_after_a_person_has_read_the_words_it_takes_ten_times_as_many() -> None:
    seen = holds([(f"d{n}.example", POLICY) for n in range(30)], resumed="550 5.7.1 policy")
    assert seen == [False] * 29 + [True]


def test_a_problem_of_ours_that_a_person_has_read_refuses_that_letter_until_it_is_a_row() -> None:
    sender = said(550, "5.1.8 Sender address rejected: Domain not found")
    heard = Heard(resumed="550 5.1.8 Sender address rejected: Domain not found")
    assert heard.note("a.example", sender).refuse
    assert Heard().note("a.example", sender) == Seen()


@pytest.mark.parametrize("decision", [DEAD, said(450, "try again later"), said(550, "too many messages per second")])
def test_clear_statements_and_refusals_for_now_are_no_row(decision: Decision) -> None:
    assert not any(holds([(f"d{n}.example", decision) for n in range(100)]))


def test_a_5xx_that_says_later_is_a_row_like_any_other() -> None:
    later = said(550, "Requested action not taken: mailbox unavailable Failure sending mail. Try again later.")
    assert holds([(f"d{n}.example", later) for n in range(3)])[-1]


def test_some_dead_addresses_among_many_good_ones_are_no_wave() -> None:
    heard = Heard()
    assert not any(heard.note("example.nl", DEAD if n % 25 == 0 else FINE).wave for n in range(1000))


def test_a_provider_that_says_so_of_too_many_is_a_wave_and_names_those_before() -> None:
    heard = Heard()
    for _ in range(100):
        heard.note("example.nl", FINE)
    seen = [heard.note("example.nl", DEAD) for _ in range(30)]
    first = next(n for n, one in enumerate(seen) if one.wave)
    assert first == 10
    assert seen[first].earlier == tuple(range(101, 111))


def test_four_typing_errors_in_a_small_domain_are_no_wave() -> None:
    heard = Heard()
    assert not any(heard.note("klein.example", DEAD).wave for _ in range(4))
    assert heard.note("klein.example", DEAD).wave


def test_a_wave_of_yesterday_is_forgotten() -> None:
    heard = Heard()
    for _ in range(30):
        heard.note("example.nl", DEAD)
    assert not heard.note("example.nl", DEAD, now=NOW + timedelta(days=1)).wave


def test_a_domain_passes_while_it_has_accepted_something_lately() -> None:
    heard = Heard()
    assert not heard.series.passing("a.example", NOW)
    heard.note("a.example", FINE)
    assert heard.series.passing("a.example", NOW + timedelta(minutes=9))
    assert not heard.series.passing("a.example", NOW + timedelta(minutes=11))


def test_memory_is_bounded_whatever_a_relay_says() -> None:
    heard = Heard()
    for n in range(2_000):
        heard.note(f"d{n}.example", said(550, "".join(chr(97 + int(digit)) for digit in str(n)) + " nope"))
    assert len(heard.series._runs[1]) <= 100
    assert same_words("x " * 10_000).count("x") <= 30
