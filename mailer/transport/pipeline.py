"""One SMTP session after EHLO: the order of questions and answers, and which message each answer settles.

A group is *content, dot, MAIL, RCPT, DATA* in one write (RFC 2920); without PIPELINING each command waits for its
answer. No socket, no loop, no clock of its own: bytes come in through :meth:`Pipeline.received`, go out through
:class:`Wire`, and time comes in through :meth:`Pipeline.tick`. This module says what follows from which reply. Below it
are the writes (:mod:`mailer.transport.pipeline_writer`), the end of a session (:mod:`mailer.transport.pipeline_end`),
and the state of both (:mod:`mailer.transport.pipeline_state`). Promises:

1. Content follows only when MAIL and RCPT were 2xx and DATA was 354.
2. After a refused MAIL, RCPT or DATA the next group begins with RSET.
3. 354 although RCPT was refused: a lone dot, then close; never a lone dot after an accepted RCPT (it would deliver
   an empty letter).
4. A cut after the dot leaves one message unknown; the one whose envelope went with it is handed back.
5. A reply that cannot be matched, or was read before its question was written, ends the session; nothing is guessed.
6. A message whose dot may have left is unknown, unless the unsent rest is known to begin before its dot.
7. Each reply has its own time limit (B48), the dot ten minutes; a reply that trickles in has no more.
8. An envelope that waits behind a slow dot, or whose campaign was paused, is handed back. After the earlier reply the
   session ends without a dot.
9. A refusal that is about the connection costs its message nothing: QUIT, and the next connection takes it.

Every message taken is reported exactly once.
"""

from __future__ import annotations

from typing import Literal

from mailer.outcome.results import NotWritten, Replied, Stage
from mailer.outcome.session import out_of_order
from mailer.transport.base import OutgoingMessage
from mailer.transport.link import Ended
from mailer.transport.pipeline_state import DOT, Asked
from mailer.transport.pipeline_writer import WritingPipeline
from mailer.transport.replies import clean


