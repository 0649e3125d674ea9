"""The writing side of an SMTP session: envelopes, contents, and how many of them go in one write.

The middle layer of a :class:`~mailer.transport.pipeline.Pipeline`: its caller knows from the replies that it may write.
Promises: with PIPELINING, *content, dot, MAIL, RCPT, DATA* go in one write (RFC 2920); without it, each command waits
for its answer. After a refused envelope the next group begins with RSET. The dot of long content is written when the
kernel has all of the content. A message that this relay cannot carry is reported, and the next one is taken.
"""

from __future__ import annotations

from mailer.transport.base import OutgoingMessage
from mailer.transport.envelope import commands, refusal, wire
from mailer.transport.pipeline_end import EndingPipeline
from mailer.transport.pipeline_state import DOT

HOLD_BACK = 65_536  # longer content is written first, and its dot only when the kernel has all of it


class WritingPipeline(EndingPipeline):
    """See the module."""

    def _next(self) -> None:
        """Take a message and send its envelope, or rest, or leave; nothing is under way."""
        if self._replies.early:
            return
        if not self._may_take():
            self._leave()
            return
        if group := self._group():
            self._write(group)
        else:
            self._times.since = self._times.now
            self._link.idle()

    def _may_take(self) -> bool:
        use, now, reuse = self.use, self._times.now, self._limits.reuse
        if self._stopping or self._handed_back or now - use.begun > reuse.seconds:
            return False
        takes = self._health.takes(now)
        return use.started < (min(takes, reuse.messages) if takes else reuse.messages)

    def _group(self) -> bytes:
        """Take a message that this relay can carry; return the bytes of its envelope that may be written now."""
        while (message := self._feed.take()) is not None:
            if envelope := self._begin_envelope(message):
                return envelope
        return b""

    def _begin_envelope(self, message: OutgoingMessage) -> bytes:
        """Begin with this message; return b"" if this relay cannot carry it: then it is reported."""
        unfit = refusal(message, self._offers)
        if unfit is not None:
            self._feed.report(message.delivery, unfit)
            return b""
        questions = self._questions
        self._envelope.begin(message, self._times.now)
        self.use.started += 1
        mail, rcpt, data = commands(message, self._offers)
        reset, questions.reset = questions.reset, False
        if self._offers.pipelining:
            questions.expect.extend(("rset", "mail", "rcpt", "data") if reset else ("mail", "rcpt", "data"))
            return b"".join((b"RSET\r\n" if reset else b"", mail, rcpt, data))
        questions.later.extend((("mail", mail), ("rcpt", rcpt), ("data", data)))
        if reset:
            questions.later.appendleft(("rset", b"RSET\r\n"))
        asked, first = questions.later.popleft()
        questions.expect.append(asked)
        return first

    def _ask(self) -> None:
        """Send the next command without PIPELINING, now that the last was answered."""
        questions = self._questions
        if questions.later and not self._replies.early:
            asked, command = questions.later.popleft()
            questions.expect.append(asked)
            self._write(command)

    def _write_content(self, message: OutgoingMessage) -> None:
        """Write the content of the message whose envelope was accepted; its dot later if the content is long."""
        self._content.message, self._envelope.message, self._times.backlog = message, None, 0
        self._questions.expect.append("dot")
        body = wire(message)
        if len(body) > HOLD_BACK:
            self._write(body)
            if self._link.full():
                self._content.held = True
                return
            body = b""
        self._finish(body)

    def _finish(self, body: bytes) -> None:
        """Write the content's (last) bytes, its dot, and the next envelope in one go."""
        group = self._group() if self._offers.pipelining and self._may_take() else b""
        self._content.after = len(group)
        self._write(b"".join((body, DOT, group)))

    def _write(self, data: bytes) -> None:
        if len(self._questions.expect) <= 1:
            self._times.since = self._times.now
        self._questions.answers = 0
        self._link.write(data)

    def _leave(self) -> None:
        self._stopping = True
        self._questions.expect.append("quit")
        self._write(b"QUIT\r\n")
