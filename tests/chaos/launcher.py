"""One real ``postiljon`` that dies while it compiles or launches.

``python -m tests.chaos.launcher POINT NTH SECONDS COMMAND…``: ``compiling`` (some seconds after the process that
compiles was started), ``launching`` (before the COMMIT with that number), ``freezing`` (some seconds after it). Nothing
of the program is replaced: the start is seen by an audit hook, a COMMIT by an event of SQLAlchemy.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

from sqlalchemy import Engine, event


def die() -> None:
    """As the power goes."""
    os.kill(os.getpid(), signal.SIGKILL)


def later(seconds: float) -> None:
    """Die after a number of seconds, whatever is going on then."""
    timer = threading.Timer(seconds, die)
    timer.daemon = True
    timer.start()


def main() -> None:
    """See the module."""
    point, nth, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    commits = 0

    def begun(name: str, _: tuple[object, ...]) -> None:
        if name == "subprocess.Popen":
            later(seconds)

    def committed(_: object) -> None:
        nonlocal commits
        commits += 1
        if commits == nth:
            die() if point == "launching" else later(seconds)

    if point == "compiling":
        sys.addaudithook(begun)
    else:
        event.listen(Engine, "commit", committed)
    sys.argv[1:] = sys.argv[4:]
    runpy.run_module("campaigns", run_name="__main__")


if __name__ == "__main__":
    main()
