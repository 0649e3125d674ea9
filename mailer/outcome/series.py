"""Conclusions from several answers, which one reply cannot show. A state machine over values; no clock, no address.

*Mass rule*: the same words (addresses, digits and hosts removed) to three recipients at three domains, or to ten at one
domain. No letter was accepted in between (for ten: at that domain), and the words are no clear statement about a
mailbox. Then the campaign is held. Those deliveries wait again, and so does each later one that is answered in these
words. A person may release it after reading the words: then a hold takes ten times as many, and fewer are refused.

*Wave*: more than a tenth of a domain's last 100 answers, and at least 5, are the same clear statement. A sender sees
only its own answers; :mod:`mailer.undeliverable` reads the answers of all senders, and decides.

One instance per sender. Memory is bounded (10,000 domains, the oldest forgotten; 100 sets of words a mailing).
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from mailer.outcome.classes import HOLDING, KINDS
from mailer.outcome.classify import ADDRESS, plain
from mailer.outcome.decision import Decision

Key = TypeVar("Key")
Value = TypeVar("Value")
DOMAINS, AT_ONE_DOMAIN, TIMES_IF_READ = 3, 10, 10
LAST, SHARE, ENOUGH = 100, 0.1, 5
_REMEMBERED, _MOST_WORDS = 10_000, 100
_COMPARED = 30  # words
_STALE = timedelta(hours=6)
_PASSING = timedelta(minutes=10)
_VARIES = re.compile(r"\S*\d\S*|[^\w\s]+|\b[0-9a-f]{8,}\b")


@dataclass(frozen=True, slots=True)
class ReplyDecision:
    """One decision from a reply. ``resumed``: the words after which a person released the mailing.

    ``address``: the recipient, so that the words for display do not contain it; it is not stored.
    """

    mailing: int
    domain: str
    delivery: int
    decision: Decision
    resumed: str = ""
    address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """The actions in addition to the decision itself.

    ``hold``: hold the mailing, and let the delivery wait; ``words`` are the servers' words. ``back``: deliveries that
    were refused in the same words and must wait again, also those before an acceptance in between. ``refuse``: a person
    has read the words that would hold the mailing, so they are about this letter. ``wave``: do not strike this address
    off, nor those of the deliveries ``earlier``.
    """

    hold: bool = False
    words: str = ""
    back: tuple[int, ...] = ()
    refuse: bool = False
    wave: bool = False
    earlier: tuple[int, ...] = ()


_NOTHING = Seen()
_FINE = ("", 0)  # shared: a hundred objects for each of ten thousand domains would take 90 MiB


@dataclass(slots=True)
class _Domain:
    last: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=LAST))
    at: datetime | None = None
    accepted_at: datetime | None = None


class Series:
    """The state over all decisions of one sender. Pass it each decision from a reply, in order."""

    def __init__(self) -> None:
        self._domains: OrderedDict[str, _Domain] = OrderedDict()
        self._runs: dict[int, OrderedDict[str, list[tuple[str, int]]]] = {}  # mailing → words → (domain, delivery)
        self._at_domain: OrderedDict[tuple[int, str], dict[str, list[int]]] = OrderedDict()
        self._earlier: OrderedDict[tuple[int, str], deque[int]] = OrderedDict()  # refused in these words, ever
        self._held: dict[int, str] = {}  # mailing → the words for which it was held

    def passing(self, domain: str, now: datetime) -> bool:
        """Return whether the domain has accepted a letter within ``_PASSING``."""
        kept = self._domains.get(domain)
        return kept is not None and kept.accepted_at is not None and now - kept.accepted_at < _PASSING

    def record(self, answer: ReplyDecision, now: datetime) -> Seen:
        """Add one answer; return the actions that follow from all answers."""
        decision = answer.decision
        kept = self._domain(answer.domain, now)
        clear = decision.mailbox == "clear"
        kept.last.append((decision.reason, answer.delivery) if clear else _FINE)
        if decision.state == "accepted":
            self._accepted(kept, answer.mailing, answer.domain, now)
            return _NOTHING
        if clear:
            return self._wave(kept, decision.reason)
        if decision.code < 500 or decision.reason == "speed":
            return _NOTHING
        return self._alike(answer)

    def accepted(self, mailing: int, domain: str, now: datetime) -> None:
        """Add the answer of an accepted letter, as :meth:`note`."""
        kept = self._domain(domain, now)
        kept.last.append(_FINE)
        self._accepted(kept, mailing, domain, now)

    def _accepted(self, kept: _Domain, mailing: int, domain: str, now: datetime) -> None:
        kept.accepted_at = now
        self._runs.pop(mailing, None)
        self._at_domain.pop((mailing, domain), None)

    def _domain(self, domain: str, now: datetime) -> _Domain:
        kept = self._domains.pop(domain, None) or _Domain()
        if kept.at is not None and now - kept.at > _STALE:
            kept.last.clear()
        kept.at = now
        self._domains[domain] = kept
        if len(self._domains) > _REMEMBERED:
            self._domains.popitem(last=False)
        return kept

    def _wave(self, kept: _Domain, reason: str) -> Seen:
        same = [delivery for each, delivery in kept.last if each == reason]
        if not is_wave(len(same), len(kept.last)):
            return _NOTHING
        return Seen(wave=True, earlier=tuple(delivery for delivery in same[:-1] if delivery))

    def _alike(self, answer: ReplyDecision) -> Seen:
        words = same_words(_nameless(answer.decision.text, answer.address))
        read = bool(answer.resumed) and words == same_words(answer.resumed)
        if self._held.get(answer.mailing) == words and not read:
            return Seen(hold=True, words=shown(answer.decision, answer.address))
        holds = KINDS[answer.decision.reason].group in HOLDING or answer.decision.hold is not None
        if holds and (not read or answer.decision.reason == "quota"):
            return _NOTHING  # the decision holds the mailing already at the first reply
        back = self._run(answer, words, TIMES_IF_READ if read else 1)
        if not back:
            return Seen(refuse=holds)
        self._held[answer.mailing] = words
        return Seen(hold=True, words=shown(answer.decision, answer.address), back=back)

    def _run(self, answer: ReplyDecision, words: str, times: int) -> tuple[int, ...]:
        """Return the deliveries that were answered in the same words, once there are enough of them."""
        runs = self._runs.setdefault(answer.mailing, OrderedDict())
        run = _latest(runs, words, [])
        run.append((answer.domain, answer.delivery))
        here = _latest(self._at_domain, (answer.mailing, answer.domain), {}).setdefault(words, [])
        here.append(answer.delivery)
        earlier = _latest(self._earlier, (answer.mailing, words), deque(maxlen=LAST))
        earlier.append(answer.delivery)
        _bound(self._earlier, _REMEMBERED)
        _bound(runs, _MOST_WORDS)
        _bound(self._at_domain, _REMEMBERED)
        if len(run) >= DOMAINS * times and len({domain for domain, _ in run}) >= DOMAINS:
            found = [delivery for _, delivery in run]
        elif len(here) >= AT_ONE_DOMAIN * times:
            found = here
        else:
            return ()
        self._runs.pop(answer.mailing, None)
        self._at_domain.pop((answer.mailing, answer.domain), None)
        return tuple(dict.fromkeys([*earlier, *found]))


def is_wave(same: int, answers: int) -> bool:
    """Return whether ``same`` equal clear statements in a domain's last ``answers`` suggest a provider's outage."""
    return same >= ENOUGH and same > SHARE * answers


def same_words(text: str) -> str:
    """Return the words without the parts that differ by recipient: addresses, links, hosts, digits, punctuation."""
    return " ".join(_VARIES.sub(" ", plain(text)).split()[:_COMPARED])


def shown(decision: Decision, address: str = "") -> str:
    """Return the server's words for a message about the campaign: without addresses.

    ``address``: the recipient; its local part, with and without a tag, is left out too.
    """
    text = _nameless(ADDRESS.sub("…", decision.text), address)
    return f"{decision.code} {text}".strip() if decision.code else text


def _nameless(text: str, address: str) -> str:
    local = address.rpartition("@")[0]
    names = "|".join(re.escape(name) for name in (local, local.partition("+")[0]) if name)
    return re.sub(rf"(?<![\w.+-])(?:{names})(?![\w+-])", "…", text, flags=re.IGNORECASE) if names else text


def _latest(kept: OrderedDict[Key, Value], key: Key, new: Value) -> Value:
    """Return the value of a key, and mark the key as the most recently used."""
    value = kept.pop(key, None)
    kept[key] = new if value is None else value
    return kept[key]


def _bound(kept: OrderedDict[Key, Value], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
