"""Results and events of the transport become decisions: ``mailer.outcome`` decides, this module keeps its inputs.

Promises: nothing here decides the meaning of a reply. Jitter is drawn here, and ``Series`` is asked here for the
meaning of several answers together. A :class:`HandledReply` says all that is to be written about one answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from mailer.outbox import Claimed, Hold, Mailing
from mailer.outcome import Context, Decision, ReplyDecision, Seen, Series, decide, hold_for, shown
from mailer.outcome.session import stops_all
from mailer.settings import MailerSettings
from mailer.transport.base import RelayEvent, Result
from mailer.undeliverable import MailboxStatement

MANY_ALIKE = "many_alike"
ABOUT_THE_ADDRESS = frozenset({"needs_utf8"})  # we see it ourselves: a series of such results means nothing
LATELY = timedelta(seconds=5)  # a relay that took a letter within this time is not away, whatever it answers to others


class HandledReply(NamedTuple):
    """A decision with its effects: why the mailing is held, a mailbox statement, deliveries that wait again."""

    decision: Decision
    hold: Hold | None = None
    statement: MailboxStatement | None = None
    back: tuple[int, ...] = ()


HandleReply = Callable[[Claimed, Mailing, Result], HandledReply]


class ReplyHandler:
    """See the module. Used by the holder of the turn alone."""

    def __init__(self, settings: MailerSettings) -> None:
        self._settings, self._series = settings, Series()
        self.away_since: datetime | None = None
        self.away_words = ""
        self.awaits_greeting = False  # nothing worse is known than that the relay has not greeted us yet
        self._puts_off = False  # it answers MAIL with "later"
        self._took: datetime | None = None  # when it last took a letter
        self.relay_news = False  # away_since changed, and ``status`` should know

    def handler_at(self, now: datetime) -> HandleReply:
        """Return the function that handles results which were read at ``now``."""
        contexts: dict[tuple[int, int, datetime], Context] = {}
        series = self._series

        def handle(claim: Claimed, mailing: Mailing, result: Result) -> HandledReply:
            same = (claim.mailing, claim.tries, claim.first_claimed_at)
            context = contexts.get(same)
            if context is None:
                context = contexts[same] = self._context(claim, mailing, now)
            decision = decide(result, context)
            if decision.state == "retry":  # each its own moment, so that not all come back at once
                passing = series.passing(claim.domain, now)
                decision = decide(result, replace(context, jitter=random.random(), passing=passing))
            self._heard(decision, now)
            if decision.state == "in_doubt" or not decision.code or decision.reason in ABOUT_THE_ADDRESS:
                return HandledReply(decision)
            said = ReplyDecision(
                mailing.id, claim.domain, claim.delivery, decision, mailing.resumed_words, claim.address
            )
            seen = series.record(said, now)
            return HandledReply(decision) if decision.state == "accepted" else _together(claim, mailing, decision, seen)

        return handle

    def accepted(self, claims: Iterable[Claimed], now: datetime) -> None:
        """Do as :meth:`begin`, for letters that the relay has taken: only the memory changes."""
        for claim in claims:
            self._relay_took(now)
            self._series.accepted(claim.mailing, claim.domain, now)

    def _context(self, claim: Claimed, mailing: Mailing, now: datetime) -> Context:
        retry, give_up = self._settings.retry, self._settings.give_up
        return Context(now, claim.tries + 1, claim.first_claimed_at, retry, give_up, mailing.spec.send_before)

    def event(self, event: RelayEvent, now: datetime) -> Hold | None:
        """Note an event of the relay; return why all mailings are held, or None."""
        words = f"{event.code} {event.text}".strip() if event.code else str(event.text)
        if event.kind == "open":
            self._away(None, "")
        elif stops_all(event):
            self.awaits_greeting = event.kind == "silent" and (self.awaits_greeting or self.away_since is None)
            self._away(self.away_since or now, words)
        reason = hold_for(event)
        return Hold(reason, words) if reason else None

    def _heard(self, decision: Decision, now: datetime) -> None:
        """Count a relay that puts MAIL off each time as away, although connections can be made."""
        if decision.state == "accepted":
            self._relay_took(now)
        elif decision.pace == "slow_relay" and (self._took is None or now - self._took > LATELY):
            self.awaits_greeting, self._puts_off = False, True
            self._away(self.away_since or now, shown(decision))

    def _relay_took(self, now: datetime) -> None:
        self._took = now
        if self._puts_off:
            self._puts_off = False
            self._away(None, "")

    def _away(self, since: datetime | None, words: str) -> None:
        if (since, words) != (self.away_since, self.away_words):
            self.away_since, self.away_words, self.relay_news = since, words, True


def _together(claim: Claimed, mailing: Mailing, decision: Decision, seen: Seen) -> HandledReply:
    """Return the decision on a refusal, in the light of the answers before it."""
    if seen.hold:
        waiting = decision._replace(state="waiting", retry_at=None, mailbox="", pace="")
        return HandledReply(waiting, Hold(decision.hold or MANY_ALIKE, seen.words), back=seen.back)
    if decision.hold and seen.refuse:
        return HandledReply(decision._replace(state="refused", hold=None))
    if decision.hold:
        return HandledReply(decision, Hold(decision.hold, shown(decision, claim.address), decision.until))
    return HandledReply(decision, statement=_statement(claim, mailing, decision, seen) if decision.mailbox else None)


def _statement(claim: Claimed, mailing: Mailing, decision: Decision, seen: Seen) -> MailboxStatement:
    return MailboxStatement(
        claim.delivery,
        claim.mailing,
        claim.recipient,
        claim.address_hash,
        claim.domain,
        decision.reason,
        decision.mailbox == "clear",
        service=mailing.is_service,
        wave=seen.wave,
        earlier=seen.earlier,
    )
