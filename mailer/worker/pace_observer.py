"""The findings on pace from the answers of a turn: for the relay, and for the domains that are concerned.

Promises: while no server complains and nothing was learnt, this costs nothing. A complaint that does not name the owner
of the limit goes to the relay or to the domain by evidence. The other one learns only that the letter was not taken.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from mailer import pace
from mailer.pace import AnswerCounts, Evidence, Learnt

AnswerKind = Literal["accepted", "other", "slow_relay", "slow", "rest"]
_NEAR = 0.97


class DomainAnswer(NamedTuple):
    """A kind of answer: its domain, its kind, and when its letter was claimed (seconds since 1970)."""

    domain: str
    kind: AnswerKind
    claimed_at: float


class PaceFindings(NamedTuple):
    """``news`` for each bucket; ``undo``: buckets to forget, since it was the relay's limit all the time."""

    news: Mapping[str, AnswerCounts]
    undo: frozenset[str]


NOTHING = PaceFindings({}, frozenset())


class PaceObserver:
    """See the module. Used by the writing thread only."""

    def __init__(self) -> None:
        self._evidence = Evidence()

    def record_answers(
        self, answers: Mapping[DomainAnswer, int], learnt: Mapping[str, Learnt], now: float
    ) -> PaceFindings:
        """Return the findings from the answers of one turn, each answer with its number."""
        complaints = [answer for answer in answers if answer.kind not in ("accepted", "other")]
        if not (answers and (complaints or learnt)):
            return NOTHING
        relay_too, undo = self._whose(answers, learnt, now)
        news = {
            pace.domain_bucket(domain): _news(answers, _meaning_for_domain(relay_too), domain)
            for domain in self._concerned(answers, complaints, learnt)
        }
        found = _news(answers, _meaning_for_relay(relay_too), "")
        if pace.RELAY in learnt or found.refused:
            news[pace.RELAY] = found
        return PaceFindings(news, frozenset(pace.domain_bucket(domain) for domain in undo))

    def _whose(
        self, answers: Mapping[DomainAnswer, int], learnt: Mapping[str, Learnt], now: float
    ) -> tuple[bool, frozenset[str]]:
        refused = _by_domain(answers, "slow")
        self._evidence.record(refused, _by_domain(answers, "accepted"), now)
        if not refused:
            return False, frozenset()
        relay = learnt.get(pace.RELAY)
        near = relay is not None and (bool(relay.stop.at) or pace.rate_now(relay) >= _NEAR * relay.ceiling)
        slowed = [domain for domain in refused if pace.domain_bucket(domain) in learnt]
        verdict = self._evidence.judge(now, relay_near=near, slowed=slowed)
        return verdict.relay, verdict.undo

    @staticmethod
    def _concerned(
        answers: Mapping[DomainAnswer, int], complaints: Iterable[DomainAnswer], learnt: Mapping[str, Learnt]
    ) -> frozenset[str]:
        known = {answer.domain for answer in answers if pace.domain_bucket(answer.domain) in learnt}
        return frozenset(known | {answer.domain for answer in complaints if answer.kind != "slow_relay"})


def _by_domain(answers: Mapping[DomainAnswer, int], kind: AnswerKind) -> Counter[str]:
    found: Counter[str] = Counter()
    for answer, number in answers.items():
        if answer.kind == kind:
            found[answer.domain] += number
    return found


def _meaning_for_relay(relay_too: bool) -> Mapping[AnswerKind, str]:
    return {"accepted": "accepted", "slow_relay": "refused", "slow": "refused" if relay_too else "other"}


def _meaning_for_domain(relay_too: bool) -> Mapping[AnswerKind, str]:
    slow = "other" if relay_too else "refused"
    return {"accepted": "accepted", "slow": slow, "rest": "reputation"}


def _news(answers: Mapping[DomainAnswer, int], meaning: Mapping[AnswerKind, str], domain: str) -> AnswerCounts:
    """Count the answers of one domain, or of all."""
    found: defaultdict[str, defaultdict[float, int]] = defaultdict(lambda: defaultdict(int))
    for answer, number in answers.items():
        if not domain or answer.domain == domain:
            found[meaning.get(answer.kind, "other")][answer.claimed_at] += number
    return AnswerCounts(**found)
