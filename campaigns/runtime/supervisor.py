"""``serve``: a parent of two kinds of child processes, web and sender.

Promises: the parent checks the settings and opens the listening sockets, one for each web process. So a wrong setting
or a taken port is reported before anything runs. A child that dies is started again, at most once a second. One that
says why it cannot begin is started ever more slowly, up to once a minute. Each may open as many files as the machine
allows, since a connection is one. A child ends when its parent is gone, also by SIGKILL. It sees that by a pipe whose
other end only the parent holds, and by PR_SET_PDEATHSIG where there is one. SIGTERM ends all in order: senders hand
back letters that they have not begun; a second SIGTERM kills. Returns an exit code.

The parent looks once a second whether a setting was changed in the console (:mod:`.renewal`). Then other senders begin
at once, while those before end in order, and web processes follow one another. While there is no administrator, it
prints at its start a link to make the first one (:mod:`campaigns.ops.first_steps`).
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

from campaigns.context import AppContext, Notice, open_context, unnoticed
from campaigns.lifecycle import reachability
from campaigns.ops import first_steps
from campaigns.runtime.logs import configure_logs
from campaigns.runtime.renewal import Succession, Watch
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


def serve(options: ServeOptions, notice: Notice = unnoticed) -> int:
    """Run until SIGTERM or SIGINT; return the exit code. ``notice`` says how to make the first administrator."""
    configure_logs()
    resource_limits.raise_files()  # children inherit the limit
    with closing(open_context()) as context:
        reachability.refuse(context.launch_config.link_target)
        listening = listen(options.host, options.port, web_processes(context.campaign.web_processes))
        parent = _Parent(options, listening, Watch(context))
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, parent.stop)
        here = shown(options.host, listening[0].getsockname()[1])
        print(here, file=sys.stderr, flush=True)
        if options.pages != "public" and (words := first_steps.invitation(context, here)):
            notice(words)
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

    def __init__(self, options: ServeOptions, listening: Sequence[socket.socket], settings: Watch) -> None:
        self._options = options
        self._settings = settings
        self._webs = {f"web-{number}": each for number, each in enumerate(listening, 1)}
        self._context = multiprocessing.get_context("spawn")
        self._theirs, self._ours = self._context.Pipe(duplex=False)  # children wait for its end: we never write
        self._children: dict[str, BaseProcess] = {}
        self._started: dict[str, float] = {}
        self._pause: dict[str, float] = {}
        self._leaving: list[BaseProcess] = []
        self._succession = Succession(self._web)
        self._stopping = 0

    def stop(self, *_signal: object) -> None:
        """Handle a signal: the first ends in order, the second kills."""
        self._stopping += 1
        if self._stopping > 1:
            for child in self._all():
                child.kill()

    def run(self) -> int:
        """Run until stopped."""
        senders = [f"sender-{number}" for number in range(1, self._options.senders + 1)]
        while not self._stopping:
            if self._settings.changed():
                self._renew(senders)
            for name in (*self._webs, *senders):
                self._keep(name)
            for name, child in self._succession.step():
                self._leave(name)
                self._children[name] = child
            self._leaving = [child for child in self._leaving if child.is_alive()]
            time.sleep(0.1)
        return self._end()

    def _renew(self, senders: Sequence[str]) -> None:
        """Let each child be followed by one that reads the settings again."""
        log.info("settings were changed in the console; processes begin again", children=len(self._children))
        for name in senders:
            self._leave(name)
        self._succession.begin([name for name in self._webs if name in self._children])
        for name in (*self._webs, *senders):
            self._pause.pop(name, None)  # the fault may be mended: try at once
            self._started.pop(name, None)

    def _leave(self, name: str) -> None:
        """Let a child end in order, while another has its place."""
        child = self._children.pop(name, None)
        if child is not None:
            child.terminate()
            self._leaving.append(child)

    def _all(self) -> list[BaseProcess]:
        return [*self._children.values(), *self._leaving, *self._succession.children()]

    def _keep(self, name: str) -> None:
        """Start a child that does not run, at most once a second; one that could not begin, after a longer pause."""
        child = self._children.get(name)
        pause = self._pause.get(name, 1.0)
        if (child is not None and child.is_alive()) or time.monotonic() - self._started.get(name, -99.0) < pause:
            return
        if child is not None:
            if time.monotonic() - self._started.get(name, 0.0) > 2 * LONGEST_PAUSE:
                pause = 1.0  # it worked for a while
            self._pause[name] = min(2 * pause, LONGEST_PAUSE) if child.exitcode == CANNOT_BEGIN else 1.0
            log.warning("a child process ended; it is started again", child=name, code=child.exitcode)
        self._started[name] = time.monotonic()
        self._children[name] = self._start(name)

    def _start(self, name: str) -> BaseProcess:
        if name in self._webs:
            return self._web(name)[0]
        child = self._context.Process(target=sender, args=(self._theirs,), name=name)
        child.start()
        return child

    def _web(self, name: str) -> tuple[BaseProcess, Connection]:
        """Start a web process; return it, and the end of a pipe that says when it has begun."""
        begun, begins = self._context.Pipe(duplex=False)
        child = self._context.Process(
            target=web, args=(self._theirs, self._webs[name], self._options.pages, begins), name=name
        )
        child.start()
        begins.close()
        if child.pid:  # as soon as it runs: later threads stay on its core
            pin_to_cpu(child.pid, list(self._webs).index(name), len(self._webs))
        return child, begun

    def _end(self) -> int:
        children = self._all()
        for child in children:
            child.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for child in children:
            child.join(max(0.1, deadline - time.monotonic()))
            if child.is_alive():
                child.kill()
                child.join()
        return 0


def web(parent: Connection, listening: socket.socket, pages: Pages = "all", begins: Connection | None = None) -> None:
    """Run the pages of readers, of staff, or both, in a child; ``begins`` is told that it can."""
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
    if begins is not None:
        with contextlib.suppress(OSError):
            begins.send_bytes(b".")
            begins.close()
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
    while not stop.is_set():
        context = open_context()
        _send(context, stop, Watch(context))
    return 0


def _send(context: AppContext, stop: threading.Event, settings: Watch | None = None) -> None:
    """Send until ``stop``; with ``settings``, also until one of them is changed."""
    from campaigns.runtime import sender as senders

    async def main() -> None:
        ending = asyncio.Event()
        watching = asyncio.create_task(_wait_for(stop, ending, settings))
        await senders.serve(context, ending)
        watching.cancel()

    try:
        senders.run_loop(main())
    finally:
        context.close()


async def _wait_for(stop: threading.Event, ending: asyncio.Event, settings: Watch | None) -> None:
    while not stop.is_set():
        await asyncio.sleep(0.1)
        if settings is not None and await asyncio.to_thread(settings.changed):
            break
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
