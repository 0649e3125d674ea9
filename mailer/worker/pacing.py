"""Claiming within the limits: for the whole, for the relay, for a mailing, for a recipient domain.

Promises: each claimed row has room in every bucket at that moment, in the transaction of the claim, also while other
senders claim. A domain without room is passed over and holds up no other. A letter that was put back since it came too
fast is claimed again as soon as there is room. Where no limit is set and no server has asked to go slower, none of this
costs anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailer import outbox, pace
from mailer.outbox import Candidate, Claimed, CounterDelta, Mailing
from mailer.pace import Book, Learnt
from mailer.settings import MailerSettings
from mailer.worker.pace_observer import DomainAnswer, PaceObserver

_LOOK = 200  # candidates at once
_ROUNDS = 4
_AFRESH = 5.0  # seconds after which all rows that were passed over are looked at again
_SOON = 0.02
_NEVER = float("inf")
_SLOWED = frozenset({"slow", "slow_relay", "rest"})


@dataclass(frozen=True, slots=True)
class ClaimContext:
    """Sender, time and connection of a claim: the same for all mailings of a turn. ``due``: those with due retries."""

    conn: Connection
    sender_id: int
    now: datetime
    given_up: datetime
    delta: CounterDelta
    due: Collection[int] = ()


class Pacing:
    """See the module. Used by the holder of the turn alone."""

    def __init__(self, settings: MailerSettings) -> None:
        self._rate, self._domain_rate = settings.rate, settings.domain_rate
        self.learnt: dict[str, Learnt] = {}
        self.next_at = _NEVER  # when something that had no room may go (seconds since 1970)
        self.moments: dict[int, float] = {}  # delivery → when it may be handed over, of the last claim
        self._hearing = PaceObserver()
        self._book: Book | None = None
        self._blocked: dict[str, float] = {}  # domain → when it has room again
        self._returned: set[str] = set()  # domains with rows that were put back, or about which something new is known
        self._passed: dict[int, int] = {}  # mailing → all rows up to here are of blocked domains
        self._afresh = 0.0
        self._swept = 0.0

    def is_free(self, mailing: Mailing) -> bool:
        """Return whether no limit is set, learnt or waited for: then a claim of this mailing is a plain one."""
        limited = self._rate or self._domain_rate or mailing.spec.rate or self.learnt
        return not (limited or self.moments or self.holds_back)

    def record_answers(self, conn: Connection, answers: Mapping[DomainAnswer, int], now: datetime) -> None:
        """Take in the answers that concern pace, in the transaction that settles and claims."""
        self._book = None
        heard = self._hearing.record_answers(answers, self.learnt, now.timestamp())
        if heard.news or self.learnt:
            self._book = Book(conn, now.timestamp())
            self._book.undo(heard.undo)
            self._book.record_answers(heard.news)
            before, self.learnt = self.learnt, {key: self.learnt[key] for key in self.learnt if key not in heard.undo}
            self.learnt |= self._book.present()
            self._look_again(before)
            self._returned |= {answer.domain for answer in answers if answer.kind in _SLOWED}

    def claim(self, context: ClaimContext, wanted: Mapping[int, int], mailings: Mapping[int, Mailing]) -> list[Claimed]:
        """Claim as ``claim_state`` does, with the part of ``wanted`` that the limits leave (its first goes first)."""
        self.next_at = _NEVER
        self.moments = {}
        if self.learnt:
            self._give_up(context, wanted)
        over = {number: wanted[number] for number in wanted if _is_over(mailings[number], context.now)}
        claimed = self._plainly(context, over) if over else []  # claims no row: all that waits there becomes skipped
        wanted = {number: places for number, places in wanted.items() if number not in over}
        rates = self._rates([mailings[mailing] for mailing in wanted])
        if rates or pace.RELAY in self.learnt:
            wanted = self._within(context, wanted, rates)
        if self._domain_rate or any(bucket != pace.RELAY for bucket in self.learnt):
            claimed += self._by_domain(context, wanted)
        else:
            claimed += self._plainly(context, wanted)
        if claimed:
            self._take(context, claimed, rates)
        return claimed

    def close(self) -> None:
        """Write the answers heard and the places taken, before the transaction ends."""
        if self._book:
            self._book.close()
            self.learnt |= self._book.present()
            self._book = None

    def idle(self) -> None:
        """Note that nothing was wanted: no limit is waited for."""
        self.next_at = _NEVER

    @property
    def holds_back(self) -> bool:
        """Return whether the last claim got less than was wanted because of a limit."""
        return self.next_at != _NEVER

    def refresh(self, conn: Connection, now: datetime) -> None:
        """Read the rates that this and other senders have learnt."""
        before, self.learnt = self.learnt, pace.known(conn, now.timestamp())
        self._look_again(before)

    def _look_again(self, before: Mapping[str, Learnt]) -> None:
        """Unblock each domain about which something new is known: the time until which it was blocked is void."""
        for domain in list(self._blocked):
            bucket = pace.domain_bucket(domain)
            if before.get(bucket) != self.learnt.get(bucket):
                del self._blocked[domain]
                self._returned.add(domain)

    def _plainly(self, context: ClaimContext, wanted: Mapping[int, int]) -> list[Claimed]:
        """Claim without limits; retries are asked for only where some are due."""
        conn, what = context.conn, (context.sender_id, context.given_up)
        due = {mailing: number for mailing, number in wanted.items() if mailing in context.due}
        claimed = outbox.claim_state(conn, ("retry", *what), due, context.now, context.delta) if due else []
        had = Counter(claim.mailing for claim in claimed)
        left = {mailing: number - had[mailing] for mailing, number in wanted.items()}
        return claimed + outbox.claim_state(conn, ("waiting", *what), left, context.now, context.delta)

    def _give_up(self, context: ClaimContext, wanted: Mapping[int, int]) -> None:
        """Refuse rows of a resting domain once their time is up; they are not claimed meanwhile."""
        seconds = context.now.timestamp()
        if not 0 <= seconds - self._swept < _AFRESH:
            self._swept = seconds
            pace.forget(context.conn, seconds)
            pace.forget_learnt(context.conn, seconds)
            for mailing in wanted:
                outbox.give_up(context.conn, mailing, context.given_up, context.now, context.delta)

    def _rates(self, mailings: Sequence[Mailing]) -> dict[str, float]:
        rates: dict[str, float] = {}
        if self._rate:
            rates[pace.WHOLE] = self._rate
        for mailing in mailings:
            if mailing.spec.rate:
                rates[pace.mailing_bucket(mailing.id)] = mailing.spec.rate
        return rates

    def _within(self, context: ClaimContext, wanted: Mapping[int, int], rates: Mapping[str, float]) -> dict[int, int]:
        seconds = context.now.timestamp()
        rooms = pace.room(context.conn, rates, seconds)
        left = rooms[pace.WHOLE].number if pace.WHOLE in rooms else 1 << 30
        ends = [room.at for room in rooms.values() if not room.number]
        if pace.RELAY in self.learnt:
            slots = self._slots(pace.RELAY)
            left = min(left, slots.number)
            ends += [] if slots.number else [slots.at]
        allowed: dict[int, int] = {}
        for mailing, number in wanted.items():
            own = rooms.get(pace.mailing_bucket(mailing))
            allowed[mailing] = min(number, left, own.number if own else number)
            left -= allowed[mailing]
        if allowed != dict(wanted):
            self.next_at = min([self.next_at, *ends] if ends else [self.next_at, seconds + _SOON])
        return {mailing: number for mailing, number in allowed.items() if number}

    def _take(self, context: ClaimContext, claimed: Sequence[Claimed], rates: Mapping[str, float]) -> None:
        """Note how many letters went through the buckets that all letters share, or all of a mailing."""
        if rates:
            taken = Counter(claim.mailing for claim in claimed)
            through = {pace.WHOLE: len(claimed)}
            through |= {pace.mailing_bucket(mailing): number for mailing, number in taken.items()}
            passed = {bucket: (through[bucket], rate) for bucket, rate in rates.items() if bucket in through}
            pace.take(context.conn, passed, context.now.timestamp())
        if pace.RELAY in self.learnt:
            self._spread(pace.RELAY, claimed)

    def _spread(self, bucket: str, claimed: Sequence[Claimed]) -> None:
        """Spread letters through a bucket that has a learnt rate, each at its moment."""
        assert self._book is not None  # noqa: S101 - something was learnt
        slots = self._book.slots(bucket)
        self._book.took(bucket, len(claimed))
        for place, claim in enumerate(claimed):
            moment = slots.first + place * slots.gap
            self.moments[claim.delivery] = max(moment, self.moments.get(claim.delivery, 0.0))

    def _slots(self, bucket: str) -> pace.ClaimSlots:
        assert self._book is not None  # noqa: S101 - something was learnt
        return self._book.slots(bucket)

    def _by_domain(self, context: ClaimContext, wanted: Mapping[int, int]) -> list[Claimed]:
        seconds = context.now.timestamp()
        if seconds < self._afresh:  # the clock was set back: times noted ahead of it would block for that long
            self._blocked.clear()
        if seconds - self._afresh > _AFRESH or seconds < self._afresh:
            self._afresh = seconds
            self._passed.clear()
        claimed: list[Claimed] = []
        free_again = [domain for domain, at in self._blocked.items() if at <= seconds]
        for domain in free_again:
            del self._blocked[domain]
        free_again += [domain for domain in self._returned if domain not in free_again and domain not in self._blocked]
        self._returned.clear()
        for mailing, number in wanted.items():
            chosen = self._choose(context, mailing, number, free_again)
            mine = outbox.claim_rows(context.conn, context.sender_id, mailing, chosen, context.now, context.delta)
            self._take_domains(context, mine)
            claimed += mine
        self.next_at = min([self.next_at, *self._blocked.values()])
        return claimed

    def _take_domains(self, context: ClaimContext, claimed: Sequence[Claimed]) -> None:
        domains = Counter(claim.domain for claim in claimed)
        if self._domain_rate:
            rate = self._domain_rate
            taken = {pace.domain_bucket(domain): (count, float(rate)) for domain, count in domains.items()}
            pace.take(context.conn, taken, context.now.timestamp())
        for domain in domains:
            if pace.domain_bucket(domain) in self.learnt:
                self._spread(pace.domain_bucket(domain), [claim for claim in claimed if claim.domain == domain])

    def _choose(self, context: ClaimContext, mailing: int, number: int, free_again: Sequence[str]) -> list[Candidate]:
        """Return rows whose domains have room: due retries, then domains blocked until now, then the queue."""
        chosen: list[Candidate] = []
        seen = outbox.due(context.conn, mailing, list(self._blocked), _LOOK, context.now)
        passed = self._passed.get(mailing, 0)
        for domain in free_again if passed else []:
            seen += outbox.of_domain(context.conn, mailing, domain, number, passed + 1)
        self._fit(context, seen, chosen, number)
        for _ in range(_ROUNDS):
            if len(chosen) >= number:
                break
            seen = outbox.fresh(context.conn, mailing, list(self._blocked), _LOOK, passed)
            self._fit(context, seen, chosen, number)
            if len(seen) < _LOOK:
                break
            if len(chosen) < number:  # rows seen and not chosen are of domains that are blocked now
                passed = self._passed[mailing] = seen[-1].delivery
        return chosen

    def _fit(self, context: ClaimContext, seen: Sequence[Candidate], chosen: list[Candidate], number: int) -> None:
        """Move rows with room from ``seen`` to ``chosen``, up to ``number``; remember the domains that have none."""
        rooms = self._rooms(context, {item.domain for item in seen})
        used = Counter(item.domain for item in chosen)
        for item in seen:
            if len(chosen) >= number:
                return
            room = rooms.get(item.domain)
            if room is None or used[item.domain] < room.number:
                used[item.domain] += 1
                chosen.append(item)
            elif item.domain not in self._blocked:
                self._blocked[item.domain] = room.at

    def _rooms(self, context: ClaimContext, domains: Collection[str]) -> dict[str, pace.Room]:
        """Return how many may go to each domain, and when the next after them; no entry for one without a limit."""
        seconds = context.now.timestamp()
        found: dict[str, pace.Room] = {}
        if self._domain_rate:
            rate = float(self._domain_rate)
            rooms = pace.room(context.conn, {pace.domain_bucket(domain): rate for domain in domains}, seconds)
            for domain in domains:
                room = rooms[pace.domain_bucket(domain)]
                found[domain] = pace.Room(room.number, seconds + 60 / rate if room.number else room.at)
        learnt = [domain for domain in domains if pace.domain_bucket(domain) in self.learnt]
        if learnt and self._book:
            self._book.load([pace.domain_bucket(domain) for domain in learnt])
            for domain in learnt:
                slots, set_room = (
                    self._book.slots(pace.domain_bucket(domain)),
                    found.get(domain, pace.Room(1 << 30, 0.0)),
                )
                after = (
                    slots.at + slots.number * slots.gap if slots.gap else seconds + _SOON if slots.number else slots.at
                )
                found[domain] = pace.Room(min(slots.number, set_room.number), max(after, set_room.at))
        return found


def _is_over(mailing: Mailing, now: datetime) -> bool:
    return mailing.spec.send_before is not None and mailing.spec.send_before <= now
