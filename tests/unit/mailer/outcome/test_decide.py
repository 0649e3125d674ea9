"""What follows from a result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.outcome import Context, NotWritten, RelayEvent, Replied, Unknown, decide, hold_for

NOW = datetime(2024, 9, 18, 7, tzinfo=UTC)
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (30, 60, 180, 360, 720))


def context(attempt: int = 1, *, first: datetime = NOW, before: datetime | None = None, jitter: float = 0.0) -> Context:
    return Context(NOW, attempt, first, DELAYS, timedelta(days=4), before, jitter)


def test_a_250_to_the_dot_is_accepted_and_keeps_the_text() -> None:
    decision = decide(Replied("dot", 250, "2.0.0 Ok: queued as 4F"), context())
    assert (decision.state, decision.code, decision.text) == ("accepted", 250, "2.0.0 Ok: queued as 4F")


def test_nothing_written_goes_back_to_waiting_and_costs_nothing() -> None:
    decision = decide(NotWritten("the connection was lost"), context())
    assert (decision.state, decision.retry_at, decision.suppress) == ("waiting", None, False)


def test_no_answer_after_the_dot_is_in_doubt() -> None:
    assert decide(Unknown("no answer"), context()).state == "in_doubt"


def test_a_dead_address_is_refused_and_suppressed() -> None:
    decision = decide(Replied("rcpt", 550, "5.1.1 no such user"), context())
    assert (decision.state, decision.reason, decision.suppress, decision.hold) == ("refused", "no_address", True, None)


def test_a_full_mailbox_is_refused_but_not_suppressed() -> None:
    decision = decide(Replied("rcpt", 552, "5.2.2 mailbox full"), context())
    assert (decision.state, decision.reason, decision.suppress) == ("refused", "full", False)


def test_a_policy_refusal_refuses_that_delivery_and_suppresses_nobody() -> None:
    decision = decide(Replied("dot", 550, "5.7.1 refused by policy"), context())
    assert (decision.state, decision.suppress, decision.hold) == ("refused", False, None)


@pytest.mark.parametrize(
    ("stage", "code", "text", "key"),
    [
        ("mail", 530, "5.7.0 Authentication required", "auth"),
        ("mail", 530, "5.7.0 Must issue a STARTTLS command first", "tls"),
        ("rcpt", 550, "5.1.8 <a@b>: Sender address rejected: Domain not found", "sender_refused"),
        ("mail", 553, "5.7.1 Sender address rejected: not owned by user x", "sender_refused"),
        ("rcpt", 554, "5.7.1 <j@example.nl>: Relay access denied", "relay_denied"),
        ("dot", 550, "5.7.515 Access denied, sending domain x does not meet the required level", "unproven"),
        ("dot", 550, "5.7.15 Access denied, sending domain x does not meet the required level", "unproven"),
    ],
)
def test_a_problem_of_the_sender_holds_the_campaign_and_hands_the_delivery_back(
    stage: str, code: int, text: str, key: str
) -> None:
    decision = decide(Replied(stage, code, text), context())  # type: ignore[arg-type]
    assert (decision.state, decision.hold, decision.suppress) == ("waiting", key, False)


def test_the_schedule_is_followed_and_its_last_step_repeats() -> None:
    whens = [decide(Replied("rcpt", 450, "4.2.0 later"), context(attempt)).retry_at for attempt in range(1, 8)]
    assert [when - NOW for when in whens if when] == [*DELAYS, DELAYS[-1], DELAYS[-1]]


def test_a_retry_never_comes_within_half_an_hour_by_default() -> None:
    for jitter in (0.0, 0.5, 1.0):
        when = decide(Replied("rcpt", 450, "later"), context(jitter=jitter)).retry_at
        assert when is not None
        assert timedelta(minutes=30) <= when - NOW <= timedelta(minutes=36)


def test_after_four_days_a_temporary_refusal_is_final_and_says_so() -> None:
    decision = decide(Replied("rcpt", 450, "later"), context(9, first=NOW - timedelta(days=4)))
    assert (decision.state, decision.gave_up, decision.suppress, decision.retry_at) == ("refused", True, False, None)


def test_a_retry_after_send_before_is_not_made() -> None:
    decision = decide(Replied("rcpt", 450, "later"), context(before=NOW + timedelta(minutes=20)))
    assert (decision.state, decision.gave_up) == ("refused", True)


def test_a_421_in_answer_to_the_dot_is_a_temporary_refusal_that_slows_the_relay() -> None:
    decision = decide(Replied("dot", 421, "4.7.0 too fast"), context())
    assert (decision.state, decision.pace) == ("waiting", "slow")


def test_too_many_recipients_is_temporary_even_as_552() -> None:
    assert decide(Replied("rcpt", 552, "5.5.3 too many recipients"), context()).state == "retry"


def test_what_this_relay_cannot_carry_is_refused_without_suppressing() -> None:
    decision = decide(Replied("local", 553, "5.6.7 the address needs SMTPUTF8"), context())
    assert (decision.state, decision.reason, decision.suppress) == ("refused", "needs_utf8", False)


@pytest.mark.parametrize(
    ("stage", "key"),
    [("tls", "relay_tls"), ("starttls", "relay_tls"), ("auth", "relay_auth"), ("ehlo", "relay_refused")],
)
def test_a_relay_that_refuses_us_holds_under_a_name_that_says_why(stage: str, key: str) -> None:
    assert hold_for(RelayEvent("refused", stage, 550, "no")) == key
    assert hold_for(RelayEvent("away", stage, 0, "no")) is None


@given(st.integers(400, 499), st.text(max_size=80), st.integers(1, 50), st.floats(0, 1))
def test_no_temporary_refusal_suppresses_or_holds(code: int, text: str, attempt: int, jitter: float) -> None:
    decision = decide(Replied("rcpt", code, text), context(attempt, jitter=jitter))
    assert decision.state == "retry"
    assert not decision.suppress
    assert decision.hold is None


def test_the_delays_of_the_default_schedule_grow() -> None:
    assert all(one < other for one, other in pairwise(DELAYS))
