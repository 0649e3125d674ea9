"""A few helper processes, with limits of time and memory, for work on letters, pictures and spreadsheets.

Purpose: such work can take long, need much memory, or end its process. A web process answers readers meanwhile, so it
gives that work to a :class:`WorkPool`. Its helpers, two at most, are started by their first job and kept for the next.

Promises: :meth:`WorkPool.run` returns the result of the function, and raises its ``PostiljonError`` as it is, each
fault included. Any other trouble is :class:`WorkStopped`, with a sentence: too long, too large, the process ended, all
of them busy. A job that is over its time is killed, and the next job gets a new process.
A job has limits of memory (``RLIMIT_AS``) and of processor time (``RLIMIT_CPU``), if the system knows these. A helper
has none of our settings in its environment, and ends with this process in any way. Only values come back: an answer
that names anything but our own classes is refused, since the job may have read hostile bytes. No process is left after
:meth:`WorkPool.close`. Usable from many threads.

Success of a job does not mean that anything was stored: it gets values and gives values.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import ParamSpec, TypeVar, cast

from campaigns.ops import work_process
from campaigns.ops.work_pipes import PipeEnded, PipeLate, WorkPipes
from campaigns.ops.work_process import Answer
from mailer.errors import PostiljonError
from mailer.messages import Message

P = ParamSpec("P")
T = TypeVar("T")
TOO_LONG = Message("this took longer than {number} seconds, and was stopped; nothing was changed")
TOO_LARGE = Message("this needed more memory than it may have, and was stopped; nothing was changed")
DIED = Message("the process that did this ended by itself; nothing was changed")
BUSY = Message("too much other work is being done; try again in a minute")
JOBS_OF_A_PROCESS = 500
_OURS = "POSTILJON_"


class WorkStopped(PostiljonError):
    """A job did not come to its end; nothing was changed."""

    permanent = False


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """The limits of a job. ``seconds``: by the clock on the wall; ``memory``: bytes of a process.

    ``patience``: seconds to wait for a process that is free.
    """

    seconds: float = 30.0
    memory: int = 1_500_000_000
    patience: float = 20.0


class WorkPool:
    """Helper processes, ``size`` at most; the first starts with the first job."""

    def __init__(self, size: int = 2, limits: WorkLimits | None = None) -> None:
        self.limits = limits or WorkLimits()
        self._free: queue.LifoQueue[_Helper | None] = queue.LifoQueue()  # None: room for one that does not run yet
        for _ in range(size):
            self._free.put(None)
        self._size, self._lock = size, threading.Lock()
        self._running: set[_Helper] = set()
        self._closed = False

    def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of a function of a module, called in a helper. Raises its errors, and ``WorkStopped``."""
        try:
            helper = self._free.get(timeout=self.limits.patience)
        except queue.Empty:
            raise WorkStopped(BUSY) from None
        keep = None
        try:
            helper = helper or self._started()
            answer = helper.ask((function, args, kwargs), self.limits.seconds)
            if answer.kind in ("value", "error", "trouble") and helper.jobs < JOBS_OF_A_PROCESS:
                keep = helper
        finally:
            if keep is None and helper is not None:
                self._end(helper)
            self._free.put(keep)
        return cast(T, self._result(answer))

    def close(self) -> None:
        """End all helpers; a job that runs raises ``WorkStopped``, and so does each later one."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for helper in running:
            helper.kill()  # its pipes are closed by the thread that reads them
        for _ in range(self._size):
            helper_or_room = self._free.get()
            if helper_or_room is not None:
                self._end(helper_or_room)
        for _ in range(self._size):
            self._free.put(None)

    @property
    def is_free(self) -> bool:
        """Return whether a job would begin at once."""
        return not self._free.empty()

    @property
    def processes(self) -> list[int]:
        """The numbers of the processes that run."""
        with self._lock:
            return [helper.number for helper in self._running]

    def _started(self) -> _Helper:
        with self._lock:
            if self._closed:
                raise WorkStopped(DIED)
            try:
                helper = _Helper(self.limits)
            except OSError:  # no process or no memory left on this machine
                raise WorkStopped(BUSY) from None
            self._running.add(helper)
            return helper

    def _end(self, helper: _Helper) -> None:
        helper.end()
        with self._lock:
            self._running.discard(helper)

    def _result(self, answer: Answer) -> object:
        if answer.kind == "value":
            return answer.value
        if answer.kind == "error" and isinstance(answer.value, PostiljonError):
            raise answer.value
        said = {"late": TOO_LONG.format(number=f"{self.limits.seconds:g}"), "memory": TOO_LARGE}
        raise WorkStopped(said.get(answer.kind, DIED))


class _Helper:
    """One helper process and the pipes to it."""

    def __init__(self, limits: WorkLimits) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own words
            work_process.command(limits.memory, limits.seconds),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.number, self.jobs = self._process.pid, 0

    def ask(self, job: object, seconds: float) -> Answer:
        """Return the answer to a job; a helper that gives none is to be ended."""
        self.jobs += 1
        until = time.monotonic() + seconds
        assert self._process.stdin is not None  # noqa: S101 - made with pipes
        assert self._process.stdout is not None  # noqa: S101
        try:
            pipes = WorkPipes(self._process.stdout.fileno(), self._process.stdin.fileno())
            pipes.write(work_process.packed(job), until)
            return work_process.read_answer(pipes.read(until))
        except PipeLate:
            return Answer("late")
        except (PipeEnded, OSError, ValueError):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)  # it closed its pipe, so it ends, or it never will
            return Answer("late" if self._process.poll() == -signal.SIGXCPU else "died")

    def kill(self) -> None:
        """Kill the process, and take its status, so that no trace of it remains."""
        with suppress(OSError):
            self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Do the same, and close the pipes; for the one thread that uses them."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
