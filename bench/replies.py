"""Processor time a letter between one read of replies and the next write: ``python -m bench.replies [--letters N]``.

No network: a scripted wire answers each group at once as Postfix does, and a feed gives messages of 15 kB. The pipeline
of every day (:mod:`mailer.transport.fast_pipeline`) and the one without its fast ways are run in turns, and their ratio
is printed. It leaves out what a socket, composing and the database cost.
"""

from __future__ import annotations

import argparse
import statistics
import time

from mailer.transport.base import OutgoingMessage, RelayEvent, Replied, Result
from mailer.transport.fast_pipeline import FastPipeline
from mailer.transport.limits import Limits, Offers, Reuse
from mailer.transport.link import Ended, PipeliningHealth
from mailer.transport.pipeline import Pipeline

OFFERS = Offers(pipelining=True, eightbit=True, smtputf8=True, sized=True, size=10_240_000)
GROUP = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n"
USUAL = b"250 2.0.0 Ok: queued as 4dJt1X0Zk3z9sWQ\r\n" + GROUP


class Wire:
    """A connection that takes everything at once."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)

    def unsent(self) -> int:
        return 0

    def full(self) -> bool:
        return False

    def idle(self) -> None: ...

    def ended(self, how: Ended, *, abort: bool) -> None: ...


class Letters:
    """Give a number of messages, and count those accepted."""

    def __init__(self, number: int) -> None:
        self.rest, self.accepted = number, 0
        self.content = b"x" * 70 + b"\r\n"
        self.content *= 210

    def take(self) -> OutgoingMessage | None:
        if not self.rest:
            return None
        self.rest -= 1
        address = f"reader{self.rest}@domain{self.rest % 997}.example"
        return OutgoingMessage(self.rest, "bounces+kgakmoatxqaaaaagqj@vng.example", address, self.content, ready=True)

    async def wait(self) -> None: ...

    def still_wanted(self, _delivery: int) -> bool:
        return True

    def report(self, _delivery: int, result: Result) -> None:
        self.accepted += isinstance(result, Replied) and result.code == 250

    def relay(self, event: RelayEvent) -> None: ...


def once(kind: type[Pipeline], number: int) -> tuple[float, int]:
    """Microseconds of processor a letter, and how many bytes were written."""
    letters, wire = Letters(number), Wire()
    pipeline = kind(letters, wire, OFFERS, Limits(reuse=Reuse(messages=number + 1)), PipeliningHealth())
    started = time.process_time()
    pipeline.begin(0.0)
    pipeline.received(GROUP, 0.0)
    for _ in range(number - 1):
        pipeline.received(USUAL, 0.0)
    pipeline.received(b"250 2.0.0 Ok\r\n", 0.0)
    used = time.process_time() - started
    if letters.accepted != number:
        raise RuntimeError(f"{letters.accepted} of {number} were accepted")
    return used / number * 1e6, wire.size


def main() -> int:
    """Measure in turns, print medians and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench.replies", description=__doc__)
    parser.add_argument("--letters", type=int, default=50_000)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    both = [(once(FastPipeline, arguments.letters), once(Pipeline, arguments.letters)) for _ in range(arguments.pairs)]
    if any(fast[1] != slow[1] for fast, slow in both):
        raise RuntimeError("the two wrote different bytes")
    fast, slow = (statistics.median(pair[way][0] for pair in both) for way in (0, 1))
    ratio = statistics.median(pair[0][0] / pair[1][0] for pair in both)
    print(
        f"with the fast ways {fast:.2f} us a letter, without {slow:.2f}; ratio {ratio:.2f} (making messages included)"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
