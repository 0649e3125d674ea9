"""The nearest of some known words to a word that somebody mistyped. Pure; raises nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], ratio: float = 0.6) -> list[str]:
    """Return the known word that is most like ``word``, alone in a list; an empty list if none is ``ratio`` alike."""
    return difflib.get_close_matches(word, list(known), 1, ratio)
