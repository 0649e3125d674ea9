"""Resource exhaustion (E18): Python's errors for lack of memory, threads or open files, mapped to ``MachineShort``.

Promises: only errors that clearly mean exhaustion are mapped; any other error passes unchanged. :func:`raise_files`
keeps a process from running out of open files earlier than necessary.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mailer.errors import MachineShort
from mailer.messages import Message

NO_MEMORY = Message("This machine has no memory left for Postiljon. Once it has, run the same command again")
NO_THREAD = Message(
    "This machine lets Postiljon start no further thread or process. Once it does, run the same command again"
)
NO_FILES = Message(
    "This process may open no further file. Let it open more (ulimit -n 1024; LimitNOFILE=1024 in a unit of systemd), "
    "and run the same command again"
)
MOST_FILES = 16_384


def raise_files() -> int:
    """Raise the soft limit on open files to the hard one, or to ``MOST_FILES``; return the limit now in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_FILES if soft == resource.RLIM_INFINITY else soft
    with suppress(OSError, ValueError):  # some systems allow less than their hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@contextmanager
def named() -> Iterator[None]:
    """Map errors in the block that mean exhaustion to ``MachineShort``."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError, ImportError) as error:
        short = meant(error)
        if short is None:
            raise
        raise short from error


def meant(error: BaseException) -> MachineShort | None:
    """Return the ``MachineShort`` for an error that means exhaustion; None for any other error."""
    unmapped = isinstance(error, ImportError) and "failed to map segment" in str(error)
    if unmapped or isinstance(error, MemoryError) or _is(error, errno.ENOMEM):
        return MachineShort(NO_MEMORY)
    if is_thread(error) or _is(error, errno.EAGAIN):
        return MachineShort(NO_THREAD)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return MachineShort(NO_FILES)
    return None


def is_thread(error: BaseException) -> bool:
    """Return whether a thread could not be started, judged by the message: Python has no exception class for it."""
    return isinstance(error, RuntimeError) and "can't start new thread" in str(error)


def _is(error: BaseException, number: int) -> bool:
    """Return whether a system call failed with this number; a buffer that would block has a message of its own."""
    return isinstance(error, OSError) and error.errno == number and error.strerror == os.strerror(number)
