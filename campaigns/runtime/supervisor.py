"""``serve``: a parent of two kinds of child processes, web and sender.

Promises: the parent checks the settings and opens the listening sockets, one for each web process. So a wrong setting
or a taken port is reported before anything runs. A child that dies is started again, at most once a second. One that
says why it cannot begin is started ever more slowly, up to once a minute. Each may open as many files as the machine
allows, since a connection is one. A child ends when its parent is gone, also by SIGKILL. It sees that by a pipe whose
other end only the parent holds, and by PR_SET_PDEATHSIG where there is one. SIGTERM ends all in order: senders hand
back letters that they have not begun; a second SIGTERM kills. Returns an exit code.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

import structlog

from campaigns.context import AppContext, open_context
from campaigns.lifecycle import reachability
from campaigns.runtime.logs import configure_logs
from campaigns.runtime.sockets import listen, pin_to_cpu, shown, web_processes
from mailer import files, resource_limits
from mailer.errors import PostiljonError
from unsubscribe.settings import COUNTED_TOGETHER

STOP_TIMEOUT = 75.0  # seconds that children get to end in order: a sender waits 60 for its last answers
CANNOT_BEGIN, LONGEST_PAUSE = 78, 60.0  # the exit code of sysexits.h for a fault of the set-up; seconds
_PR_SET_PDEATHSIG = 1
log = structlog.get_logger("postiljon.serve")
Pages = Literal["all", "public", "console"]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where to listen, what to serve, and how many senders to run (0: pages only)."""

    host: str
    port: int
    senders: int
    pages: Pages = "all"


def serve(options: ServeOptions) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    configure_logs()
    resource_limits.raise_files()  # children inherit the limit
    with closing(open_context()) as context:
        reachability.refuse(context.launch_config.link_target)
    listening = listen(options.host, options.port, web_processes(context.campaign.web_processes))
    parent = _Parent(options, listening)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, parent.stop)
    with _counted_together(context.data / f"counters-{options.port}", len(listening)):
        return parent.run()


