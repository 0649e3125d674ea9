"""Whatever is answered, cut, offered and taken: a pipeline with its fast ways does what the one without them does.

Both get the same feed, the same bytes and the same times. After each step all that they wrote, asked, took, reported
and ended is compared, in its order, and all that they count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.transport.base import OutgoingMessage, RelayEvent, Result
from mailer.transport.fast_pipeline import FastPipeline
from mailer.transport.limits import Limits, Offers, Reuse
from mailer.transport.link import Ended, PipeliningHealth
from mailer.transport.pipeline import Pipeline
from mailer.transport.pipeline_writer import HOLD_BACK

TEXTS = (
    *[b"2.0.0 Ok: queued as 4dJt1X0Zk3z9sWQ"] * 40,
    b"ok",
    b"",
    b" ",
    b"two  blanks",
    b"a blank at its end ",
    b" one before",
    b"tab\tin it",
    b"\x1b[31mred",
    b"nul\0",
    b"a\rb",
    b"del\x7f",
    "één".encode(),
    b"\xff\xfe",
    b"\xe2\x80\xae turned",
    b"x" * 1_200,
    b"y" * 960,
    b"z" * 199,
)
WELL = {"dot": b"250", "mail": b"250", "rcpt": b"250", "data": b"354", "rset": b"250", "quit": b"221", "lone": b"554"}
ODD_CODES = (
    b"353",
    b"251",
    b"200",
    b"299",
    b"220",
    b"221",
    b"300",
    b"354",
    b"421",
    b"450",
    b"451",
    b"452",
    b"503",
    b"550",
)
ODD_TEXTS = (b"4.3.2 closing", b"4.5.3 too many recipients in this session", b"5.5.1 need MAIL", b"5.1.1 no", b"")
BROKEN = (
    b"hello\r\n",
    b"250",
    b"250\r\n",
    b"25\r\n",
    b"250-a\r\n",
    b"600 no\r\n",
    b"250 early\r\n",
    b"421 4.3.2 bye\r\n",
)
WHAT = (*["tick", "queue", "queue", "poke", "drained"] * 3, "says", "stop", "abort", "lost")
WAITS = (0.1, 0.3, 0.6, 1.1, 3.5, 11, 130, 700)
CONTENT = b"Subject: hello\r\n\r\nGoedemorgen.\r\n"
LONG = b"x" * 70 + b"\r\n"
LONG *= HOLD_BACK // 72 + 1
PARCELS = (
    *[("s@vng.example", "r{}@example.nl", CONTENT, False, True)] * 8,
    ("", "r{}@example.nl", CONTENT, False, True),
    ("s@vng.example", "r{}@example.nl", CONTENT, False, False),
    ("s@vng.example", "r{}@example.nl", b".dot\r\n", False, False),
    ("s@vng.example", "r{}@example.nl", "één\r\n".encode(), False, False),
    ("s@vng.example", "r{}@example.nl", CONTENT * 3, False, True),
    ("s@vng.example", "r{}@example.nl", LONG, False, True),
    ("s@vng.example", "r{}@example.nl", LONG, False, False),
    ("s@vng.example", "ré{}@example.nl", CONTENT, True, False),
    ("s@vng.example", "ré{}@example.nl", CONTENT, False, True),
    ("sé@vng.example", "r{}@example.nl", CONTENT, True, True),
    ("s@vng.example", "r{}@example.nl", CONTENT, True, True),
    ("s@vng.example", "r{}@b.nl>\r\nDATA", CONTENT, False, True),
    ("s\x7f@vng.example", "r{}@example.nl", CONTENT, False, True),
    ("s@vng.example", "", CONTENT, False, True),
)


class Fault(Exception):
    """The feed fails."""


@dataclass
class Both:
    """The feed and the wire of one pipeline; ``log`` is all that happened to them, in order.

    ``fault``: the place in it at which the feed raises.
    """

    parcels: list[OutgoingMessage | None]
    unwanted: frozenset[int]
    fault: int
    log: list[Any] = field(default_factory=list)
    rest: int = 0
    long: bool = False

    def called(self, *what: object) -> None:
        self.log.append(what)
        if len(self.log) == self.fault:
            raise Fault

    def take(self) -> OutgoingMessage | None:
        parcel = self.parcels.pop() if self.parcels else None
        self.called("take", parcel and parcel.delivery)
        return parcel

    async def wait(self) -> None:
        raise AssertionError("a pipeline does not wait")

    def still_wanted(self, delivery: int) -> bool:
        self.called("wanted?", delivery)
        return delivery not in self.unwanted

    def report(self, delivery: int, result: Result) -> None:
        self.called(delivery, result)

    def relay(self, event: RelayEvent) -> None:
        self.log.append(event)

    def write(self, data: bytes) -> None:
        self.log.append(data)

    def unsent(self) -> int:
        return self.rest

    def full(self) -> bool:
        return self.long

    def idle(self) -> None:
        self.log.append("idle")

    def ended(self, how: Ended, *, abort: bool) -> None:
        self.log.append((how, abort))


def state(pipeline: Pipeline) -> dict[str, Any]:
    """All that it counts and remembers; at its end nothing is expected any more."""
    kept = dict(vars(pipeline))
    questions = pipeline._questions
    if pipeline.over:
        kept["_questions"] = questions.later, questions.proven, questions.reset
    replies, health = kept.pop("_replies"), kept.pop("_health")
    del kept["_feed"], kept["_link"]
    kept["replies"] = [getattr(replies, name) for name in replies.__slots__]
    kept["health"] = vars(health.trust), health._seen, health._takes
    return kept


def answers(asked: list[str], chance: Random) -> list[bytes]:
    """Answers to what is asked, mostly the usual ones; in one read or cut, with a part missing or too much."""
    said = b""
    for question in asked:
        code, text, end = WELL[question], chance.choice(TEXTS), b"\r\n"
        if chance.random() < 0.04:
            code, text = chance.choice((code, *ODD_CODES)), chance.choice(ODD_TEXTS)
            end = chance.choice((b"\r\n", b"\r\n", b"\n"))
            if chance.random() < 0.3:
                said += code + b"-" + text + b"\r\n"
        said += code + b" " + text + end
    if chance.random() < 0.03:
        said += chance.choice(BROKEN)
    if chance.random() < 0.1:
        at = chance.randrange(len(said) + 1)
        return [said[:at], said[at:]]
    return [said]


class Pair:
    """A pipeline with the fast ways and one without, over the same; they are compared after each step."""

    def __init__(self, parcels: list[OutgoingMessage | None], offers: Offers, chance: Random) -> None:
        limits = Limits(reuse=Reuse(messages=chance.choice((1_000, 1_000, 8))))
        unwanted, fault = frozenset(chance.sample(range(60), 3)), chance.choice((0, 0, chance.randrange(60)))
        self.lines = Both(list(parcels), unwanted, fault), Both(list(parcels), unwanted, fault)
        self.pair: tuple[Pipeline, Pipeline] = (
            Pipeline(self.lines[0], self.lines[0], offers, limits, PipeliningHealth()),
            FastPipeline(self.lines[1], self.lines[1], offers, limits, PipeliningHealth()),
        )
        self.now = 0.0
        self.each(lambda pipeline: pipeline.begin(0.0))

    def each(self, call: Callable[[Pipeline], object]) -> None:
        slow, fast = self.pair
        for pipeline in self.pair:
            try:
                call(pipeline)
            except Fault:  # as a session does
                pipeline.abort("the sender failed")
        assert self.lines[1].log == self.lines[0].log
        assert state(fast) == state(slow)

    def step(self, chance: Random) -> None:
        """Something happens, mostly answers."""
        self.now += 0.01
        if chance.random() < 0.85:
            for part in answers(list(self.pair[0]._questions.expect), chance):
                self.each(lambda pipeline, part=part: pipeline.received(part, self.now))  # type: ignore[misc]
            return
        what = chance.choice(WHAT)
        if what == "queue":
            rest, long = chance.choice((0, 1_050, 1_200, 70_000)), chance.random() < 0.5
            for line in self.lines:
                line.rest, line.long = rest, long
        elif what == "says":
            said = chance.choice(BROKEN)
            self.each(lambda pipeline: pipeline.received(said, self.now))
        elif what == "drained":
            self.each(Pipeline.drained)
        elif what == "abort":
            self.each(lambda pipeline: pipeline.abort("aborted"))
        elif what == "lost":
            self.each(lambda pipeline: pipeline.lost("cut", self.lines[0].rest))
        else:
            self.now += chance.choice(WAITS) if what == "tick" else 0
            call = {"tick": Pipeline.tick, "poke": Pipeline.poke, "stop": Pipeline.stop}[what]
            self.each(lambda pipeline: call(pipeline, self.now))


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**64),
    st.integers(3, 25),
    st.sampled_from([0, *[2] * 5]),
    st.builds(Offers, st.sampled_from([True] * 9 + [False]), st.booleans(), st.booleans(), st.booleans()),
    st.sampled_from([0, 0, 0, 60, 10**6]),
)
def test_with_the_fast_ways_the_outcome_is_that_of_the_slow_way(
    seed: int, length: int, before: int, offers: Offers, size: int
) -> None:
    chance = Random(seed)
    kinds = [chance.choice((*PARCELS, *[PARCELS[0]] * 20, None)) for _ in range(20)] + [PARCELS[0]] * before
    parcels = [kind and OutgoingMessage(n, kind[0], kind[1].format(n), *kind[2:]) for n, kind in enumerate(kinds)]
    pair = Pair(parcels, replace(offers, size=size), chance)
    for _ in range(before):
        said = b"".join(WELL[question] + b" ok\r\n" for question in pair.pair[0]._questions.expect)
        pair.each(lambda pipeline, said=said: pipeline.received(said, pair.now))  # type: ignore[misc]
    for _ in range(length):
        pair.step(chance)
