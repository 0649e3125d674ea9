"""Learning the capacity of a relay or a domain that complained, and the sending rate. Pure: values in, values out.

Promises: while a server complains, its acceptances are measured, and the rate becomes a little less; no rate is halved
blindly. A complaint stops all but one probe at a time. The first accepted letter after it restarts the mail and ends a
*cycle*. The letters accepted in a cycle, divided by its length, are the capacity. That holds for a capacity that is
refilled smoothly, or at once each second, minute or hour. A rate is kept for a while, then it grows faster and faster,
ten times within a minute. Where a long window was learnt, it grows so slowly that a window has few refusals. Only
answers to letters that were claimed since the last change count, so late complaints count once. A clock that is set
back shifts the stored times equally. (docs/decisions, 2026-11-27)

Rates are letters a second; times are seconds since 1970.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

AHEAD = 0.1  # seconds by which a letter may be claimed before its moment; the loop hands it over at that moment
FASTEST = 100_000.0
_MARGIN = 0.92  # the share of the measured capacity that is used
_FIRST, _SEARCH = 20.0, 2.0  # the first rate of an unknown bucket, and its growth (exponential, a second)
_UNSURE = 0.7
_KEPT, _KEPT_LETTERS = 26.0, 80.0  # seconds and letters for which a measured rate is kept
_TENFOLD = 18.0  # seconds after that in which it grows tenfold
_ENOUGH, _LEAST = 8, 1.5  # letters and seconds that make a cycle significant
_SLOW, _PROOF = 5.0, 6.0  # below this rate a measurement is sure; above it, after this number of seconds
_LITTLE = 0.1
_STEP, _STEP_LETTERS = 0.25, 4.0
_SOONEST, _ANSWER = 0.05, 10.0  # seconds to the first probe after a complaint; seconds to wait for its answer
_LONG = 2.0  # seconds without an acceptance that a refill each second cannot explain
_REST, _LONGEST_REST = 900.0, 14_400.0


@dataclass(frozen=True, slots=True)
class Cycle:
    """From an acceptance through complaints to the next acceptance."""

    begun_at: float = 0.0
    taken: int = 0
    stops: int = 0  # stops in it: several short ones together use more of the capacity than one
    suspect: bool = False  # the last stop was long enough for an outage, or for the end of a window


@dataclass(frozen=True, slots=True)
class PaceStop:
    """A stop since the complaint at ``at`` (0: none): one letter at a time goes; ``out_at``: one is on its way."""

    at: float = 0.0
    refused_at: float = 0.0
    probe_at: float = 0.0
    out_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Rest:
    """A rest: no letter goes until ``until``, then one; ``length`` is 0 when there is no rest."""

    until: float = 0.0
    length: float = 0.0
    out_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Learnt:
    """The learnt state of one bucket. ``rate``: as last set (0: not known); ``age``: its time in use since then."""

    since: float = 0.0  # letters claimed before do not show the effect of the present rate
    heard_at: float = 0.0
    rate: float = 0.0
    ceiling: float = 0.0
    sure: float = 0.0  # the certainty of the rate, from 0 (none: it grows at once) to 1
    measured: float = 0.0  # a capacity that was measured exactly; ``proof``: by how many letters
    proof: int = 0
    slot_at: float = 0.0  # the moment of the next letter
    age: float = 0.0
    aged_at: float = 0.0
    used: int = 0
    span: float = 0.0  # the length of a long window that was learnt; 0: none
    cycle: Cycle = field(default_factory=Cycle)
    stop: PaceStop = field(default_factory=PaceStop)
    rest: Rest = field(default_factory=Rest)


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """Answers of one bucket: time of the claim → number. ``other``: refused for reasons other than pace."""

    accepted: Mapping[float, int] = field(default_factory=dict)
    refused: Mapping[float, int] = field(default_factory=dict)
    other: Mapping[float, int] = field(default_factory=dict)
    reputation: Mapping[float, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClaimSlots:
    """``number`` may be claimed now, the first for ``first``, one each ``gap``; when it is 0, ask again at ``at``."""

    number: int
    first: float
    gap: float
    at: float


def rate_now(learnt: Learnt) -> float:
    """Return the rate, grown by the time that it was used; 0 when nothing is known."""
    rate, age = learnt.rate, learnt.age
    if not rate:
        return 0.0
    if learnt.sure <= 0:
        growth = _UNSURE * min(1.0, rate / 4) if learnt.ceiling else _SEARCH
        return min(FASTEST, rate * math.exp(min(growth * age, 20.0)))
    tenfold = 24 * learnt.span or _TENFOLD * max(0.35, learnt.sure) / min(1.0, rate)
    beyond = max(0.0, age - _kept(learnt)) / tenfold
    return min(FASTEST, rate * math.exp(min(math.log(10 / _MARGIN) * beyond * beyond, 20.0)))


def slots(learnt: Learnt, now: float) -> ClaimSlots:
    """Return the number of letters that may be claimed now, and their times."""
    learnt = sane(learnt, now)
    rest, stop = learnt.rest, learnt.stop
    if rest.length:
        at = max(rest.until, rest.out_at + _ANSWER * 6 if rest.out_at else 0.0)
        return _one(at, now)
    if stop.at:
        return _one(max(stop.probe_at, stop.out_at + _ANSWER if stop.out_at else 0.0), now)
    rate = rate_now(learnt)
    if not rate:
        return ClaimSlots(1 << 30, now, 0.0, now)
    first = max(learnt.slot_at, now)
    number = int((now + AHEAD - first) * rate) + 1 if first <= now + AHEAD else 0
    return ClaimSlots(number, first, 1 / rate, first - AHEAD)


def took(learnt: Learnt, number: int, now: float) -> Learnt:
    """Return the state after ``number`` letters were claimed."""
    learnt = sane(learnt, now)
    if learnt.rest.length:
        return replace(learnt, rest=replace(learnt.rest, out_at=now))
    if learnt.stop.at:
        return replace(learnt, stop=replace(learnt.stop, out_at=now))
    rate = rate_now(learnt)
    if not rate:
        return learnt
    slot_at = max(learnt.slot_at, now) + number / rate
    return _aged(replace(learnt, slot_at=slot_at, used=learnt.used + number), now)


def record_answers(learnt: Learnt, news: AnswerCounts, now: float) -> Learnt:
    """Return the state after these answers."""
    learnt = sane(learnt, now)
    if news.reputation:
        return _rest(learnt, _new(news.reputation, learnt), now)
    if learnt.rest.length:
        return _rested(learnt, news, now)
    accepted = sum(news.accepted.values())
    if accepted and not learnt.stop.at and now - learnt.heard_at > max(10.0, 5 / max(learnt.rate, 1e-6)):
        learnt = replace(learnt, cycle=Cycle(now))  # after a long silence the count is stale
    cycle = replace(learnt.cycle, taken=learnt.cycle.taken + accepted)
    learnt = replace(_aged(learnt, now), cycle=cycle, heard_at=now)
    if _new(news.refused, learnt):
        return _refused(learnt, now)
    if learnt.stop.at and _new(news.accepted, learnt):
        return _recovered(learnt, now)
    if learnt.stop.at and _new(news.other, learnt):
        return replace(learnt, stop=replace(learnt.stop, probe_at=now, out_at=0.0))
    return learnt


def sane(learnt: Learnt, now: float) -> Learnt:
    """Shift all times back if the clock was set back, so that no letter waits for the old time."""
    behind = learnt.heard_at - now
    if behind < 1.0:
        return learnt
    cycle, stop, rest = learnt.cycle, learnt.stop, learnt.rest
    return replace(
        learnt,
        since=learnt.since - behind,
        heard_at=now,
        slot_at=learnt.slot_at - behind,
        aged_at=learnt.aged_at - behind,
        cycle=replace(cycle, begun_at=cycle.begun_at - behind),
        stop=PaceStop(*(at and at - behind for at in (stop.at, stop.refused_at, stop.probe_at, stop.out_at))),
        rest=replace(rest, until=rest.until - behind, out_at=rest.out_at and rest.out_at - behind),
    )


def _one(at: float, now: float) -> ClaimSlots:
    return ClaimSlots(1 if now >= at else 0, now, 0.0, at)


def _new(counts: Mapping[float, int], learnt: Learnt) -> int:
    return sum(number for claimed_at, number in counts.items() if claimed_at >= learnt.since)


def _kept(learnt: Learnt) -> float:
    kept = 2 * learnt.span if learnt.span else max(_KEPT, _KEPT_LETTERS / max(learnt.rate, 1e-6))
    return kept * learnt.sure


def _aged(learnt: Learnt, now: float) -> Learnt:
    """Add the passed time to ``age`` only if at least half of the rate was used: an idle bucket does not grow."""
    rate, passed = rate_now(learnt), now - learnt.aged_at
    if learnt.stop.at or not rate or passed < max(_STEP, _STEP_LETTERS / rate):
        return learnt
    used = learnt.used >= 0.5 * rate * passed
    return replace(learnt, age=learnt.age + (passed if used else 0.0), aged_at=now, used=0)


def _refused(learnt: Learnt, now: float) -> Learnt:
    """Stop at the first complaint; then one probe at a time, less and less often."""
    stop, rate = learnt.stop, rate_now(learnt)
    begun = stop.at or now
    dead = now - begun
    gap = max(_SOONEST, 1 / rate if rate else 0.0, dead * (0.25 if dead < 1.0 else 0.1))
    if learnt.span:
        gap = max(min(gap, learnt.span / 8), learnt.span / 40)
    since, cycle = learnt.since, learnt.cycle
    if not stop.at:
        since, cycle = now, replace(cycle, stops=cycle.stops + 1)
    return replace(learnt, since=since, stop=PaceStop(begun, now, now + gap), cycle=cycle)


def _recovered(learnt: Learnt, now: float) -> Learnt:
    """End the cycle at the first acceptance after complaints, and set the new rate."""
    stop, cycle, rate = learnt.stop, learnt.cycle, rate_now(learnt)
    fresh = replace(learnt, since=now, stop=PaceStop(), age=0.0, aged_at=now, used=0)
    if not rate:
        return replace(fresh, rate=_FIRST, slot_at=now, cycle=Cycle(now))
    dead = now - stop.at
    length = now - cycle.begun_at - ((now - stop.refused_at) / 2 if dead >= _LONG else 0.0)
    least = cycle.taken / max(length, 0.01)
    if (cycle.taken < _ENOUGH and (length < 60 or dead < 0.3 * length)) or length < _LEAST:
        if not learnt.ceiling and cycle.taken >= _ENOUGH:
            return replace(_set(fresh, 0.97 * rate, now), sure=_LITTLE, cycle=Cycle(now))
        if learnt.sure > 0 and 0.5 * learnt.measured < least < 1.6 * learnt.measured:
            lowest = least * (1 - 1 / math.sqrt(cycle.taken + 1))
            doubted = cycle.taken >= _ENOUGH and least > 1.25 * learnt.measured
            fresh = replace(fresh, sure=learnt.sure * (0.3 if doubted else 1.0))
            return _set(fresh, min(max(learnt.measured, lowest), learnt.ceiling), now)
        if learnt.sure > 0 and cycle.stops == 1 and dead > 0.3 * length and not cycle.suspect:
            return _set(replace(fresh, cycle=Cycle(now, suspect=True)), 0.95 * learnt.ceiling, now)  # it changed within
        if learnt.sure > 0 and cycle.stops == 1:
            return _set(fresh, 0.95 * learnt.ceiling, now)
        return replace(_set(fresh, min(rate, least), now), sure=0.0)
    fresh = replace(fresh, sure=1.0, cycle=Cycle(now))
    if learnt.sure > 0 and dead >= _LONG and least < 0.6 * learnt.ceiling and not cycle.suspect:
        return _set(replace(fresh, cycle=Cycle(now, suspect=True)), learnt.ceiling, now)
    ceiling, exact = _ceiling(learnt, (least, rate), dead / length, long=dead >= _LONG)
    window = dead >= _LONG and dead > 5 / ceiling and exact
    if exact:
        same = 0.75 < least / max(learnt.measured, 1e-6) < 1.33
        fresh = replace(fresh, measured=least, proof=cycle.taken + (learnt.proof if same else 0))
    sure = 1.0 if window else _sure(ceiling, fresh.proof if exact else cycle.taken)
    return _set(replace(fresh, sure=sure, span=length if window else learnt.span), ceiling, now)


def _set(learnt: Learnt, ceiling: float, now: float) -> Learnt:
    rate = _MARGIN * ceiling
    return replace(learnt, ceiling=ceiling, rate=rate, slot_at=now + 1 / rate)


def _sure(ceiling: float, letters: int) -> float:
    """Return the certainty of a capacity measured by ``letters``; a fast one is soon measured again, at little cost."""
    return 1.0 if ceiling < _SLOW else min(1.0, letters / ceiling / _PROOF)


def _ceiling(learnt: Learnt, between: tuple[float, float], dead: float, *, long: bool) -> tuple[float, bool]:
    """Estimate the capacity between the accepted and the sent rate; return it, and whether it is exact.

    ``dead``: the share of the cycle without acceptances.
    """
    least, most = between
    steady = learnt.sure > 0 and learnt.age <= _kept(learnt)
    if steady or (dead >= 0.3 and (learnt.ceiling or long)) or learnt.cycle.stops > 3:
        lost = dead / 2 if dead < 0.3 else 0.0  # in a short stop, some servers do not accumulate capacity
        return min(least / (1 - lost), max(least, most)), True
    if learnt.sure <= 0 and learnt.ceiling:
        return math.sqrt(least * min(most, 2 * least)), False
    if most <= (1.7 if least < 10 else 1.2) * least:
        return math.sqrt(least * most), False
    return 0.97 * most, False


def _rest(learnt: Learnt, new: int, now: float) -> Learnt:
    """Rest after a complaint about our reputation; complaints of letters claimed before the rest count once."""
    if not new and learnt.rest.length:
        return replace(learnt, heard_at=now)
    length = min(_LONGEST_REST, 2 * learnt.rest.length) if learnt.rest.length else _REST
    return replace(learnt, since=now, heard_at=now, rest=Rest(now + length, length))


def _rested(learnt: Learnt, news: AnswerCounts, now: float) -> Learnt:
    """Process the answer to the one letter that may go after a rest."""
    if _new(news.accepted, learnt):
        return replace(learnt, since=now, heard_at=now, rest=Rest(), slot_at=now, aged_at=now, cycle=Cycle(now))
    if _new(news.refused, learnt) or _new(news.other, learnt):
        return replace(learnt, heard_at=now, rest=replace(learnt.rest, until=now + 60, out_at=0.0))
    return learnt
