"""Many alike: what one reply cannot show. A small state machine over values; it keeps no address and reads no clock.

Two rules (traps.md, B66). *Mass*: 20 refusals of one class from three or more domains within a minute hold the
campaign.
*Outage*: when more than a tenth of a domain's last 100 outcomes are the same hard refusal, they are refused but not
suppressed, and listed for a person; that takes at least :data:`ENOUGH` of them, so that two typing errors among
the first three addresses of a domain still count as what they are.

One instance per sender; memory is bounded (10,000 domains, the oldest forgotten).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from mailer.outcome.classes import KINDS
from mailer.outcome.decision import Decision

MASS, DOMAINS, WITHIN = 20, 3, timedelta(minutes=1)
LAST, SHARE, ENOUGH = 100, 0.1, 5
_REMEMBERED = 10_000
_STALE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Seen:
    """What to do beyond the decision itself: ``hold`` the mailing (a key of WORDS), or do not suppress (``outage``).

    ``lift``: deliveries among the last hundred that were suppressed before it was clear; that is to be undone.
    """

    hold: str | None = None
    outage: bool = False
    lift: tuple[int, ...] = ()


_NOTHING = Seen()
_FINE = ("", 0)  # one for all: a hundred each for ten thousand domains would be 90 MiB


@dataclass(slots=True)
class _Domain:
    last: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=LAST))
    at: datetime | None = None


class Spikes:
    """Give it each decision that came from a reply, in order; it says what the many of them mean."""

    def __init__(self) -> None:
        self._domains: OrderedDict[str, _Domain] = OrderedDict()
        self._recent: dict[tuple[int, str], deque[tuple[datetime, str]]] = {}

    def note(self, mailing: int, domain: str, decision: Decision, now: datetime, delivery: int = 0) -> Seen:
        """One more outcome for ``domain`` in ``mailing``."""
        if decision.state not in ("accepted", "refused", "retry"):
            return _NOTHING
        kept = self._domain(domain, now)
        kept.last.append((decision.reason, delivery) if decision.suppress else _FINE)
        if decision.suppress:
            return self._dead(kept, decision.reason)
        if decision.state == "refused" and self._mass(mailing, domain, decision, now):
            return Seen("many_alike")
        return _NOTHING

    def _domain(self, domain: str, now: datetime) -> _Domain:
        kept = self._domains.pop(domain, None) or _Domain()
        if kept.at is not None and now - kept.at > _STALE:
            kept.last.clear()
        kept.at = now
        self._domains[domain] = kept
        if len(self._domains) > _REMEMBERED:
            self._domains.popitem(last=False)
        return kept

    def _dead(self, kept: _Domain, reason: str) -> Seen:
        """A dead address; or a provider that says so of too many."""
        same = [delivery for each, delivery in kept.last if each == reason]
        if len(same) < ENOUGH or len(same) <= SHARE * max(len(kept.last), LAST // 2):
            return Seen()
        earlier = tuple(delivery for delivery in same[:-1] if delivery)
        kept.last = deque(((each, 0) for each, _ in kept.last), maxlen=LAST)
        return Seen(outage=True, lift=earlier)

    def _mass(self, mailing: int, domain: str, decision: Decision, now: datetime) -> bool:
        """Refusals that say nothing about one person; dead addresses and full mailboxes are no such sign."""
        if decision.state != "refused" or decision.gave_up or KINDS[decision.reason].blame == "recipient":
            return False
        recent = self._recent.setdefault((mailing, decision.reason), deque())
        recent.append((now, domain))
        while recent and now - recent[0][0] > WITHIN:
            recent.popleft()
        if len(recent) >= MASS and len({each for _, each in recent}) >= DOMAINS:
            recent.clear()
            return True
        if len(recent) > 10 * MASS:
            recent.popleft()
        return False


def worn_out(days: frozenset[date], last_success: date | None = None) -> bool:
    """Whether soft refusals come to a dead address: three days or more, over two weeks or more, no success between."""
    since = sorted(day for day in days if last_success is None or day > last_success)
    return len(since) >= 3 and since[-1] - since[0] >= timedelta(days=14)
