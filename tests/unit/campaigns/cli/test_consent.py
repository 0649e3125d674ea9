"""A proof of consent can be read by somebody who never saw one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

from campaigns.cli.consent import BASES, WHAT, lines
from unsubscribe import consent
from unsubscribe.consent import ConsentStatement
from unsubscribe.verifying import Chain, ChainEvent, What

AT = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
SHOWN = ConsentStatement("consent", "https://vng.example/subscribe", "Yes, mail me the news.", "3")


def told(*entries: ChainEvent, erased_at: datetime | None = None) -> str:
    """The chain of these events in words."""
    return "\n".join(lines("esther@gouda.example", Chain(7, entries, "", erased_at)))


def test_every_kind_of_event_and_every_basis_has_its_words() -> None:
    assert set(WHAT) == set(get_args(What))
    assert set(BASES) == set(consent.BASES)


def test_the_words_that_were_shown_stand_in_it_with_their_version_and_the_form() -> None:
    text = told(
        ChainEvent(1, "requested", "news", AT, AT, SHOWN, {"address": "esther@gouda.example", "form": "/subscribe"})
    )
    assert "Yes, mail me the news." in text
    assert "3" in text
    assert "https://vng.example/subscribe" in text
    assert "2024-09-18 07:00 UTC" in text


def test_when_it_was_written_down_is_told_where_that_was_later() -> None:
    later = AT + timedelta(days=9)
    assert "2024-09-27 07:00 UTC" in told(ChainEvent(1, "given", "news", AT, later, SHOWN, {"how": "import"}))
    assert "2024-09-27" not in told(ChainEvent(1, "given", "news", AT, AT, SHOWN, {"how": "import"}))


def test_of_an_erased_person_the_event_stays_without_what_was_personal() -> None:
    text = told(
        ChainEvent(1, "given", "news", AT, AT, SHOWN, None),
        ChainEvent(2, "erased", "", AT, AT, None, None),
        erased_at=AT,
    )
    assert (SHOWN.text in text, "esther@vng" in text) == (True, False)
    assert "2024-09-18" in text.splitlines()[-1]
