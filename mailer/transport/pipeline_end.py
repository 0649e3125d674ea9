"""The state of an SMTP session and its end: which message is reported how when a session is over.

The lowest layer of a :class:`~mailer.transport.pipeline.Pipeline`: it writes nothing and reads no reply. Promises:
:meth:`EndingPipeline._end` ends a session once, and reports each message that it still had. The message whose dot may
have left is unknown, the one whose envelope is open is handed back. Nothing is reported twice.
"""

from __future__ import annotations

from mailer.outcome.results import NotWritten, Unknown
from mailer.transport import hints
from mailer.transport.base import MessageSource
from mailer.transport.limits import Limits, Offers
from mailer.transport.link import Ended, PipeliningHealth, Wire
from mailer.transport.pipeline_state import ConnectionUse, OpenEnvelope, Questions, SentContent, SessionTimes
from mailer.transport.replies import Replies


class EndingPipeline:
    """See the module."""

    def __init__(
        self, feed: MessageSource, link: Wire, offers: Offers, limits: Limits, health: PipeliningHealth
    ) -> None:
        self._feed, self._link, self._offers, self._limits, self._health = feed, link, offers, limits, health
        self._replies = Replies()
        self._questions = Questions(proven=not offers.pipelining)
        self._envelope = OpenEnvelope()
        self._content = SentContent()
        self._times = SessionTimes()
        self.use = ConnectionUse()
        self._stopping = False  # take nothing more
        self._handed_back = False  # an envelope has no content that follows: the session can only end
        self.over = False

    def _is_over(self) -> bool:
        return self.over

    def _hand_back(self, why: str) -> None:
        """Hand back the message whose envelope is open; the session can only end, without a dot."""
        message = self._envelope.close()
        if message is not None:
            self._handed_back = True
            self._feed.report(message.delivery, NotWritten(why))
        if self._content.message is None:
            self._end(Ended("quiet"))

    def _grouped(self, answers: int) -> bool:
        """Return whether an envelope is behind more than ``answers`` answers of its own write, with groups unproven."""
        questions, envelope, content = self._questions, self._envelope, self._content
        return (
            questions.answers > answers
            and not questions.proven
            and envelope.message is not None
            and content.message is None
        )

    def _silent(self, limit: float) -> None:
        """End the session if the rest of a group is unanswered and no answer has begun: maybe the group got lost."""
        late = self._times.now - self._times.since > limit
        if late and self._grouped(0) and not (self._link.unsent() or self._replies.begun):
            self._envelope.fault = None
            stage = self._questions.stage
            self._end(Ended("garbled", stage, 0, f"no answer to {stage.upper()} in a group"))

    def _broken(self, text: str) -> None:
        """End the session on an answer without a question: nothing that was read of this envelope counts (rule 5)."""
        self._envelope.fault = None
        lost = self._grouped(1) and not self._replies.early
        ended = Ended("garbled" if lost else "away", self._questions.stage, 0, hints.unfit(text))
        self._end(ended, unsent=self._link.unsent())

    def _server(self, stage: str, code: int, text: str) -> Ended:
        """Return how the server ended the session: a rotation if it had accepted mail on this connection."""
        if self.use.accepted:
            return Ended("rotated", stage, code, text)
        return Ended("slow_down" if code == 421 else "away", stage, code, text)

    def _end(self, how: Ended, *, unsent: int | None = None, abort: bool = False) -> None:
        if self.over:
            return
        self.over = True
        why = how.text or "the connection ended"
        sure = self._content.is_surely_unsent(unsent)
        content, envelope = self._content.end(), self._envelope.close()
        self._link.ended(how, abort=abort or content is not None)
        if content is not None:
            self._feed.report(content.delivery, NotWritten(why) if sure else Unknown(why))
        if envelope is not None:
            fault = self._envelope.fault
            returned = fault or self._health.returned(envelope.delivery, how, at_head=content is None)
            self._feed.report(envelope.delivery, returned)
