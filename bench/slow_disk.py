"""A disk that takes its time: ``python -m bench.slow_disk [--letters N] [--delays MS …]``; needs a C compiler (``cc``).

Each sender is a process of its own in which ``fsync`` and ``fdatasync`` take some milliseconds longer (by a library
that is preloaded). Printed for each delay: letters a second, how often the event loop stopped for more than 5 ms and
the longest of these stops, how many COMMITs ran on the loop and elsewhere, and how many rows were claimed twice since
they had waited for a second (none, if all is well).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from sqlalchemy import event, text

from bench.harness import ROOT, sink
from bench.send import RING, Readers, prepare
from mailer import worker
from mailer.settings import MailerSettings, Relay
from mailer.storage import open_database
from mailer.transport.smtp import SmtpTransport
from mailer.worker import WorkerDeps

DELAY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
static void wait_a_while(void) {
    const char *given = getenv("BENCH_SYNC_MS");
    long ms = given ? atol(given) : 0;
    struct timespec pause = {ms / 1000, (ms % 1000) * 1000000L};
    if (ms) nanosleep(&pause, NULL);
}
int fsync(int file) { wait_a_while(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file); }
int fdatasync(int file) { wait_a_while(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file); }
"""
NOTED, BEAT = 0.005, 0.002  # seconds


async def _beat(gaps: list[float]) -> None:
    while True:
        before = time.monotonic()
        await asyncio.sleep(BEAT)
        gaps.append(time.monotonic() - before - BEAT)


def send(letters: int, port: int) -> dict[str, float]:
    """Send in this process."""
    with tempfile.TemporaryDirectory(prefix="postiljon-bench-") as folder:
        db = open_database(f"sqlite:///{folder}/postiljon.db")
        commits, gaps = Counter[bool](), list[float]()

        def seen(statement: str) -> None:
            commits[threading.current_thread() is threading.main_thread()] += statement == "COMMIT"

        event.listen(db.engine, "connect", lambda connection, _record: connection.set_trace_callback(seen))
        os.environ["BENCH_SYNC_MS"], delay = "0", os.environ["BENCH_SYNC_MS"]
        mailing = prepare(db, letters, dkim=False)
        commits.clear()
        relay = Relay("127.0.0.1", port, tls="none", connections=10, window=40)
        transport, now = SmtpTransport(relay, "bench.example.org"), lambda: datetime.now(UTC)
        deps = WorkerDeps(db, Path(folder), MailerSettings(smtp_url=relay), Readers(), RING, now, transport)
        os.environ["BENCH_SYNC_MS"] = delay  # the library reads the environment at each call
        begun = time.monotonic()
        uvloop.run(_send(deps, mailing, gaps))
        seconds = time.monotonic() - begun
        with db.read() as conn:
            again = conn.execute(text("SELECT count(*) FROM delivery WHERE attempt > 1")).scalar_one()
        db.close()
    stops = [gap for gap in gaps if gap > NOTED]
    return {
        "letters a second": letters / seconds,
        "stops": len(stops),
        "longest": max(gaps, default=0.0) * 1000,
        "commits on the loop": commits[True],
        "commits elsewhere": commits[False],
        "claimed twice": again,
    }


async def _send(deps: WorkerDeps, mailing: int, gaps: list[float]) -> None:
    beat = asyncio.create_task(_beat(gaps))
    await worker.run(deps, only=mailing, stop=asyncio.Event(), until_done=True, on_progress=lambda _turn: None)
    beat.cancel()


def main() -> int:
    """Measure each delay in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench.slow_disk", description=__doc__)
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--delays", type=int, nargs="*", default=[0, 2, 20])
    parser.add_argument("--port", type=int, help="measure in this process, to a sink on this port")
    arguments = parser.parse_args()
    if arguments.port:
        print(json.dumps(send(arguments.letters, arguments.port)))
        return 0
    with tempfile.TemporaryDirectory(prefix="postiljon-bench-") as folder, sink() as port:
        source, library = Path(folder) / "delay.c", Path(folder) / "delay.so"
        source.write_text(DELAY)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True)
        for delay in arguments.delays:
            env = {**os.environ, "LD_PRELOAD": str(library), "BENCH_SYNC_MS": str(delay)}
            command = [
                sys.executable,
                "-m",
                "bench.slow_disk",
                "--port",
                str(port),
                "--letters",
                str(arguments.letters),
            ]
            found = json.loads(subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True).stdout)
            shown = ", ".join(f"{name} {value:,.0f}" for name, value in found.items())
            print(f"a COMMIT takes {delay} ms longer: {shown} (longest: ms)", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
