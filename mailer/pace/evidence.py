"""Whose limit is it: the relay's, or that of a recipient's domain? Pure but for what it remembers of some seconds.

A server that says *too many* seldom says of what. Where several domains hear it, or all that are written to, it is the
relay; where one or two hear it while others are taken, it is theirs. The test: had it been the relay, the other
domains would have been refused as often. Memory is bounded by the answers of the last seconds.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

WITHIN = 5.0  # seconds of answers that are looked at
_SEVERAL, _MISSING = 3, 3.0


@dataclass(frozen=True, slots=True)
class PaceVerdict:
    """``relay``: it is the relay's limit, else that of each domain. ``undo``: domains that were blamed before."""

    relay: bool
    undo: frozenset[str] = frozenset()


@dataclass
class Evidence:
    """See the module. One per sender; :meth:`judge` is asked once for all answers that were read together."""

    _answers: deque[tuple[float, Counter[str], Counter[str]]] = field(default_factory=deque)
    _blamed: dict[str, float] = field(default_factory=dict)  # domains that got a rate by evidence alone, and when

    def note(self, refused: Mapping[str, int], accepted: Mapping[str, int], now: float) -> None:
        """Remember how often each domain was told to slow down, and how often it took a letter."""
        answers = self._answers
        answers.append((now, Counter(refused), Counter(accepted)))
        while answers and not now - WITHIN <= answers[0][0] <= now:
            answers.popleft()

    def judge(self, now: float, *, relay_near: bool, slowed: Collection[str]) -> PaceVerdict:
        """Whose limit the complaints of these seconds are about.

        ``relay_near``: the relay has a rate and is near it. ``slowed``: domains that have one.
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
        missing = others * complaints / max(1, complaints + accepted.total())  # refusals that others should have had
        if domains >= _SEVERAL:
            return complaints < _SEVERAL * domains or missing < _MISSING
        if relay_near:
            return missing < _MISSING
        return domains > 1 and not others
