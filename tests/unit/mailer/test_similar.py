"""A mistyped word finds the one that was meant, and another word finds none."""

from __future__ import annotations

import pytest

from mailer.similar import nearest


@pytest.mark.parametrize(
    ("word", "ratio", "found"),
    [
        ("subjet", 0.6, ["subject"]),
        ("topic", 0.6, ["topic"]),
        ("xyz", 0.6, []),
        ("tpc", 0.8, []),
        ("tpc", 0.7, ["topic"]),
    ],
)
def test_the_nearest_word_is_found_if_it_is_like_enough(word: str, ratio: float, found: list[str]) -> None:
    assert nearest(word, iter(("subject", "topic", "preheader")), ratio) == found
