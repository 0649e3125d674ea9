"""Where the engine's processor time goes: ``python -m bench.stages [--letters N] [--window W]``.

Runs ``bench.send`` with a stopwatch (processor time of the thread, and time by the clock) round each stage of the two
threads. Stages contain each other: *turn* holds *write*, which holds *claim* and *settle*. The stopwatch itself costs a
microsecond or two each time; read shares, not speeds.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine.base import Connection, RootTransaction

from bench import send
from mailer.outbox import Tally
from mailer.transport.session import Session
from mailer.worker.pacing import Pacing
from mailer.worker.press import Press, _Kit
from mailer.worker.todo import Todo
from mailer.worker.writer import Writer

STAGES: tuple[tuple[type, str, str], ...] = (
    (Writer, "_turn", "writer: turn"),
    (Writer, "_drain", "writer: judge what came back"),
    (Writer, "_look_around", "writer: read mailings"),
    (Writer, "_write", "writer: write (all of the transaction)"),
    (Writer, "_leave_room", "writer: let others go first"),
    (Todo, "write", "writer: settle"),
    (Pacing, "claim", "writer: claim"),
    (Tally, "post", "writer: counters"),
    (Connection, "begin", "begin (both connections)"),
    (RootTransaction, "commit", "commit (both connections)"),
    (Writer, "_hand_off", "writer: hand off"),
    (Press, "make", "writer: fill values and links"),
    (Session, "data_received", "loop: replies, and what follows them"),
    (Session, "poke", "loop: begin with an idle connection"),
    (_Kit, "parcel", "loop: compose (within the two above)"),
)
processor: Counter[str] = Counter()
clock: Counter[str] = Counter()
calls: Counter[str] = Counter()


def watch(owner: type, name: str, label: str) -> None:
    """Put a stopwatch round a method."""
    plain: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(plain)
    def timed(*given: Any, **named: Any) -> Any:
        used, at = time.thread_time_ns(), time.perf_counter_ns()
        try:
            return plain(*given, **named)
        finally:
            processor[label] += time.thread_time_ns() - used
            clock[label] += time.perf_counter_ns() - at
            calls[label] += 1

    setattr(owner, name, timed)


def main() -> int:
    """Measure and print, in microseconds a letter."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=__doc__)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=40)
    arguments = parser.parse_args()
    for stage in STAGES:
        watch(*stage)
    sys.argv = ["bench.send", "--letters", str(arguments.letters), "--window", str(arguments.window)]
    send.main()
    print(f"{'stage':40} {'calls':>8} {'processor us/letter':>20} {'clock us/letter':>16}")
    for _, _, label in STAGES:
        used, passed = (counter[label] / 1000 / arguments.letters for counter in (processor, clock))
        print(f"{label:40} {calls[label]:8,} {used:20.1f} {passed:16.1f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
