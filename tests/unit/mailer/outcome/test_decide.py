"""Decisions that follow from a result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.outcome import Context, Decision, NotWritten, RelayEvent, Replied, Unknown, decide, hold_for
from mailer.outcome.quota import until

NOW = datetime(2024, 9, 18, 7, tzinfo=UTC)
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (30, 60, 180, 360, 720))


def context(
    attempt: int = 1,
    *,
    first: datetime = NOW,
    before: datetime | None = None,
    jitter: float = 0.0,
    passing: bool = False,
) -> Context:
    return Context(NOW, attempt, first, DELAYS, timedelta(days=4), before, jitter, passing)


def said(stage: str, code: int, text: str, **given: object) -> Decision:
    return decide(Replied(stage, code, text), context(**given))  # type: ignore[arg-type]


def test_a_250_to_the_dot_is_accepted_and_keeps_the_text() -> None:
    decision = said("dot", 250, "2.0.0 Ok: queued as 4F")
    assert (decision.state, decision.code, decision.text) == ("accepted", 250, "2.0.0 Ok: queued as 4F")


def test_nothing_written_goes_back_to_waiting_and_costs_nothing() -> None:
    decision = decide(NotWritten("the connection was lost"), context())
    assert (decision.state, decision.retry_at, decision.mailbox) == ("waiting", None, "")


def test_no_answer_after_the_dot_is_in_doubt() -> None:
    assert decide(Unknown("no answer"), context()).state == "in_doubt"


def test_a_clear_statement_is_refused_and_handed_on_as_clear() -> None:
    decision = said("rcpt", 550, "5.1.1 no such user")
    assert (decision.state, decision.reason, decision.mailbox, decision.hold) == (
        "refused",
        "no_address",
        "clear",
        None,
    )


def test_an_unclear_statement_is_refused_and_handed_on_as_unclear() -> None:
    decision = said("rcpt", 550, "mailbox unavailable")
    assert (decision.state, decision.reason, decision.mailbox) == ("refused", "unavailable", "unclear")


@pytest.mark.parametrize(
    ("stage", "code", "text", "reason"),
    [
        ("rcpt", 552, "5.2.2 mailbox full", "full"),
        ("dot", 550, "5.7.1 refused by policy", "policy"),
        ("dot", 554, "5.7.1 Message rejected as spam", "spam"),
        ("dot", 552, "5.3.4 Message size exceeds fixed limit", "too_big"),
        ("rcpt", 550, "Frobnicated", "other"),
    ],
)
def test_all_else_is_refused_and_states_nothing_about_the_mailbox(
    stage: str, code: int, text: str, reason: str
) -> None:
    decision = said(stage, code, text)
    assert (decision.state, decision.reason, decision.mailbox, decision.hold) == ("refused", reason, "", None)


@pytest.mark.parametrize(
    ("stage", "code", "text", "key"),
    [
        ("mail", 530, "5.7.0 Authentication required", "auth"),
        ("mail", 530, "5.7.0 Must issue a STARTTLS command first", "tls"),
        ("mail", 550, "5.7.1 account has been suspended", "account"),
        ("mail", 502, "5.7.0 SMTP account is not yet activated", "account"),
        ("mail", 550, "user unknown", "sender_refused"),
        ("mail", 552, "5.3.4 Message size exceeds fixed limit", "too_big"),
        ("mail", 554, "no", "other"),
        ("rcpt", 550, "5.1.8 <a@b>: Sender address rejected: Domain not found", "sender_refused"),
        ("mail", 553, "5.7.1 Sender address rejected: not owned by user x", "sender_refused"),
        ("rcpt", 554, "5.7.1 <j@example.nl>: Relay access denied", "relay_denied"),
        ("rcpt", 454, "4.7.1 <j@example.nl>: Relay access denied", "relay_denied"),
        ("dot", 550, "5.7.515 Access denied, sending domain x does not meet the required level", "unproven"),
        ("dot", 554, "Sending paused for this account", "account"),
        ("dot", 552, "Message would take you over your relay quota", "quota"),
    ],
)
def test_a_problem_of_the_sender_holds_the_campaign_and_hands_the_delivery_back(
    stage: str, code: int, text: str, key: str
) -> None:
    decision = said(stage, code, text)
    assert (decision.state, decision.hold, decision.mailbox) == ("waiting", key, "")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Hourly limit of 100 messages reached", timedelta(hours=1)),
        ("Hourly limit reached, try again in 37 minutes", timedelta(minutes=37)),
        ("Daily user sending limit exceeded", timedelta(days=1)),
        ("Your plan does not include so many", None),
    ],
)
def test_a_quota_says_until_when_as_far_as_its_words_do(text: str, after: timedelta | None) -> None:
    assert until(text, NOW) == (NOW + after if after else None)
    decision = said("rcpt", 550, text)
    assert (decision.hold, decision.until) == ("quota", NOW + after if after else None)


@pytest.mark.parametrize(
    ("stage", "code", "text", "pace"),
    [
        ("rcpt", 454, "4.7.0 Too many messages, slow down", "slow"),
        ("dot", 550, "5.7.0 too many emails per second", "slow"),
        ("dot", 421, "4.7.0 too fast", "slow"),
        ("mail", 451, "4.3.0 later", "slow_relay"),
        ("mail", 450, "4.7.1 rate limited", "slow_relay"),
    ],
)
def test_told_to_go_slower_the_letter_waits_for_the_pace_and_it_costs_no_try(
    stage: str, code: int, text: str, pace: str
) -> None:
    decision = said(stage, code, text)
    assert (decision.state, decision.reason, decision.pace, decision.retry_at) == ("waiting", "speed", pace, None)


def test_greylisting_comes_again_after_five_minutes_and_slows_nothing() -> None:
    decision = said("rcpt", 450, "4.2.0 Greylisted")
    assert (decision.state, decision.reason, decision.pace) == ("retry", "greylist", "")
    assert decision.retry_at == NOW + timedelta(minutes=5)


def test_a_first_refusal_for_now_is_greylisting_where_others_of_the_domain_pass() -> None:
    assert said("rcpt", 451, "4.7.1 not now", passing=True).retry_at == NOW + timedelta(minutes=5)
    assert said("rcpt", 451, "4.7.1 not now").retry_at == NOW + timedelta(minutes=30)
    assert said("rcpt", 451, "4.7.1 not now", attempt=2, passing=True).retry_at == NOW + timedelta(minutes=60)
    assert said("rcpt", 452, "4.2.2 mailbox full", passing=True).retry_at == NOW + timedelta(minutes=30)


def test_greylisting_that_goes_on_follows_the_schedule() -> None:
    whens = [said("rcpt", 450, "Greylisted", attempt=attempt).retry_at for attempt in range(1, 6)]
    assert [when - NOW for when in whens if when] == [timedelta(minutes=5)] * 3 + list(DELAYS[3:5])


@pytest.mark.parametrize(
    ("code", "text", "state"),
    [
        (421, "4.7.28 unusual rate of unsolicited mail", "retry"),
        (451, "4.7.650 temporarily rate limited due to IP reputation", "retry"),
        (554, "5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", "refused"),
    ],
)
def test_reputation_lets_the_domain_rest(code: int, text: str, state: str) -> None:
    decision = said("dot", code, text)
    assert (decision.state, decision.pace, decision.mailbox, decision.hold) == (state, "rest", "", None)


def test_a_5xx_that_asks_to_come_later_is_tried_again() -> None:
    decision = said(
        "rcpt", 550, "Requested action not taken: mailbox unavailable Failure sending mail. Try again later."
    )
    assert (decision.state, decision.mailbox) == ("retry", "")


def test_the_schedule_is_followed_and_its_last_step_repeats() -> None:
    whens = [said("rcpt", 450, "4.2.0 later", attempt=attempt).retry_at for attempt in range(1, 8)]
    assert [when - NOW for when in whens if when] == [*DELAYS, DELAYS[-1], DELAYS[-1]]


def test_a_retry_never_comes_within_half_an_hour_by_default() -> None:
    for jitter in (0.0, 0.5, 1.0):
        when = said("rcpt", 450, "later", jitter=jitter).retry_at
        assert when is not None
        assert timedelta(minutes=30) <= when - NOW <= timedelta(minutes=36)


def test_after_four_days_a_temporary_refusal_is_final_and_says_so() -> None:
    decision = said("rcpt", 450, "later", attempt=9, first=NOW - timedelta(days=4))
    assert (decision.state, decision.gave_up, decision.mailbox, decision.retry_at) == ("refused", True, "", None)


def test_a_retry_after_send_before_is_not_made() -> None:
    decision = said("rcpt", 450, "later", before=NOW + timedelta(minutes=20))
    assert (decision.state, decision.gave_up) == ("refused", True)


def test_what_this_relay_cannot_carry_is_refused_and_holds_nothing() -> None:
    decision = said("local", 553, "5.6.7 the address needs SMTPUTF8")
    assert (decision.state, decision.reason, decision.mailbox) == ("refused", "needs_utf8", "")


@pytest.mark.parametrize(
    ("stage", "key"),
    [("tls", "relay_tls"), ("starttls", "relay_tls"), ("auth", "relay_auth"), ("ehlo", "relay_refused")],
)
def test_a_relay_that_refuses_us_holds_under_a_name_that_says_why(stage: str, key: str) -> None:
    assert hold_for(RelayEvent("refused", stage, 550, "no")) == key
    assert hold_for(RelayEvent("away", stage, 0, "no")) is None


@given(
    st.sampled_from(["mail", "rcpt", "data", "dot", "local"]),
    st.integers(400, 599),
    st.text(max_size=80),
    st.integers(1, 50),
    st.floats(0, 1),
)
def test_whatever_is_said_only_a_5xx_after_mail_states_anything_about_the_mailbox(
    stage: str, code: int, text: str, attempt: int, jitter: float
) -> None:
    decision = said(stage, code, text, attempt=attempt, jitter=jitter)
    assert decision.state in ("retry", "refused", "waiting")
    assert (decision.state == "retry") == (decision.retry_at is not None)
    if code < 500 or stage in ("mail", "local"):
        assert not decision.mailbox


def test_the_delays_of_the_default_schedule_grow() -> None:
    assert all(one < other for one, other in pairwise(DELAYS))
