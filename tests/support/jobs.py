"""Jobs for a pool of helper processes: good ones, and all that can go wrong in one."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from mailer.errors import Fault, FaultsError, InputError
from mailer.messages import Message


def twice(number: int) -> int:
    """A value."""
    return 2 * number


def number_of_process() -> int:
    """The process that did it."""
    return os.getpid()


def environment() -> list[str]:
    """The names in its environment."""
    return sorted(os.environ)


def allocate(size: int) -> int:
    """More memory than there may be."""
    return len(bytearray(size))


def run_for_ever() -> None:
    """Never come to an end, and use a processor meanwhile."""
    while True:
        pass


def sleep_for_ever() -> None:
    """Never come to an end, and use nothing."""
    time.sleep(3600)


def die() -> None:
    """End the process as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def print_much() -> str:
    """Print to where answers go."""
    os.write(1, b"x" * 100_000)
    return "said"


def fail() -> None:
    """An error of a library."""
    raise RuntimeError("a library failed")


def refuse(text: str) -> None:
    """Raise one of our own errors."""
    raise InputError(Message("{path}: there is no such file", path=text))


def refuse_faults() -> None:
    """Several faults."""
    raise FaultsError([Fault("a.md", 3, "subject", Message("nothing"), Message("a subject"), "hint")])


class Evil:
    """An answer that would call a function where it is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.putenv, ("POSTILJON_EVIL", "1")


def evil() -> Evil:
    """Give such an answer."""
    return Evil()


def helpers_running() -> list[str]:
    """The helpers of this process, dead ones without their end too."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
            if int(words[1]) == os.getpid() and b"work_process" in (path.parent / "cmdline").read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found
