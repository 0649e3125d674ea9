"""Failed openings of a connection, in sentences that name the setting to change."""

from __future__ import annotations

import ssl

import pytest

from mailer.messages import recalled
from mailer.settings import Relay
from mailer.transport import hints
from tests.support.translated import in_language


@pytest.mark.parametrize(
    ("relay", "stage", "words"),
    [
        (Relay("r", 25), "connect", "no connection within 7 seconds"),
        (Relay("r", 25), "greeting", "no greeting within 7 seconds"),
        (Relay("r", 587, tls="starttls"), "greeting", "no greeting within 7 seconds"),
        (
            Relay("r", 465, tls="starttls"),
            "greeting",
            "no greeting within 7 seconds; port 465 speaks TLS at once: set tls=implicit",
        ),
        (
            Relay("r", 2465, tls="none"),
            "greeting",
            "no greeting within 7 seconds; if this port speaks TLS at once, set tls=implicit",
        ),
        (Relay("r", 465, tls="implicit"), "tls", "no answer to TLS within 7 seconds"),
        (
            Relay("r", 587, tls="implicit"),
            "tls",
            "no answer to TLS within 7 seconds; if this port does not speak TLS at once, set tls=starttls",
        ),
        (Relay("r", 587, tls="starttls"), "tls", "no answer to TLS within 7 seconds"),
        (Relay("r", 587), "auth", "no answer to AUTH within 7 seconds"),
    ],
)
def test_silence_says_at_which_step_and_what_to_set(relay: Relay, stage: str, words: str) -> None:
    assert hints.silence(relay, stage, 7) == words


@pytest.mark.parametrize(
    ("relay", "stage", "words"),
    [
        (Relay("r", 587, tls="starttls"), "greeting", "before a greeting"),
        (Relay("r", 465, tls="none"), "greeting", "port 465 speaks TLS at once: set tls=implicit"),
        (Relay("r", 2525, tls="none"), "greeting", "if this port speaks TLS at once, set tls=implicit"),
        (Relay("r", 587, tls="implicit"), "tls", "if this port does not speak TLS at once, set tls=starttls"),
        (Relay("r", 465, tls="implicit"), "tls", "instead of answering to TLS"),
        (Relay("r", 587), "ehlo", "instead of answering EHLO"),
    ],
)
def test_an_end_without_an_answer_says_so(relay: Relay, stage: str, words: str) -> None:
    assert hints.closed(relay, stage).endswith(words)


@pytest.mark.parametrize("first", [b"220 hello", b"2", b"554-no", b""])
def test_what_may_begin_a_reply_is_not_foreign(first: bytes) -> None:
    assert hints.foreign(first) == ""


def test_bytes_without_a_sign_that_can_be_shown_are_shown_as_numbers() -> None:
    assert hints.foreign(b"\x00\x01") == "an answer that is no SMTP: \\x00\\x01"


def test_a_certificate_that_is_not_right_is_told_with_the_librarys_words() -> None:
    error = ssl.SSLError(1, "certificate verify failed")
    assert hints.unsafe(Relay("r", 465, tls="implicit"), error).startswith("no safe connection: ")


def test_each_sentence_is_translated_with_its_places() -> None:
    said = hints.silence(Relay("r", 465, tls="starttls"), "greeting", 7)
    assert in_language(said, "nl") == (
        "geen begroeting binnen 7 seconden; poort 465 spreekt meteen TLS: zet tls=implicit"
    )


@pytest.mark.parametrize(
    "said",
    [
        hints.silence(Relay("r", 465, tls="starttls"), "greeting", 7),
        hints.closed(Relay("r", 25), "mail"),
        hints.no_smtp(b"HTTP/1.1 400 Bad Request"),
        hints.unreachable(ConnectionRefusedError()),
    ],
)
def test_a_sentence_that_was_stored_is_recognised_and_translated(said: str) -> None:
    stored = "".join(said)
    assert type(stored) is str
    assert in_language(recalled(stored, hints.KNOWN), "nl") == in_language(said, "nl") != said
