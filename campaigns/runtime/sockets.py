"""Where ``serve`` listens: one address, a socket for each web process, and the core on which that process stays.

Promises: an address that is taken or cannot be used is reported before anything runs. Each process has a socket of its
own (SO_REUSEPORT), so that the kernel spreads connections evenly. On one socket, the process that wakes first would
take nearly all of them. The parent keeps all sockets open, so connections wait while a child is started again.
"""

from __future__ import annotations

import contextlib
import os
import socket

from mailer.errors import InputError
from mailer.messages import Message

MOST_WAITING = 1024
MOST_WEBS = 4


def listen(host: str, port: int, number: int) -> list[socket.socket]:
    """Return ``number`` listening sockets. Raises ``InputError`` when the address cannot be used."""
    alone = _bind(host, port, shared=False)  # refused where any process listens, also with SO_REUSEPORT
    if number == 1:
        alone.listen(MOST_WAITING)
        return [alone]
    port = alone.getsockname()[1]
    alone.close()
    found = [_bind(host, port, shared=True) for _ in range(number)]
    for each in found:
        each.listen(MOST_WAITING)
    return found


def shown(host: str, port: int) -> str:
    """Return an address for a browser on this machine, also for one that means all its addresses."""
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - the caller's choice
    return f"http://{_place(name)}:{port}/"


def _place(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def web_processes(wanted: int | None) -> int:
    """Return the number of web processes: as set, else one for each core that we may use, at most four."""
    if not hasattr(socket, "SO_REUSEPORT"):
        return 1
    return wanted or min(len(_cores()) or os.cpu_count() or 1, MOST_WEBS)


def pin_to_cpu(process: int, number: int, among: int) -> None:
    """Keep a process, web process ``number`` (from 0) of ``among``, on one core, where there are enough for each core.

    Its threads take turns at one interpreter, so it can hardly use more. The thread that gets its turn need not wait
    until another process leaves the core. Where the system refuses, nothing changes.
    """
    cores = _cores()
    if 1 < len(cores) <= among:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(process, {cores[number % len(cores)]})


def _cores() -> list[int]:
    """Return the cores that we may use; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _bind(host: str, port: int, *, shared: bool) -> socket.socket:
    try:
        found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:  # a machine without IPv6
        raise _refused(host, port, error) from None
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        found.bind((host, port))
    except (OSError, UnicodeError) as error:
        found.close()
        raise _refused(host, port, error) from None
    return found


def _refused(host: str, port: int, error: OSError | UnicodeError) -> InputError:
    why = getattr(error, "strerror", "") or Message("that is not the name or address of a machine")
    return InputError(Message("cannot listen on {place}: {why}", place=f"{_place(host)}:{port}", why=why))
