"""A slow relay gets fewer claims at a time."""

from __future__ import annotations

from mailer.worker.window_size import WindowSize


def test_it_is_the_window_as_long_as_nothing_comes_late() -> None:
    assert [WindowSize(40).at(now, 0, 40) for now in (0.0, 1.0, 2.0)] == [40, 40, 40]


def test_what_comes_late_halves_it_and_time_lets_it_grow_to_the_window() -> None:
    depth = WindowSize(40)
    assert depth.at(1.0, 3, 40) == 20
    assert depth.at(1.1, 3, 20) == 20
    assert [depth.at(1.6 + n * 0.6, 3, 20) for n in range(5)] == [25, 31, 38, 40, 40]


def test_it_never_falls_below_one() -> None:
    depth = WindowSize(2)
    assert [depth.at(float(n), n, 1) for n in range(1, 5)] == [1, 1, 1, 1]
