"""Messages over a pair of pipes, each with its length before it; with a moment until which one waits.

Raises :class:`PipeLate` after that moment, and :class:`PipeEnded` when the other side closed the pipe, or says a thing
that is no message.
"""

from __future__ import annotations

import os
import select
import struct
import time

_LENGTH = struct.Struct(">Q")
_CHUNK = 1 << 16
LARGEST = 1 << 30  # bytes of a message


class PipeLate(Exception):
    """The other side did not take or give a message in time."""


class PipeEnded(Exception):
    """The other side has closed the pipe."""


class WorkPipes:
    """The two ends on this side: the numbers of the files to read from and to write to."""

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = source, target
        os.set_blocking(source, False)
        os.set_blocking(target, False)

    def write(self, message: bytes, until: float) -> None:
        """Write a message; ``until`` by the monotonic clock."""
        left = memoryview(_LENGTH.pack(len(message)) + message)
        while left:
            _await(self._target, select.POLLOUT, until)
            try:
                left = left[os.write(self._target, left[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise PipeEnded from None

    def read(self, until: float) -> bytes:
        """Return the next message."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, until))
        if length > LARGEST:
            raise PipeEnded
        return self._exactly(length, until)

    def _exactly(self, number: int, until: float) -> bytes:
        found = bytearray()
        while len(found) < number:
            _await(self._source, select.POLLIN, until)
            try:
                part = os.read(self._source, min(_CHUNK, number - len(found)))
            except BlockingIOError:
                continue
            if not part:
                raise PipeEnded
            found += part
        return bytes(found)


def _await(file: int, event: int, until: float) -> None:
    """Wait for room or for bytes."""
    poll = select.poll()
    poll.register(file, event)
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise PipeLate
        if poll.poll(left * 1000):
            return
