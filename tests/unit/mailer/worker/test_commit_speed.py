"""When commits belong into the writing thread."""

from __future__ import annotations

from mailer.worker.commit_speed import AWAY, SLOW, Commits


def slow_after(*seconds: float) -> bool:
    """Return whether these commits, one after the other, move the turns to the thread."""
    commits = Commits()
    for each in seconds:
        commits.took(each, 100.0)
    return not commits.are_quick(100.0)


def test_quick_commits_stay_on_the_loop() -> None:
    assert not slow_after(*[SLOW / 2] * 1000)


def test_one_late_commit_among_quick_ones_changes_nothing() -> None:
    assert not slow_after(*[SLOW / 4] * 20, 0.5, *[SLOW / 4] * 20)


def test_a_slow_disk_is_known_after_five_commits() -> None:
    assert not slow_after(*[0.02] * 4)
    assert slow_after(*[0.02] * 5)


def test_after_some_seconds_the_loop_is_tried_again() -> None:
    commits = Commits()
    for _ in range(5):
        commits.took(0.02, 100.0)
    assert not commits.are_quick(100.0 + AWAY - 0.1)
    assert commits.are_quick(100.0 + AWAY)
    commits.took(0.02, 106.0)
    assert commits.are_quick(106.0)
