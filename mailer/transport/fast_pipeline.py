"""The usual group of replies in one step: ``250``, ``250``, ``250`` and ``354``, a line each, read together.

A healthy session reads nothing else: answers to the final dot, and to the MAIL, RCPT and DATA that went with it. A
:class:`FastPipeline` is a :class:`~mailer.transport.pipeline.Pipeline` with two fast paths, and both fall through to
it. Its reports, writes, questions and counts are the same, in the same order, for any input (a property test says so).

The first way applies when one read brings the four replies, whole, with those codes, and when all of this is true:

- answers to dot, MAIL, RCPT and DATA are expected, of two messages that we both still have (neither was handed back);
- no reply has begun, and none was early or broken;
- all four are a thousand bytes at most, and the text of the first is printable ASCII without doubled blanks (cleaning
  would not change it);
- the session is proven: a group behind a dot was answered whole before;
- our dot has left the process, as far as that is known.

The second way makes the next MAIL, RCPT and DATA. It applies to a ``ready`` message with plain addresses, and not after
a refusal (RSET), nor without PIPELINING. SMTPUTF8, 8BITMIME and SIZE are checked as before.

It raises the errors of the feed. Success does not mean that the text was looked at: only the codes count here.
"""

from __future__ import annotations

from mailer.outcome.results import Replied
from mailer.transport.base import OutgoingMessage
from mailer.transport.envelope import plain_group
from mailer.transport.pipeline import Pipeline
from mailer.transport.pipeline_state import DOT, TLS_MORE, Asked
from mailer.transport.pipeline_writer import HOLD_BACK

_GROUP: tuple[Asked, ...] = ("mail", "rcpt", "data")
_FOUR = 4  # with a dot unanswered and an envelope open, four expected answers are those to dot, MAIL, RCPT and DATA


class FastPipeline(Pipeline):
    """See the module."""

    def received(self, data: bytes, now: float) -> None:
        """Take bytes from the relay."""
        content, envelope, questions = self._content, self._envelope, self._questions
        done, message, expect = content.message, envelope.message, questions.expect
        if done is None or message is None or len(expect) != _FOUR or not questions.proven:
            super().received(data, now)
            return
        text = self._replies.usual(data)
        if text is None or self._link.unsent() > content.after + TLS_MORE:
            super().received(data, now)
            return
        times = self._times
        times.now = times.since = now
        questions.answers = _FOUR
        content.message = None
        self.use.accepted += 1
        expect.clear()
        self._feed.report(done.delivery, Replied("dot", 250, text))
        envelope.mail_ok = envelope.rcpt_ok = True
        if not self._feed.still_wanted(message.delivery):
            self._hand_back("paused or cancelled")
        elif message.ready and len(message.content) <= HOLD_BACK:
            content.message, envelope.message, times.backlog = message, None, 0
            expect.append("dot")
            group = self._group() if self._may_take() else b""
            content.after, questions.answers = len(group), 0
            self._link.write(b"".join((message.content, DOT, group)))
        else:
            self._write_content(message)

    def _begin_envelope(self, message: OutgoingMessage) -> bytes:
        questions, offers = self._questions, self._offers
        group = None if questions.reset or not offers.pipelining else plain_group(message, offers)
        if group is None:
            return super()._begin_envelope(message)
        self._envelope.begin(message, self._times.now)
        self.use.started += 1
        questions.expect.extend(_GROUP)
        return group
