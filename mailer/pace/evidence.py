"""The owner of a limit: the relay, or a recipient's domain. Pure, except for its memory of some seconds.

A server that answers *too many* seldom names the limit. If several domains get this answer, or all domains in use, the
limit is the relay's. If one or two get it while others are accepted, it is theirs. The test: with a limit of the relay,
the other domains would have been refused as often. Memory is bounded by the answers of the last seconds.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

WITHIN = 5.0  # seconds of answers that are compared
_SEVERAL, _MISSING = 3, 3.0


@dataclass(frozen=True, slots=True)
class PaceVerdict:
    """``relay``: the limit is the relay's, else that of each domain. ``undo``: domains that were blamed before."""

    relay: bool
    undo: frozenset[str] = frozenset()


@dataclass
class Evidence:
    """The recent answers of one sender, see the module. Call :meth:`judge` once for all answers read together."""

    _answers: deque[tuple[float, Counter[str], Counter[str]]] = field(default_factory=deque)
    _blamed: dict[str, float] = field(default_factory=dict)  # domains that got a rate by evidence alone, and when

    def record(self, refused: Mapping[str, int], accepted: Mapping[str, int], now: float) -> None:
        """Record how often each domain asked us to slow down, and how often it accepted a letter."""
        answers = self._answers
        answers.append((now, Counter(refused), Counter(accepted)))
        while answers and not now - WITHIN <= answers[0][0] <= now:
            answers.popleft()

    def judge(self, now: float, *, relay_near: bool, slowed: Collection[str]) -> PaceVerdict:
        """Decide whether the complaints of the last seconds are about the relay's limit or the domains'.

        ``relay_near``: the relay has a rate and is near it. ``slowed``: domains that have a rate.
        """
        refused: Counter[str] = sum((each for _, each, _ in self._answers), Counter())
        accepted: Counter[str] = sum((each for _, _, each in self._answers), Counter())
        complaints = refused.total()
        if not self._is_relay(refused, accepted, relay_near=relay_near and not refused.keys() & set(slowed)):
            for domain in refused:
                if domain not in slowed:
                    self._blamed.setdefault(domain, now)
            return PaceVerdict(relay=False)
        undo = frozenset(domain for domain, at in self._blamed.items() if now - WITHIN <= at <= now)
        self._blamed.clear()
        return PaceVerdict(relay=complaints > 0, undo=undo)

    @staticmethod
    def _is_relay(refused: Counter[str], accepted: Counter[str], *, relay_near: bool) -> bool:
        complaints, domains = refused.total(), len(refused)
        others = sum(number for domain, number in accepted.items() if domain not in refused)
        missing = others * complaints / max(1, complaints + accepted.total())  # refusals expected at the other domains
        if domains >= _SEVERAL:
            return complaints < _SEVERAL * domains or missing < _MISSING
        if relay_near:
            return missing < _MISSING
        return domains > 1 and not others
