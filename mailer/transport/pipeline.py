"""One SMTP session after EHLO: the order of questions and answers, and which parcel each answer settles.

A group is *content, dot, MAIL, RCPT, DATA* in one write (RFC 2920); without PIPELINING each command waits for its
answer. No socket, no loop, no clock of its own: bytes come in through :meth:`Pipeline.received`, go out through
:class:`Wire`, and time comes in through :meth:`Pipeline.tick`. Promises:

1. Content follows only when MAIL and RCPT were 2xx and DATA was 354.
2. After a refused MAIL, RCPT or DATA the next group begins with RSET.
3. 354 although RCPT was refused: a lone dot, then close; never a lone dot after an accepted RCPT (it would deliver
   an empty letter).
4. A cut after the dot leaves one parcel unknown; the one whose envelope went with it is handed back.
5. A reply that cannot be matched, or was read before its question was written, ends the session; nothing is guessed.
6. A parcel whose dot may have left is unknown, unless the unsent rest is known to begin before its dot.
7. Each reply has its own time limit (B48), the dot ten minutes; a reply that trickles in has no more.
8. An envelope that waits behind a slow dot, or whose campaign was paused, is handed back. After the earlier reply the
   session ends without a dot.
9. A refusal that is about the connection costs its parcel nothing: QUIT, and the next connection takes it.

Every parcel taken is reported exactly once.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from mailer.outcome.results import NotWritten, Replied, Stage, Unknown
from mailer.outcome.session import out_of_order
from mailer.transport import hints
from mailer.transport.base import MessageSource, OutgoingMessage
from mailer.transport.envelope import commands, refusal, wire
from mailer.transport.limits import Limits, Offers
from mailer.transport.link import Ended, PipeliningHealth, Wire
from mailer.transport.replies import Replies, clean

HOLD_BACK = 65_536  # longer content is written first, and its dot only when the kernel has all of it
DOT, TLS_MORE = b".\r\n", 1_000  # bytes: encrypted, the same data is somewhat longer

Asked = Literal["mail", "rcpt", "data", "dot", "rset", "lone", "quit"]


class Pipeline:
    """See the module. ``now`` of the constructor is any monotonic time in seconds; :meth:`tick` brings later ones."""

    def __init__(
        self, feed: MessageSource, link: Wire, offers: Offers, limits: Limits, health: PipeliningHealth
    ) -> None:
        self._feed, self._link, self._offers, self._limits, self._health = feed, link, offers, limits, health
        self._replies = Replies()
        self._expect: deque[Asked] = deque()
        self._later: deque[tuple[Asked, bytes]] = deque()  # without PIPELINING: commands still to be sent
        self._open: OutgoingMessage | None = None  # the parcel whose envelope is on the way
        self._dot: OutgoingMessage | None = None  # the parcel whose content is on the way, its dot unanswered
        self._fault: Replied | NotWritten | None = None
        self._mail_ok = self._rcpt_ok = False
        self._reset = False  # the next group begins with RSET
        self._held = False  # content was written, its dot was not
        self._handed_back = self._stopping = self.over = False
        self._after = 0  # bytes written after the last dot
        self._answers = 0  # number of answers to the last write
        self._proven = not offers.pipelining  # a group behind a dot was answered whole: this relay loses none
        self._now = self._born = self._since = self._opened = 0.0
        self._backlog = 0
        self.accepted = self.started = 0

    # --- from above

    def begin(self, now: float) -> None:
        """Begin at ``now``, when the connection is ready; take the first message."""
        self._now = self._born = self._since = now
        self._next()

    def poke(self, now: float) -> None:
        """Take work, if there is any and nothing is under way."""
        if self.is_idle:
            self._now = now
            self._next()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, so that a poke is welcome."""
        return not (self.over or self._expect or self._stopping)

    def stop(self, now: float) -> None:
        """Take nothing more, hand back parcels without content at the relay, end once the last dot is answered."""
        self._now = now
        self._stopping = True
        if self._open is not None:
            self._hand_back("the sender is stopping")
        elif not self._expect and not self.over:
            self._leave()

    def abort(self, why: str) -> None:
        """End now, even if answers are due."""
        self._end(Ended("quiet", text=why), unsent=self._link.unsent())

    # --- from the wire

    def received(self, data: bytes, now: float) -> None:
        """Take bytes from the relay."""
        if self.over:
            return
        self._now = now
        for code, raw in self._replies.feed(data, len(self._expect)):
            self._since = now
            self._answers += 1
            self._answered(self._expect.popleft(), code, raw)
            if self._is_over():
                return
        early = self._replies.early
        if early and early[0] == 421:  # it may come at any time (RFC 5321 section 3.8)
            self._end(self._server("idle", 421, clean(early[1])))
        elif early or self._replies.broken:
            self._broken(f"{early[0] or ''} {clean(early[1])}" if early else self._replies.broken)

    def drained(self) -> None:
        """Go on once the queue has left: a dot that was held back may follow."""
        if self._held and not self.over:
            self._held, self._since = False, self._now
            self._finish(b"")

    def lost(self, why: str, unsent: int | None = None) -> None:
        """Handle the loss of the connection. ``unsent``: bytes that had not left the process; None if unknown."""
        if not self.over:
            leaving = bool(self._expect) and self._expect[0] in ("quit", "lone")
            stage = self._expect[0] if self._expect else "idle"
            self._end(Ended("quiet") if leaving else self._server(stage, 0, why), unsent=unsent)

    def tick(self, now: float) -> None:
        """Look at the time, some times a second."""
        if self.over:
            return
        self._now = now
        if self._open is not None:
            behind = self._dot is not None and now - self._opened > self._limits.timeouts.behind
            if behind:
                self._hand_back("its envelope waited behind a slow answer")
            elif not self._feed.still_wanted(self._open.delivery):
                self._silent(self._limits.timeouts.hush)
                self._hand_back("paused or cancelled")
        if self._is_over():
            return
        if not self._expect:
            reuse = self._limits.reuse
            if now - self._since > reuse.idle or now - self._born > reuse.seconds:
                self._leave()
            return
        self._overdue(self._expect[0], now)

    def _overdue(self, stage: Asked, now: float) -> None:
        timeouts = self._limits.timeouts
        unsent = self._link.unsent()
        if unsent and unsent != self._backlog:
            self._since = now  # it still moves
        self._backlog = unsent
        limit = timeouts.block if unsent else timeouts.of("dot" if stage == "lone" else stage)
        if now - self._since <= limit:
            self._silent(timeouts.follow)
            return
        if stage in ("quit", "lone"):
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
        parcel = self._dot
        early = self._held or self._link.unsent() > self._after + TLS_MORE  # our dot has not left
        if parcel is None or 300 <= code < 400 or (early and code < 400):
            self._broken(f"the final dot was answered with {code}")
            return
        self._dot = None
        result = Replied("dot", code, clean(raw)) if code < 300 else self._refusal(parcel, "dot", code, raw)
        self.accepted += code < 300
        self._feed.report(parcel.delivery, result)
        if code == 421 or self._held:
            self._end(self._server("dot", code, clean(raw)), abort=self._held)
        elif self._handed_back:
            self._end(Ended("quiet"))
        elif self._open is None:
            self._next()

    def _envelope_answered(self, asked: Literal["mail", "rcpt"], code: int, raw: bytes) -> None:
        if self._open is None or 300 <= code < 400 or code == 221:
            self._broken(f"{asked.upper()} was answered with {code}")
        elif code < 300:
            self._mail_ok |= asked == "mail"
            self._rcpt_ok |= asked == "rcpt"
            self._ask()
        elif code == 421:
            self._closing(asked, code, raw)
        elif self._fault is None and self._grouped(1) and out_of_order(code, clean(raw)):
            self._broken(f"{asked.upper()} was answered with {code} {clean(raw)}")
        else:
            self._fault = self._fault or self._refusal(self._open, asked, code, raw)
            if not self._offers.pipelining:
                self._later.clear()
                self._refused(self._open, self._fault)

    def _data_answered(self, code: int, raw: bytes) -> None:
        parcel, fault = self._open, self._fault
        if self._after and not self._proven:
            self._proven = self._health.trust.proven()
        if parcel is None or (code < 400 and code != 354):
            self._broken(f"DATA was answered with {code}")
        elif code == 421:
            self._closing("data", code, raw)
        elif code != 354:
            self._refused(parcel, fault or self._refusal(parcel, "data", code, raw))
        elif fault is not None:
            self._open = None
            self._feed.report(parcel.delivery, fault)
            if self._rcpt_ok:
                self._end(Ended("quiet"))
            elif not self._replies.early:
                self._write(DOT)
                self._expect.append("lone")
        elif not (self._mail_ok and self._rcpt_ok):
            self._broken("DATA was answered before MAIL and RCPT")
        elif not self._feed.still_wanted(parcel.delivery):
            self._hand_back("paused or cancelled")
        elif not self._replies.early:
            self._content(parcel)

    def _refusal(self, parcel: OutgoingMessage, stage: Stage, code: int, raw: bytes) -> Replied | NotWritten:
        """Return the result to report for a 4xx or 5xx."""
        taken = self.accepted, self.started - 1 - (stage == "dot" and self._open is not None)
        return self._health.judged(parcel.delivery, Replied(stage, code, clean(raw)), taken, self._now)

    def _refused(self, parcel: OutgoingMessage, fault: Replied | NotWritten) -> None:
        self._open, self._reset = None, True
        self._feed.report(parcel.delivery, fault)
        self._next()

    def _closing(self, stage: Stage | Literal["rset"], code: int, raw: bytes) -> None:
        """Handle 421 before a dot: it costs the parcel nothing, unless it comes to the same recipient again."""
        parcel, text = self._open, clean(raw)
        self._health.had_enough(Replied("mail", code, text), self.accepted, self.started - 1, self._now)
        if parcel is not None and stage == "rcpt":
            first = self._health.count(parcel.delivery) == 1
            if self.accepted == 0 or not first:
                self._open = None
                self._feed.report(parcel.delivery, self._fault or Replied("rcpt", code, text))
        self._end(self._server(stage, code, text))

    # --- questions

    def _next(self) -> None:
        """Take a parcel and send its envelope, or rest, or leave; nothing is under way."""
        if self._replies.early:
            return
        if not self._may_take():
            self._leave()
            return
        if group := self._group():
            self._write(group)
        else:
            self._since = self._now
            self._link.idle()

    def _may_take(self) -> bool:
        reuse = self._limits.reuse
        if self._stopping or self._handed_back or self._now - self._born > reuse.seconds:
            return False
        takes = self._health.takes(self._now)
        return self.started < (min(takes, reuse.messages) if takes else reuse.messages)

    def _group(self) -> bytes:
        """Take a parcel that this relay can carry; return the bytes of its envelope that may be written now."""
        while (parcel := self._feed.take()) is not None:
            if envelope := self._envelope(parcel):
                return envelope
        return b""

    def _envelope(self, parcel: OutgoingMessage) -> bytes:
        """Begin with this parcel; return b"" if this relay cannot carry it: then it is reported."""
        unfit = refusal(parcel, self._offers)
        if unfit is not None:
            self._feed.report(parcel.delivery, unfit)
            return b""
        self._open, self._opened, self._fault = parcel, self._now, None
        self._mail_ok = self._rcpt_ok = False
        self.started += 1
        mail, rcpt, data = commands(parcel, self._offers)
        reset, self._reset = self._reset, False
        if self._offers.pipelining:
            self._expect.extend(("rset", "mail", "rcpt", "data") if reset else ("mail", "rcpt", "data"))
            return b"".join((b"RSET\r\n" if reset else b"", mail, rcpt, data))
        self._later.extend((("mail", mail), ("rcpt", rcpt), ("data", data)))
        if reset:
            self._later.appendleft(("rset", b"RSET\r\n"))
        asked, first = self._later.popleft()
        self._expect.append(asked)
        return first

    def _ask(self) -> None:
        """Send the next command without PIPELINING, now that the last was answered."""
        if self._later and not self._replies.early:
            asked, command = self._later.popleft()
            self._expect.append(asked)
            self._write(command)

    def _content(self, parcel: OutgoingMessage) -> None:
        self._dot, self._open, self._backlog = parcel, None, 0
        self._expect.append("dot")
        body = wire(parcel)
        if len(body) > HOLD_BACK:
            self._write(body)
            if self._link.full():
                self._held = True
                return
            body = b""
        self._finish(body)

    def _finish(self, body: bytes) -> None:
        """Write the content's (last) bytes, its dot, and the next envelope in one go."""
        group = self._group() if self._offers.pipelining and self._may_take() else b""
        self._after = len(group)
        self._write(b"".join((body, DOT, group)))

    def _write(self, data: bytes) -> None:
        if len(self._expect) <= 1:
            self._since = self._now
        self._answers = 0
        self._link.write(data)

    def _leave(self) -> None:
        self._stopping = True
        self._expect.append("quit")
        self._write(b"QUIT\r\n")

    # --- endings

    def _hand_back(self, why: str) -> None:
        """Hand back the message whose envelope is open; the session can only end, without a dot."""
        parcel, self._open = self._open, None
        if parcel is not None:
            self._handed_back = True
            self._feed.report(parcel.delivery, NotWritten(why))
        if self._dot is None:
            self._end(Ended("quiet"))

    def _is_over(self) -> bool:
        return self.over

    def _grouped(self, answers: int) -> bool:
        """Whether an envelope is behind more than ``answers`` answers of its own write, with groups unproven."""
        return self._answers > answers and not self._proven and self._open is not None and self._dot is None

    def _silent(self, limit: float) -> None:
        """End the session if the rest of a group is unanswered and no answer has begun: maybe the group got lost."""
        if self._now - self._since > limit and self._grouped(0) and not (self._link.unsent() or self._replies.begun):
            self._fault = None
            self._end(Ended("garbled", self._expect[0], 0, f"no answer to {self._expect[0].upper()} in a group"))

    def _broken(self, text: str) -> None:
        """End the session on an answer without a question: nothing that was read of this envelope counts (rule 5)."""
        self._fault = None
        stage = self._expect[0] if self._expect else "idle"
        lost = self._grouped(1) and not self._replies.early
        self._end(Ended("garbled" if lost else "away", stage, 0, hints.unfit(text)), unsent=self._link.unsent())

    def _server(self, stage: str, code: int, text: str) -> Ended:
        """Return how the server ended the session: a rotation if it had accepted mail on this connection."""
        if self.accepted:
            return Ended("rotated", stage, code, text)
        return Ended("slow_down" if code == 421 else "away", stage, code, text)

    def _end(self, how: Ended, *, unsent: int | None = None, abort: bool = False) -> None:
        if self.over:
            return
        self.over = True
        why = how.text or "the connection ended"
        sure = self._held or (unsent is not None and unsent >= self._after + len(DOT))
        content, envelope = self._dot, self._open
        self._dot = self._open = None
        self._link.ended(how, abort=abort or content is not None)
        if content is not None:
            self._feed.report(content.delivery, NotWritten(why) if sure else Unknown(why))
        if envelope is not None:
            returned = self._fault or self._health.returned(envelope.delivery, how, at_head=content is None)
            self._feed.report(envelope.delivery, returned)
