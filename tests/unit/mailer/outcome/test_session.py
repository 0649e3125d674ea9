"""Replies about the connection: real sentences, and the decision on the connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.outcome.results import RelayEvent, Replied
from mailer.outcome.session import about_connection, out_of_order, stops_all, when_opening

LATER = [
    "4.7.0 too many connections from your host",
    "Too many concurrent SMTP connections; please try again later.",
    "5.7.1 Connection rate limit exceeded",
    "5.3.2 Server busy",
    "Service not available right now",
    "Temporarily rejected, retry in 10 minutes",
    "system load too high",
    "Maximum number of connections reached",
    "Zu viele Verbindungen",
    "te veel verbindingen, probeer het later opnieuw",
    "trop de connexions",
]
NEVER = [
    "5.7.1 no service for you",
    "No SMTP service here",
    "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://example.org/busy?rate=1",
    "5.7.25 your corporate host has no PTR record",
    "5.7.1 Access denied, do not try again later",
    "",
]


@pytest.mark.parametrize("text", LATER)
@pytest.mark.parametrize("stage", ["greeting", "ehlo"])
def test_a_5xx_that_speaks_of_a_busy_server_is_a_slow_down(stage: str, text: str) -> None:
    assert when_opening(stage, 554, text) == "slow_down"


@pytest.mark.parametrize("text", NEVER)
def test_any_other_5xx_is_a_refusal(text: str) -> None:
    assert when_opening("greeting", 554, text) == "refused"


@pytest.mark.parametrize("stage", ["auth", "tls", "starttls"])
def test_a_5xx_to_a_login_or_to_encryption_is_a_refusal_whatever_it_says(stage: str) -> None:
    assert when_opening(stage, 535, "5.7.8 too many failed logins, try again later") == "refused"


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "tls", "auth"])
def test_a_4xx_is_a_slow_down_whatever_it_says(stage: str) -> None:
    assert when_opening(stage, 454, "5.7.1 no service for you") == "slow_down"


@pytest.mark.parametrize(
    ("kind", "stage", "stops"),
    [
        ("slow_down", "greeting", True),
        ("slow_down", "auth", True),
        ("slow_down", "mail", True),
        ("slow_down", "rcpt", False),
        ("slow_down", "dot", False),
        ("crowded", "greeting", False),
        ("silent", "greeting", True),
        ("away", "connect", True),
        ("rotated", "mail", False),
        ("open", "", False),
    ],
)
def test_an_event_stops_everything_or_concerns_one_letter_or_none(kind: str, stage: str, stops: bool) -> None:
    assert stops_all(RelayEvent(kind, stage, 421, "4.7.0 later")) is stops  # type: ignore[arg-type]


CLEAR = [
    "4.5.3 Too many messages in this session",
    "Too many recipients in this connection",
    "too many messages per connection",
    "4.3.2 Connection has reached its message limit",
    "Max message per connection reached, closing transmission channel",
    "4.7.0 You may send 5 mails per session",
    "4.7.1 session limit exceeded",
    "No more mail on this connection, please open a new connection",
    "4.5.0 transaction limit for this connection",
    "please reconnect",
    "4.7.0 too many errors on this connection",
    "Zu viele Nachrichten in dieser Verbindung",
    "te veel berichten in deze sessie",
    "trop de messages dans cette session",
]
ABOUT_SOMETHING_ELSE = [
    "4.7.0 too many connections from your host",
    "4.7.1 too many concurrent sessions",
    "4.2.0 greylisted, come back in 900 seconds",
    "4.7.1 too much mail from 192.0.2.1",
    "4.7.28 too many messages per hour",
    "4.4.1 connection to mx.example.org timed out",
    "5.1.1 no such user",
    "",
]


@pytest.mark.parametrize("text", CLEAR)
@pytest.mark.parametrize(("stage", "code"), [("mail", 452), ("rcpt", 450), ("data", 451), ("dot", 454), ("mail", 550)])
def test_clear_words_about_the_connection_count_at_any_step_with_any_code(stage: str, code: int, text: str) -> None:
    assert about_connection(Replied(stage, code, text), accepted=0, earlier=1)  # type: ignore[arg-type]
    assert not about_connection(Replied(stage, code, text), accepted=0, earlier=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ABOUT_SOMETHING_ELSE)
def test_other_words_are_about_the_letter_or_about_us(text: str) -> None:
    assert not about_connection(Replied("rcpt", 450, text), accepted=5, earlier=9)
    assert not about_connection(Replied("dot", 452, text), accepted=5, earlier=9)


def test_a_452_to_an_envelope_counts_without_words_after_an_accepted_letter() -> None:
    assert about_connection(Replied("mail", 452, ""), accepted=1, earlier=1)
    assert about_connection(Replied("rcpt", 452, "4.5.3 Too many recipients"), accepted=1, earlier=1)
    assert not about_connection(Replied("mail", 452, "4.3.1 insufficient system storage"), accepted=0, earlier=1)


@pytest.mark.parametrize("text", ["4.2.2 mailbox full", "over quota", "4.1.1 x", "not enough disk space for this user"])
def test_a_452_about_a_mailbox_is_about_that_mailbox(text: str) -> None:
    assert not about_connection(Replied("rcpt", 452, text), accepted=5, earlier=9)


COMPLAINTS = [
    (503, "5.5.1 Error: need MAIL command"),
    (503, "5.0.0 Need MAIL before RCPT"),
    (503, "sender already given"),
    (503, "Sender not yet given"),
    (503, "valid RCPT command must precede DATA"),
    (503, "RCPT first (#5.5.1)"),
    (503, "Bad sequence of commands"),
    (502, "5.5.2 Error: command not recognized"),
    (502, "Not implemented"),
    (500, "Syntax error, command unrecognized"),
    (500, "Befehl unbekannt"),
    (500, ""),
    (500, "Error"),
]
STATEMENTS = [
    (502, "5.7.0 SMTP account is not yet activated"),
    (502, "SMTP account is not yet activated"),
    (503, "AUTH first"),
    (503, "5.5.1 Bad sequence of commands, please authenticate first"),
    (503, "5.5.1 must issue STARTTLS first"),
    (500, "5.1.8 sender syntax not allowed"),
    (502, "5.5.1 your account was suspended"),
    (503, "daily limit exceeded"),
    (500, "Messaging service not provisioned"),
    (503, "this server requires authentication"),
    (550, "5.5.1 Bad sequence of commands"),
]


@pytest.mark.parametrize(("code", "text"), COMPLAINTS)
def test_a_complaint_about_the_order_or_spelling_of_commands_is_seen(code: int, text: str) -> None:
    assert out_of_order(code, text)


@pytest.mark.parametrize(("code", "text"), STATEMENTS)
def test_a_statement_about_an_account_a_login_or_a_limit_is_no_complaint(code: int, text: str) -> None:
    assert not out_of_order(code, text)


@given(st.integers(400, 599), st.text(max_size=300))
def test_nothing_that_is_said_is_too_strange(code: int, text: str) -> None:
    about_connection(Replied("mail", code, text), 1, 1)
    out_of_order(code, text)
    assert when_opening("greeting", code, text) in ("slow_down", "refused")
