"""Senders that are held to what they learn of a taker, in simulated time.

:class:`World` has senders that look some times a second, as the writing thread does: they hear answers, claim what
there is room for, and hand each letter over at its moment. Answers are late and interleaved.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

from mailer.pace import learning
from mailer.pace.learning import AnswerCounts, Learnt
from tests.support.limited_receiver import Taker


@dataclass
class Nature:
    """How late: the way there, the way back (each at random up to it), the turns of a sender (from, to)."""

    there: float = 0.01
    back: float = 0.05
    turn: tuple[float, float] = (0.03, 0.06)
    seed: int = 1


@dataclass
class World:
    """Senders that share what they learn. ``log``: (when it came to the relay, whether it was taken)."""

    taker: Taker
    nature: Nature = field(default_factory=Nature)
    senders: int = 1
    window: int = 4000
    burst: int = 1000  # letters at once, before anybody has complained
    now: float = 1_700_000_000.0
    learnt: Learnt = field(default_factory=Learnt)
    log: list[tuple[float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.nature.seed)
        self.begun = self.now
        self.taker.begun = self.taker.at = self.now - self.random.random() * self.taker.window
        self.turns = [self.now + 0.01 * number for number in range(self.senders)]
        self.coming: list[list[tuple[float, float]]] = [[] for _ in range(self.senders)]  # (at the relay, claimed)
        self.answers: list[list[tuple[float, float, bool]]] = [[] for _ in range(self.senders)]
        self.arriving: list[tuple[float, float, int]] = []

    def run(self, until: float) -> None:
        """Go on until some seconds after the beginning."""
        end = self.begun + until
        while (now := min(self.turns)) < end:
            number = self.turns.index(now)
            self.now = now
            self.deliver(now)
            self.turn(number, now)
            self.turns[number] = now + self.random.uniform(*self.nature.turn)

    def deliver(self, now: float) -> None:
        while self.arriving and self.arriving[0][0] <= now:
            at, claimed_at, sender = heapq.heappop(self.arriving)
            taken = self.taker.takes(at)
            self.log.append((at, taken))
            heapq.heappush(self.answers[sender], (at + self.random.random() * self.nature.back, claimed_at, taken))

    def turn(self, sender: int, now: float) -> None:
        accepted: dict[float, int] = {}
        refused: dict[float, int] = {}
        answers = self.answers[sender]
        while answers and answers[0][0] <= now:
            _at, claimed_at, taken = heapq.heappop(answers)
            into = accepted if taken else refused
            into[claimed_at] = into.get(claimed_at, 0) + 1
        free = self.window - len(answers) - sum(1 for item in self.arriving if item[2] == sender)
        if self.learnt.heard_at or refused:
            self.learnt = learning.record_answers(self.learnt, AnswerCounts(accepted, refused), now)
            slots = learning.slots(self.learnt, now)
            number = max(0, min(free, slots.number))
            if number:
                self.learnt = learning.took(self.learnt, number, now)
            moments = [slots.first + place * slots.gap for place in range(number)]
        else:
            moments = [now] * min(free, self.burst)
        for moment in moments:
            heapq.heappush(self.arriving, (moment + self.random.random() * self.nature.there, now, sender))

    def between(self, begin: float, end: float) -> tuple[int, int]:
        """Taken and refused from some seconds after the beginning on until ``end``."""
        found = [taken for at, taken in self.log if begin <= at - self.begun < end]
        return sum(found), len(found) - sum(found)

    def settled(self, begin: float, seconds: float, answers: int) -> float:
        """When enough seconds and answers have passed since ``begin``."""
        later = [at - self.begun for at, _ in self.log if at - self.begun >= begin]
        return max(begin + seconds, later[answers - 1] if len(later) >= answers else float("inf"))
