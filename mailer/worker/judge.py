"""Results and events of the transport become decisions: ``mailer.outcome`` decides, this keeps what it needs to know.

Promises: nothing here decides what a reply means. Jitter is drawn here; the limit on suppressing (an outage at a
provider) and the mass rules are asked of ``Spikes`` here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mailer.outbox import Claimed, Mailing
from mailer.outcome import Context, Decision, Spikes, decide, hold_for
from mailer.settings import MailerSettings
from mailer.transport.base import RelayEvent, Result

OUTAGE = "outage"
Judged = Callable[[Claimed, Mailing, Result], Decision]


class Judge:
    """See the module. Used by the writing thread only."""

    def __init__(self, settings: MailerSettings) -> None:
        self._settings, self._spikes = settings, Spikes()
        self.away_since: datetime | None = None
        self.away_words = ""
        self.lifted: list[int] = []  # deliveries whose addresses were suppressed before the outage was clear
        self.relay_news = False  # away_since changed, and ``status`` should know

    def begin(self, now: datetime) -> Judged:
        """The judge for results that were read at ``now``."""
        contexts: dict[tuple[int, int, datetime], Context] = {}
        note = self._spikes.note

        def judged(claim: Claimed, mailing: Mailing, result: Result) -> Decision:
            same = (claim.mailing, claim.tries, claim.first_claimed_at)
            context = contexts.get(same)
            if context is None:
                context = contexts[same] = self._context(claim, mailing, now)
            decision = decide(result, context)
            if decision.state == "retry":  # each its own moment, so that not all come back at once
                decision = decide(result, replace(context, jitter=random.random()))
            seen = note(mailing.id, claim.domain, decision, now, claim.delivery)
            if seen.outage:  # a provider that says so of too many: refused, listed, and nobody is suppressed
                self.lifted += seen.lift
                return decision._replace(suppress=False, reason=OUTAGE)
            return decision._replace(hold=seen.hold) if seen.hold and not decision.hold else decision

        return judged

    def _context(self, claim: Claimed, mailing: Mailing, now: datetime) -> Context:
        retry, give_up = self._settings.retry, self._settings.give_up
        return Context(now, claim.tries + 1, claim.first_claimed_at, retry, give_up, mailing.spec.send_before)

    def event(self, event: RelayEvent, now: datetime) -> str:
        """Note what happened to the relay; the reason for which all mailings are held, or ""."""
        if event.kind == "open":
            self._away(None, "")
        elif event.kind in ("away", "refused"):
            self._away(self.away_since or now, f"{event.code or ''} {event.text}".strip())
        return hold_for(event) or ""

    def _away(self, since: datetime | None, words: str) -> None:
        if (since, words) != (self.away_since, self.away_words):
            self.away_since, self.away_words, self.relay_news = since, words, True
