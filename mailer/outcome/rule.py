"""A rule: which texts mean which class (:mod:`mailer.outcome.rules` has the table). A value and its maker."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """``key`` of a class if ``pattern`` is found; ``first`` limits it to 4 or 5; ``stages`` to some steps."""

    key: str
    pattern: re.Pattern[str]
    first: int = 0
    stages: frozenset[str] = frozenset()


def rule(key: str, *patterns: str, first: int = 0, stages: str = "") -> Rule:
    """A rule that holds if any of the patterns is found in the lower-case text; ``stages`` separated by spaces."""
    return Rule(key, re.compile("|".join(patterns)), first, frozenset(stages.split()))
