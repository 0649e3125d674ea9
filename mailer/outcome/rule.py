"""A rule: which words mean which class (:mod:`mailer.outcome.rules` has the table). A value and its maker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """``key`` of a class if ``words`` (a pattern) are found; ``first`` limits it to 4 or 5; ``stages`` to some steps.

    ``examples``: replies that this rule is for, as ``[STAGE ]CODE TEXT`` (the stage is ``rcpt`` when none is given).
    """

    key: str
    words: str
    first: int = 0
    stages: frozenset[str] = frozenset()
    examples: tuple[str, ...] = ()

    @property
    def pattern(self) -> re.Pattern[str]:
        """The words as a pattern, compiled when they are first looked for: who sends may never get a refusal."""
        return _compiled(self.words)

    def holds(self, first: int, said: str, stage: str) -> bool:
        """Whether it is for a reply with this first digit, these lower-case words, at this step."""
        if self.first and self.first != first:
            return False
        if self.stages and stage not in self.stages:
            return False
        return self.pattern.search(said) is not None


@cache
def _compiled(words: str) -> re.Pattern[str]:
    return re.compile(words)


def rule(key: str, *patterns: str, first: int = 0, stages: str = "", examples: tuple[str, ...] = ()) -> ReplyRule:
    """Make a rule that holds if any of the patterns is found; ``stages`` are separated by spaces."""
    return ReplyRule(key, "|".join(patterns), first, frozenset(stages.split()), examples)
