"""A rule from words to a class (:mod:`mailer.outcome.rules` has the table): the value, and the function to make it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """A rule gives the class ``key`` if the pattern ``words`` is found.

    ``first`` limits it to 4xx or 5xx, ``stages`` to some steps. ``examples``: replies that this rule is for, as
    ``[STAGE ]CODE TEXT`` (the stage is ``rcpt`` when none is given).
    """

    key: str
    words: str
    first: int = 0
    stages: frozenset[str] = frozenset()
    examples: tuple[str, ...] = ()

    @property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern of the words. It is compiled at first use, since a sender may never get a refusal."""
        return _compiled(self.words)

    def holds(self, first: int, said: str, stage: str) -> bool:
        """Return whether the rule applies to a reply with this first digit and these lower-case words, at this step."""
        if self.first and self.first != first:
            return False
        if self.stages and stage not in self.stages:
            return False
        return self.pattern.search(said) is not None


@cache
def _compiled(words: str) -> re.Pattern[str]:
    return re.compile(words)


def rule(key: str, *patterns: str, first: int = 0, stages: str = "", examples: tuple[str, ...] = ()) -> ReplyRule:
    """Make a rule that applies if any of the patterns is found; ``stages`` are separated by spaces."""
    return ReplyRule(key, "|".join(patterns), first, frozenset(stages.split()), examples)
