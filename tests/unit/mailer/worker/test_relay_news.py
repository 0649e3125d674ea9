"""When something is said about the relay, and when not again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailer.outbox import Counts
from mailer.worker import RelayNews, RelayReport, SendProgress

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
BUSY = "421 4.7.0 busy"


def turn(seconds: float, words: str = "", since: float = 0.0) -> SendProgress:
    """A turn some seconds after the start; with words the relay is away."""
    at = START + timedelta(seconds=seconds)
    return SendProgress(
        at, {1: Counts(recipients=1, waiting=1)}, 0, START + timedelta(seconds=since) if words else None, words
    )


def kinds(news: RelayNews, *turns: SendProgress) -> list[str]:
    return [found.kind for one in turns if (found := news.of(one))]


def test_trouble_is_said_at_once_and_its_end_too() -> None:
    news = RelayNews()
    assert news.of(turn(0)) is None
    assert news.of(turn(1, BUSY, since=1)) == RelayReport("trouble", START + timedelta(seconds=1), BUSY)
    assert news.of(turn(2, BUSY, since=1)) is None
    assert news.of(turn(3)) == RelayReport("well", START + timedelta(seconds=1))
    assert news.of(turn(4)) is None


def test_the_same_trouble_is_said_again_at_growing_intervals() -> None:
    news = RelayNews()
    said = [minute for minute in range(240) if news.of(turn(60 * minute, BUSY))]
    assert said == [0, 2, 7, 22, 82, 142, 202]


def test_trouble_of_a_relay_to_which_nothing_is_to_go_any_more_is_not_said_again() -> None:
    news = RelayNews()
    assert kinds(news, turn(0, BUSY)) == ["trouble"]
    assert kinds(news, *(replace(turn(60 * minute, BUSY), counts={}) for minute in range(1, 60))) == []


def test_other_words_are_said_at_once_but_not_another_number_in_them() -> None:
    news = RelayNews()
    turns = [turn(n, f"421 4.7.0 busy [session{n}] at 09:0{n}") for n in range(5)]
    assert kinds(news, *turns) == ["trouble"]
    assert kinds(news, turn(6, "421 4.7.0 no such luck"), turn(7, "454 4.7.0 no such luck")) == ["trouble", "trouble"]


def test_words_that_are_new_each_time_do_not_fill_the_log() -> None:
    news = RelayNews()
    turns = [turn(n, f"421 {'x' * n}") for n in range(100)]
    assert len(kinds(news, *turns)) == 5


def test_a_relay_that_comes_and_goes_is_said_to_do_so_once_in_a_while() -> None:
    news = RelayNews()
    turns = [turn(n, BUSY if n % 2 == 0 else "", since=n) for n in range(100)]
    assert kinds(news, *turns) == ["trouble", "well"]


def test_after_a_long_calm_the_same_trouble_is_news_again() -> None:
    news = RelayNews()
    assert kinds(news, turn(0, BUSY), turn(1), turn(602), turn(603, BUSY)) == ["trouble", "well", "trouble"]