@contextlib.contextmanager
def _counted_together(folder: Path, webs: int) -> Iterator[None]:
    """Keep the counters of several web processes in files there, so that each can show those of all (``/metrics``).

    Files that an earlier parent left are removed. Children are spawned, so they find the folder in their environment.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if webs == 1:
        yield
        return
    files.make_folder(folder)
    os.environ[COUNTED_TOGETHER] = str(folder)
    try:
        yield
    finally:
        del os.environ[COUNTED_TOGETHER]
        shutil.rmtree(folder, ignore_errors=True)


class _Parent:
    """Starts children, starts them again, ends them."""

    def __init__(self, options: ServeOptions, listening: Sequence[socket.socket]) -> None:
        self._options = options
        self._webs = {f"web-{number}": each for number, each in enumerate(listening, 1)}
        self._context = multiprocessing.get_context("spawn")
        self._theirs, self._ours = self._context.Pipe(duplex=False)  # children wait for its end: we never write
        self._children: dict[str, BaseProcess] = {}
        self._started: dict[str, float] = {}
        self._pause: dict[str, float] = {}
        self._stopping = 0

    def stop(self, *_signal: object) -> None:
        """Handle a signal: the first ends in order, the second kills."""
        self._stopping += 1
        if self._stopping > 1:
            for child in self._children.values():
                child.kill()

    def run(self) -> int:
        """Run until stopped."""
        names = [*self._webs, *(f"sender-{number}" for number in range(1, self._options.senders + 1))]
        print(shown(self._options.host, self._webs["web-1"].getsockname()[1]), file=sys.stderr, flush=True)
        while not self._stopping:
            for name in names:
                self._keep(name)
            time.sleep(0.1)
        return self._end()

    def _keep(self, name: str) -> None:
        """Start a child that does not run, at most once a second; one that could not begin, after a longer pause."""
        child = self._children.get(name)
        pause = self._pause.get(name, 1.0)
        if (child is not None and child.is_alive()) or time.monotonic() - self._started.get(name, -99.0) < pause:
            return
        if child is not None:
            if time.monotonic() - self._started[name] > 2 * LONGEST_PAUSE:
                pause = 1.0  # it worked for a while
            self._pause[name] = min(2 * pause, LONGEST_PAUSE) if child.exitcode == CANNOT_BEGIN else 1.0
            log.warning("a child process ended; it is started again", child=name, code=child.exitcode)
        self._started[name] = time.monotonic()
        self._children[name] = self._start(name)

    def _start(self, name: str) -> BaseProcess:
        if name in self._webs:
            child = self._context.Process(
                target=web, args=(self._theirs, self._webs[name], self._options.pages), name=name
            )
        else:
            child = self._context.Process(target=sender, args=(self._theirs,), name=name)
        child.start()
        if name in self._webs and child.pid:  # as soon as it runs: later threads stay on its core
            pin_to_cpu(child.pid, list(self._webs).index(name), len(self._webs))
        return child

    def _end(self) -> int:
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for child in self._children.values():
            child.join(max(0.1, deadline - time.monotonic()))
            if child.is_alive():
                child.kill()
                child.join()
        return 0


def web(parent: Connection, listening: socket.socket, pages: Pages = "all") -> None:
    """Run the pages of readers, of staff, or both, in a child."""
    from campaigns.app import console_app, public_app, whole_app
    from unsubscribe.web.server import Server, config

    configure_logs()
    with _or_say_why():
        context = open_context()
        app = {"all": whole_app, "public": public_app, "console": console_app}[pages](context)
    options = {"loop": "uvloop", "timeout_graceful_shutdown": 10, "log_level": "error"}
    server = Server(config(app, "", 0, headers=app.headers, **options))

    def end() -> None:
        server.should_exit = True

    _live_with(parent, end)
    gc.collect()
    gc.freeze()  # present objects stay: no garbage collection scans them again while readers wait
    server.run(sockets=[listening])
    context.close()


def sender(parent: Connection) -> None:
    """Run a sender with the clock, in a child."""
    stop = threading.Event()
    _live_with(parent, stop.set)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_signal: stop.set())
    configure_logs()
    with _or_say_why():
        context = open_context()
        _send(context, stop)


@contextlib.contextmanager
def _or_say_why() -> Iterator[None]:
    """End this child with a sentence and without a stack trace when one of our own errors is raised within."""
    try:
        yield
    except PostiljonError as error:
        log.error("a process cannot work", why=str(error))
        sys.exit(CANNOT_BEGIN)


def send_forever() -> int:
    """Run a sender with the clock, alone, until SIGTERM or SIGINT. A second signal acts like a kill (E23)."""
    stop = threading.Event()

    def end(*_signal: object) -> None:
        stop.set()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, signal.SIG_DFL)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, end)
    configure_logs()
    _send(open_context(), stop)
    return 0


def _send(context: AppContext, stop: threading.Event) -> None:
    from campaigns.runtime import sender as senders

    async def main() -> None:
        ending = asyncio.Event()
        watching = asyncio.create_task(_wait_for(stop, ending))
        await senders.serve(context, ending)
        watching.cancel()

    try:
        senders.run_loop(main())
    finally:
        context.close()


async def _wait_for(stop: threading.Event, ending: asyncio.Event) -> None:
    while not stop.is_set():  # noqa: ASYNC110 - it is set by a signal or another thread
        await asyncio.sleep(0.1)
    ending.set()


def _live_with(parent: Connection, end: Callable[[], None]) -> None:
    """End in order when the parent is gone: its end of the pipe closes with it, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    def watch() -> None:
        with contextlib.suppress(OSError, EOFError):
            parent.poll(None)
        end()
        time.sleep(STOP_TIMEOUT)
        os._exit(3)

    threading.Thread(target=watch, daemon=True, name="parent").start()
