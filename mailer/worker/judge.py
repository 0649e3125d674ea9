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
        settings, spikes = self._settings, self._spikes

        def judged(claim: Claimed, mailing: Mailing, result: Result) -> Decision:
            context = Context(
                now,
                claim.tries + 1,
                claim.first_claimed_at,
                settings.retry,
                settings.give_up,
                mailing.spec.send_before,
                random.random(),
            )
            decision = decide(result, context)
            seen = spikes.note(mailing.id, claim.domain, decision, now, claim.delivery)
            if seen.outage:  # a provider that says so of too many: refused, listed, and nobody is suppressed
                self.lifted += seen.lift
                return replace(decision, suppress=False, reason=OUTAGE)
            return replace(decision, hold=seen.hold) if seen.hold and not decision.hold else decision

        return judged

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
