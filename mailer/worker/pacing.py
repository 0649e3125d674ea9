"""Claiming within the limits: for the whole, for the relay, for a mailing, for a recipient domain.

Promises: what is claimed has room in every bucket at that moment, in the transaction of the claim, whoever else sends;
a domain without room is passed over and holds up nobody else. Where no limit is set and nobody has asked to go slower,
none of this costs anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailer import outbox, pace
from mailer.outbox import Candidate, Claimed, Mailing, Tally
from mailer.settings import MailerSettings

_LOOK = 200  # candidates at once
_ROUNDS = 4
_AFRESH = 5.0  # seconds after which rows that were passed over are looked at again, whatever they were
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Grasp:
    """Who claims, when, and how: the same for every mailing of one turn. ``due``: mailings with due retries."""

    conn: Connection
    sender_id: int
    now: datetime
    given_up: datetime
    tally: Tally
    due: Collection[int] = ()


class Pacing:
    """See the module. Used by the writing thread only."""

    def __init__(self, settings: MailerSettings) -> None:
        self._rate, self._domain_rate = settings.rate, settings.domain_rate
        self.slowed: Mapping[str, float] = {}
        self.next_at = _NEVER  # when something that had no room may go (seconds since 1970)
        self._blocked: dict[str, float] = {}  # domain → when it has room again
        self._passed: dict[int, int] = {}  # mailing → all rows up to here are of blocked domains
        self._afresh = 0.0

    def claim(self, grasp: Grasp, wanted: Mapping[int, int], mailings: Mapping[int, Mailing]) -> list[Claimed]:
        """As ``outbox.claim``, with what the limits leave of ``wanted`` (the first in it goes first)."""
        self.next_at = _NEVER
        rates = self._rates([mailings[mailing] for mailing in wanted])
        by_domain = self._domain_rate or any(bucket.startswith("domain:") for bucket in self.slowed)
        if rates:
            wanted = self._within(grasp, wanted, rates)
        if by_domain:
            claimed = self._by_domain(grasp, wanted)
        else:
            claimed = self._plainly(grasp, wanted)
        if rates and claimed:
            taken = Counter(claim.mailing for claim in claimed)
            through = {pace.WHOLE: len(claimed), pace.RELAY: len(claimed)}
            through |= {pace.mailing_bucket(mailing): number for mailing, number in taken.items()}
            pace.take(
                grasp.conn,
                {bucket: (through[bucket], rate) for bucket, rate in rates.items() if bucket in through},
                grasp.now.timestamp(),
            )
        return claimed

    def _plainly(self, grasp: Grasp, wanted: Mapping[int, int]) -> list[Claimed]:
        """Retries are asked for only where some are due."""
        conn, what = grasp.conn, (grasp.sender_id, grasp.given_up)
        due = {mailing: number for mailing, number in wanted.items() if mailing in grasp.due}
        claimed = outbox.claim_state(conn, ("retry", *what), due, grasp.now, grasp.tally) if due else []
        had = Counter(claim.mailing for claim in claimed)
        left = {mailing: number - had[mailing] for mailing, number in wanted.items()}
        return claimed + outbox.claim_state(conn, ("waiting", *what), left, grasp.now, grasp.tally)

    @property
    def holds_back(self) -> bool:
        """Whether the last claim got less than was wanted because of a limit."""
        return self.next_at != _NEVER

    def refresh(self, conn: Connection, now: datetime) -> None:
        """Read what other senders have been told to slow down for."""
        self.slowed = pace.slowed(conn, now.timestamp())

    def _rates(self, mailings: Sequence[Mailing]) -> dict[str, float]:
        rates: dict[str, float] = {}
        if self._rate:
            rates[pace.WHOLE] = self._rate
        if pace.RELAY in self.slowed:
            rates[pace.RELAY] = self.slowed[pace.RELAY]
        for mailing in mailings:
            if mailing.spec.rate:
                rates[pace.mailing_bucket(mailing.id)] = mailing.spec.rate
        return rates

    def _within(self, grasp: Grasp, wanted: Mapping[int, int], rates: Mapping[str, float]) -> dict[int, int]:
        rooms = pace.room(grasp.conn, rates, grasp.now.timestamp())
        left = min((rooms[bucket].number for bucket in (pace.WHOLE, pace.RELAY) if bucket in rooms), default=1 << 30)
        self.next_at = min([self.next_at, *(room.at for room in rooms.values() if not room.number)])
        allowed: dict[int, int] = {}
        for mailing, number in wanted.items():
            own = rooms.get(pace.mailing_bucket(mailing))
            allowed[mailing] = min(number, left, own.number if own else number)
            left -= allowed[mailing]
        return {mailing: number for mailing, number in allowed.items() if number}

    def _by_domain(self, grasp: Grasp, wanted: Mapping[int, int]) -> list[Claimed]:
        seconds = grasp.now.timestamp()
        if seconds < self._afresh:  # the clock was set back: what was noted ahead of it would block for as long
            self._blocked.clear()
        if seconds - self._afresh > _AFRESH or seconds < self._afresh:
            self._afresh = seconds
            self._passed.clear()
        claimed: list[Claimed] = []
        free_again = [domain for domain, at in self._blocked.items() if at <= seconds]
        for domain in free_again:
            del self._blocked[domain]
        for mailing, number in wanted.items():
            chosen = self._choose(grasp, mailing, number, free_again)
            mine = outbox.claim_rows(grasp.conn, grasp.sender_id, mailing, chosen, grasp.now, grasp.tally)
            domains = Counter(claim.domain for claim in mine)
            taken = {
                pace.domain_bucket(domain): (count, rate)
                for domain, count in domains.items()
                if (rate := self._domain(domain)) is not None
            }
            pace.take(grasp.conn, taken, seconds)
            claimed += mine
        self.next_at = min([self.next_at, *self._blocked.values()])
        return claimed

    def _choose(self, grasp: Grasp, mailing: int, number: int, free_again: Sequence[str]) -> list[Candidate]:
        """Rows whose domains have room: due retries, then domains that were blocked until now, then the queue."""
        chosen: list[Candidate] = []
        seen = outbox.due(grasp.conn, mailing, list(self._blocked), _LOOK, grasp.now)
        passed = self._passed.get(mailing, 0)
        for domain in free_again if passed else []:
            seen += outbox.of_domain(grasp.conn, mailing, domain, number, passed + 1)
        self._fit(grasp, seen, chosen, number)
        for _ in range(_ROUNDS):
            if len(chosen) >= number:
                break
            seen = outbox.fresh(grasp.conn, mailing, list(self._blocked), _LOOK, passed)
            self._fit(grasp, seen, chosen, number)
            if len(seen) < _LOOK:
                break
            if len(chosen) < number:  # what was seen and not chosen is of domains that are blocked now
                passed = self._passed[mailing] = seen[-1].delivery
        return chosen

    def _fit(self, grasp: Grasp, seen: Sequence[Candidate], chosen: list[Candidate], number: int) -> None:
        """Move from ``seen`` to ``chosen`` what has room, up to ``number``; remember the domains that have none."""
        rates = {item.domain: self._domain(item.domain) for item in seen}
        limits = {pace.domain_bucket(domain): rate for domain, rate in rates.items() if rate is not None}
        rooms = pace.room(grasp.conn, limits, grasp.now.timestamp())
        used = Counter(item.domain for item in chosen)
        for item in seen:
            if len(chosen) >= number:
                return
            room = rooms.get(pace.domain_bucket(item.domain))
            if room is None or used[item.domain] < room.number:
                used[item.domain] += 1
                chosen.append(item)
            elif item.domain not in self._blocked:
                rate = limits[pace.domain_bucket(item.domain)]
                self._blocked[item.domain] = grasp.now.timestamp() + 60 / rate if room.number else room.at

    def _domain(self, domain: str) -> float | None:
        slowed = self.slowed.get(pace.domain_bucket(domain))
        limits = [rate for rate in (self._domain_rate, slowed) if rate]
        return min(limits) if limits else None
