"""Where the engine's processor time goes: ``python -m bench.stages [--letters N] [--window W] [--json FILE]``.

Runs ``bench.send`` with a stopwatch (processor time of the thread) round each stage, the time of inner stages taken out
of the outer ones, so that the stages add up. The stopwatch itself costs a microsecond or two each time; read shares,
not speeds. ``--draw BEFORE.json AFTER.json PICTURE`` draws two such files as bars. Stages that a tree does not have are
left out, so the same file measures the commit before.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import send

STAGES = (
    ("settle", "mailer.worker.pending_writes:PendingWrites.write"),
    ("settle", "mailer.outbox.lean:ask_for_accepted"),
    ("claim", "mailer.worker.pacing:Pacing.claim"),
    ("claim", "mailer.outbox.lean:ask_for_fresh"),
    ("counters", "mailer.outbox.counters:CounterDelta.post"),
    ("begin and commit", "sqlalchemy.engine.base:Connection.begin"),
    ("begin and commit", "sqlalchemy.engine.base:RootTransaction.commit"),
    ("begin and commit", "mailer.outbox.lean:begin_at_once"),
    ("begin and commit", "mailer.outbox.lean:commit"),
    ("the rest of the turn", "mailer.worker.dispatcher:Dispatcher.turn"),
    ("the rest of the turn", "mailer.worker.lean_turn:LeanTurn.write"),
    ("the rest of the turn", "mailer.worker.lean_turn:LeanTurn.commit"),
    ("the rest of the turn", "mailer.worker.lean_turn:LeanTurn.finish"),
    ("values, hand-off", "mailer.worker.handoff:HandOff.give"),
    ("compose", "mailer.worker.message_builder:_MailingContext.parcel"),
    ("write to the socket", "mailer.transport.session:Session.write"),
    ("replies and envelopes", "mailer.transport.session:Session.data_received"),
    ("replies and envelopes", "mailer.transport.session:Session.poke"),
)
REST = "event loop, all else"
spent: Counter[str] = Counter()
calls: Counter[str] = Counter()
inner = threading.local()


def watch(name: str, place: str) -> None:
    """Put a stopwatch round a function or method, ``module:name`` or ``module:Class.name``."""
    module, _, path = place.partition(":")
    try:
        owner: Any = importlib.import_module(module)
        *outer, last = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        plain: Callable[..., Any] = getattr(owner, last)
    except (ImportError, AttributeError):
        return

    @functools.wraps(plain)
    def timed(*given: Any, **named: Any) -> Any:
        stack = inner.__dict__.setdefault("stack", [0])
        stack.append(0)
        begun = time.thread_time_ns()
        try:
            return plain(*given, **named)
        finally:
            used = time.thread_time_ns() - begun
            spent[name] += used - stack.pop()
            stack[-1] += used
            calls[name] += 1

    setattr(owner, last, timed)


def measure(letters: int, window: int, more: list[str]) -> dict[str, float]:
    """Microseconds of processor a letter, by stage."""
    for stage in STAGES:
        watch(*stage)
    whole = Counter[str]()
    plain = send.once

    def once(*given: Any) -> float:
        begun = time.process_time_ns()
        speed = plain(*given)
        whole["all"] += time.process_time_ns() - begun
        return speed

    send.once = once
    sys.argv = ["bench.send", "--letters", str(letters), "--window", str(window), *more]
    send.main()
    found = {name: spent[name] / 1000 / letters for name in dict.fromkeys(name for name, _ in STAGES)}
    return found | {REST: whole["all"] / 1000 / letters - sum(found.values())}


def draw(files: list[Path], picture: Path) -> None:
    """Two measurements as stacked bars, one above the other."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    measured = [json.loads(file.read_text()) for file in files]
    figure, axes = pyplot.subplots(figsize=(11, 3.4))
    start = [0.0] * len(measured)
    colours = pyplot.get_cmap("tab20").colors  # type: ignore[attr-defined]
    for number, name in enumerate(measured[0]["stages"]):
        widths = [one["stages"].get(name, 0.0) for one in measured]
        bars = axes.barh([one["name"] for one in measured], widths, left=start, label=name, color=colours[number])
        axes.bar_label(
            bars, [f"{width:.0f}" if width >= 4 else "" for width in widths], label_type="center", fontsize=8
        )
        start = [left + width for left, width in zip(start, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("microseconds of processor a letter, the stopwatch included")
    axes.legend(ncols=4, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.22))
    figure.tight_layout()
    figure.savefig(picture, dpi=110)


def main() -> int:
    """Measure and print, in microseconds a letter; or draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=__doc__)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=40)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--name", default="now", help="what the bar of this measurement is called")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--draw", type=Path, nargs=3, metavar=("BEFORE", "AFTER", "PICTURE"))
    arguments = parser.parse_args()
    if arguments.draw:
        draw(arguments.draw[:2], arguments.draw[2])
        return 0
    stages = measure(arguments.letters, arguments.window, ["--postgres"] if arguments.postgres else [])
    for name, used in stages.items():
        print(f"{name:28} {calls[name]:9,} calls {used:8.1f} us a letter")
    print(f"{'all of it':28} {'':15} {sum(stages.values()):8.1f} us a letter")
    if arguments.json:
        arguments.json.write_text(json.dumps({"name": arguments.name, "stages": stages}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
