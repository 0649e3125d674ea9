"""Whatever a server as strict as Postfix answers, and wherever the connection is cut: nobody is lost, nobody twice.

The server and the network are a model in memory; Hypothesis draws what is answered, how bytes are cut, and what was
unsent.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.transport.base import NotWritten, OutgoingMessage, Replied, Unknown
from mailer.transport.fast_pipeline import FastPipeline
from mailer.transport.limits import Limits, Offers
from mailer.transport.link import PipeliningHealth
from tests.support.feeds import ListFeed
from tests.support.pipeline_driver import Line

CONTENTS = (b"one\r\n", b"..two\r\n.\r\n", b"three\r\n" * 20_000, b"", b"x", b"a\r\n.\r\nb\r\n")


class Server:
    """RFC 5321 in forty lines; ``choices`` says what each command gets: 0 and more is well, else refused or 421."""

    def __init__(self, choices: list[int], early_354: bool) -> None:
        self.choices, self.early_354 = choices, early_354
        self.buffer, self.out = b"", b""
        self.sender: str | None = None
        self.recipient = ""
        self.data = self.over = False
        self.accepted: list[tuple[str, str, bytes]] = []
        self.wrongs: list[str] = []

    def choose(self, well: bytes) -> bool:
        choice = self.choices.pop() if self.choices else 0
        answer = {1: b"450 4.0.0 later", 2: b"550 5.0.0 no", 3: b"421 4.3.2 closing"}.get(choice, well)
        self.out += answer + b"\r\n"
        self.over = self.over or choice == 3
        return choice not in (1, 2, 3)

    def reads(self, data: bytes) -> bytes:
        self.buffer += data
        while not self.over:
            end = (
                b"\r\n.\r\n"
                if self.data and not self.buffer.startswith(b".\r\n")
                else b".\r\n"
                if self.data
                else b"\r\n"
            )
            at = self.buffer.find(end)
            if at < 0:
                break
            part, self.buffer = self.buffer[:at], self.buffer[at + len(end) :]
            if self.data:
                self.letter(part + (b"\r\n" if len(end) > 3 else b""))
            else:
                self.command(part.decode())
        out, self.out = self.out, b""
        return out

    def letter(self, content: bytes) -> None:
        self.data = False
        content = (b"\r\n" + content).replace(b"\r\n..", b"\r\n.")[2:]
        if not self.recipient:
            self.out += b"554 5.5.1 no valid recipients\r\n"
        elif self.choose(b"250 2.0.0 queued"):
            self.accepted.append((self.sender or "", self.recipient, content))
        self.sender, self.recipient = None, ""

    def command(self, text: str) -> None:
        verb, _, path = text.partition(":")
        if verb == "RSET":
            self.sender, self.recipient = None, ""
            self.out += b"250 ok\r\n"
        elif verb == "QUIT":
            self.out += b"221 bye\r\n"
            self.over = True
        elif verb == "MAIL FROM":
            if self.sender is not None:
                self.wrongs.append("nested MAIL")
                self.out += b"503 5.5.1 nested MAIL\r\n"
            elif self.choose(b"250 ok"):
                self.sender = path.strip("<>")
        elif verb == "RCPT TO":
            if self.sender is None:
                self.out += b"503 5.5.1 need MAIL\r\n"
            elif self.choose(b"250 ok"):
                self.recipient = path.strip("<>")
        elif verb == "DATA":
            if not self.recipient and not (self.early_354 and self.sender is not None):
                self.out += b"554 5.5.1 no valid recipients\r\n"
            else:
                self.data = self.choose(b"354 go")
        else:
            self.wrongs.append(text)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from([0] * 8 + [1, 2, 3]), max_size=40),
    st.lists(st.integers(1, 90_000), max_size=60),
    st.tuples(st.integers(0, 600_000), st.integers(0, 900)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([7, 9_000]),
)
def test_the_servers_record_and_our_reports_agree(
    choices: list[int],
    cuts: list[int],
    network: tuple[int, int],
    pipelining: bool,
    early_354: bool,
    known: bool,
    read: int,
) -> None:
    budget, heard = network  # so many bytes reach the server, and so many of its answers reach us
    parcels = [
        OutgoingMessage(n, f"s{n}@a.nl", f"r{n}@b.nl", CONTENTS[n % len(CONTENTS)] + b"%d\r\n" % n) for n in range(12)
    ]
    parcels = [parcel._replace(ready=b"\n." not in b"\n" + parcel.content) for parcel in parcels]
    feed, line, server = ListFeed(parcels), Line(), Server(choices, early_354)
    pipeline = FastPipeline(feed, line, Offers(pipelining=pipelining), Limits(), PipeliningHealth())
    pipeline.begin(0.0)
    queued, index = b"", 0
    while not pipeline.over:
        while index < len(line.written):
            queued += line.written[index]
            index += 1
        step = min(cuts.pop() if cuts else 200_000, len(queued), budget)
        line.rest, line.long = len(queued) - step, len(queued) - step > 65_536
        sent, queued, budget = queued[:step], queued[step:], budget - step
        answer = server.reads(sent)
        if not queued:
            pipeline.drained()
        answer, silent = answer[:heard], len(answer) > heard
        heard -= len(answer)
        for at in range(0, len(answer), read):
            pipeline.received(answer[at : at + read], 0.0)
        if silent or pipeline.is_idle or not (sent or answer or index < len(line.written)) or server.over:
            pipeline.lost("cut", line.rest if known else None)
    assert feed.out == {}
    assert server.wrongs == []
    there = {recipient: (sender, content) for sender, recipient, content in server.accepted}
    assert len(there) == len(server.accepted)
    for parcel in parcels:
        if parcel.delivery not in feed.results:
            assert parcel.recipient not in there
            continue
        (result,) = feed.results[parcel.delivery]
        if parcel.recipient in there:
            assert isinstance(result, Unknown) or (isinstance(result, Replied) and result.code == 250)
            assert there[parcel.recipient] == (parcel.sender, parcel.content)
        else:
            assert isinstance(result, NotWritten | Unknown) or (isinstance(result, Replied) and result.code >= 400)