class Pipeline(WritingPipeline):
    """See the module. ``now`` is any monotonic time in seconds; :meth:`tick` brings later ones."""

    # --- from above

    def begin(self, now: float) -> None:
        """Begin at ``now``, when the connection is ready; take the first message."""
        self._times.now = self._times.since = self.use.begun = now
        self._next()

    def poke(self, now: float) -> None:
        """Take work, if there is any and nothing is under way."""
        if self.is_idle:
            self._times.now = now
            self._next()

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is under way, so that a poke is welcome."""
        return not (self.over or self._questions.expect or self._stopping)

    def stop(self, now: float) -> None:
        """Take nothing more, hand back messages without content at the relay, end once the last dot is answered."""
        self._times.now = now
        self._stopping = True
        if self._envelope.message is not None:
            self._hand_back("the sender is stopping")
        elif not self._questions.expect and not self.over:
            self._leave()

    def abort(self, why: str) -> None:
        """End now, even if answers are due."""
        self._end(Ended("quiet", text=why), unsent=self._link.unsent())

    # --- from the wire

    def received(self, data: bytes, now: float) -> None:
        """Take bytes from the relay."""
        if self.over:
            return
        questions, times = self._questions, self._times
        times.now = now
        for code, raw in self._replies.feed(data, len(questions.expect)):
            times.since = now
            questions.answers += 1
            self._answered(questions.expect.popleft(), code, raw)
            if self._is_over():
                return
        early = self._replies.early
        if early and early[0] == 421:  # it may come at any time (RFC 5321 section 3.8)
            self._end(self._server("idle", 421, clean(early[1])))
        elif early or self._replies.broken:
            self._broken(f"{early[0] or ''} {clean(early[1])}" if early else self._replies.broken)

    def drained(self) -> None:
        """Go on once the queue has left: a dot that was held back may follow."""
        if self._content.held and not self.over:
            self._content.held, self._times.since = False, self._times.now
            self._finish(b"")

    def lost(self, why: str, unsent: int | None = None) -> None:
        """Handle the loss of the connection. ``unsent``: bytes that had not left the process; None if unknown."""
        if not self.over:
            stage = self._questions.stage
            self._end(Ended("quiet") if stage in ("quit", "lone") else self._server(stage, 0, why), unsent=unsent)

    def tick(self, now: float) -> None:
        """Look at the time, some times a second."""
        if self.over:
            return
        self._times.now = now
        self._look_at_envelope(now)
        if self._is_over():
            return
        if self._questions.expect:
            self._look_at_answer(self._questions.expect[0])
            return
        reuse = self._limits.reuse
        if now - self._times.since > reuse.idle or now - self.use.begun > reuse.seconds:
            self._leave()

    def _look_at_envelope(self, now: float) -> None:
        """Hand back an envelope that waits behind a slow dot, or whose campaign was paused (rule 8)."""
        message, timeouts = self._envelope.message, self._limits.timeouts
        if message is None:
            return
        if self._content.message is not None and now - self._envelope.since > timeouts.behind:
            self._hand_back("its envelope waited behind a slow answer")
        elif not self._feed.still_wanted(message.delivery):
            self._silent(timeouts.hush)
            self._hand_back("paused or cancelled")

    def _look_at_answer(self, stage: Asked) -> None:
        """End the session when the answer that is due has not come in time (rule 7)."""
        timeouts, unsent = self._limits.timeouts, self._link.unsent()
        limit = self._times.overdue(stage, unsent, timeouts)
        if limit is None:
            self._silent(timeouts.follow)
        elif stage in ("quit", "lone"):
            self._end(Ended("quiet"), unsent=unsent)
        else:
            self._end(self._server(stage, 0, f"no answer to {stage.upper()} within {limit:g} seconds"), unsent=unsent)

    # --- answers

    def _answered(self, asked: Asked, code: int, raw: bytes) -> None:
        if asked == "dot":
            self._dot_answered(code, raw)
        elif asked == "mail" or asked == "rcpt":  # noqa: PLR1714 - the type checker narrows this and not "in"
            self._envelope_answered(asked, code, raw)
        elif asked == "data":
            self._data_answered(code, raw)
        elif asked == "rset":
            if code == 421:
                self._closing("rset", code, raw)
            elif code >= 300:
                self._broken(f"RSET was answered with {code}")
            else:
                self._ask()
        else:  # after a lone dot or QUIT there is nothing left to do
            self._end(Ended("quiet"))

    def _dot_answered(self, code: int, raw: bytes) -> None:
        content = self._content
        early = content.may_be_unsent(self._link.unsent())
        if content.message is None or 300 <= code < 400 or (early and code < 400):
            self._broken(f"the final dot was answered with {code}")
            return
        message, content.message = content.message, None
        result = Replied("dot", code, clean(raw)) if code < 300 else self._refusal(message, "dot", code, raw)
        self.use.accepted += code < 300
        self._feed.report(message.delivery, result)
        if code == 421 or content.held:
            self._end(self._server("dot", code, clean(raw)), abort=content.held)
        elif self._handed_back:
            self._end(Ended("quiet"))
        elif self._envelope.message is None:
            self._next()

    def _envelope_answered(self, asked: Literal["mail", "rcpt"], code: int, raw: bytes) -> None:
        envelope = self._envelope
        if envelope.message is None or 300 <= code < 400 or code == 221:
            self._broken(f"{asked.upper()} was answered with {code}")
        elif code < 300:
            envelope.mail_ok |= asked == "mail"
            envelope.rcpt_ok |= asked == "rcpt"
            self._ask()
        elif code == 421:
            self._closing(asked, code, raw)
        elif envelope.fault is None and self._grouped(1) and out_of_order(code, clean(raw)):
            self._broken(f"{asked.upper()} was answered with {code} {clean(raw)}")
        else:
            envelope.fault = envelope.fault or self._refusal(envelope.message, asked, code, raw)
            if not self._offers.pipelining:
                self._questions.later.clear()
                self._refused(envelope.message, envelope.fault)

    def _data_answered(self, code: int, raw: bytes) -> None:
        envelope, questions = self._envelope, self._questions
        message, fault = envelope.message, envelope.fault
        if self._content.after and not questions.proven:
            questions.proven = self._health.trust.proven()
        if message is None or (code < 400 and code != 354):
            self._broken(f"DATA was answered with {code}")
        elif code == 421:
            self._closing("data", code, raw)
        elif code != 354:
            self._refused(message, fault or self._refusal(message, "data", code, raw))
        elif fault is not None:
            envelope.message = None
            self._feed.report(message.delivery, fault)
            if envelope.rcpt_ok:
                self._end(Ended("quiet"))
            elif not self._replies.early:
                self._write(DOT)
                questions.expect.append("lone")
        elif not (envelope.mail_ok and envelope.rcpt_ok):
            self._broken("DATA was answered before MAIL and RCPT")
        elif not self._feed.still_wanted(message.delivery):
            self._hand_back("paused or cancelled")
        elif not self._replies.early:
            self._write_content(message)

    def _refusal(self, message: OutgoingMessage, stage: Stage, code: int, raw: bytes) -> Replied | NotWritten:
        """Return the result to report for a 4xx or 5xx."""
        behind = stage == "dot" and self._envelope.message is not None
        taken = self.use.accepted, self.use.started - 1 - behind
        return self._health.result_of(message.delivery, Replied(stage, code, clean(raw)), taken, self._times.now)

    def _refused(self, message: OutgoingMessage, fault: Replied | NotWritten) -> None:
        self._envelope.message, self._questions.reset = None, True
        self._feed.report(message.delivery, fault)
        self._next()

    def _closing(self, stage: Stage | Literal["rset"], code: int, raw: bytes) -> None:
        """Handle 421 before a dot: it costs the message nothing, unless it comes to the same recipient again."""
        envelope, use, text = self._envelope, self.use, clean(raw)
        message = envelope.message
        self._health.learn_limit(Replied("mail", code, text), use.accepted, use.started - 1, self._times.now)
        if message is not None and stage == "rcpt":
            first = self._health.count(message.delivery) == 1
            if use.accepted == 0 or not first:
                envelope.message = None
                self._feed.report(message.delivery, envelope.fault or Replied("rcpt", code, text))
        self._end(self._server(stage, code, text))
