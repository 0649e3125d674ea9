"""Sentences about a relay that takes nothing: its own words as they are, ours in the reader's language."""

from __future__ import annotations

from datetime import UTC, datetime

from campaigns.lifecycle import report
from mailer.worker import RelayReport
from tests.support.translated import in_language

SINCE = datetime(2026, 11, 25, 9, 0, 7, tzinfo=UTC)
BUSY = "421 4.7.0 no greeting within 7 seconds."


def test_a_relays_own_words_are_never_translated_and_get_no_second_full_stop() -> None:
    assert report.relay_words(BUSY) == BUSY[:-1]
    assert in_language(report.relay_words("no greeting within 7 seconds"), "nl") == "geen begroeting binnen 7 seconden"


def test_news_of_the_relay_is_a_sentence_with_its_name() -> None:
    name = "relay.example:25"
    assert report.relay_news(RelayReport("trouble", SINCE, BUSY), name) == (
        f"The mail server {name} takes no mail now, it says: {BUSY[:-1]}."
    )
    assert report.relay_news(RelayReport("trouble", SINCE, "connection refused"), name) == (
        f"No mail can go to the mail server {name} now: connection refused."
    )
    assert report.relay_news(RelayReport("still", SINCE, "connection refused"), name) == (
        f"The mail server {name} has taken nothing since 2026-11-25 09:00:07 UTC: connection refused. We keep trying."
    )
    assert report.relay_news(RelayReport("well", SINCE), name) == f"The mail server {name} takes mail again."


def test_the_end_of_a_send_says_whether_the_relay_answered() -> None:
    assert report.relay_away("421 4.7.0 busy", "r:25").startswith(
        "The relay r:25 takes no mail now; it says: 421 4.7.0"
    )
    assert report.relay_away("connection refused", "r:25").startswith("The relay r:25 cannot be reached (connection")
