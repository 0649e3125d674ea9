"""``python -m tests.support.refusing WHAT ARGUMENT…``: ``postiljon``, to which the kernel will refuse something.

What is refused is refused from SIGUSR1 on, or from the start (``WHAT`` with ``!`` behind it), to all of its threads:
``sync`` and ``write`` (of a file, as SQLite does it) fail with EIO, as on a disk that dies; ``thread`` with EAGAIN, as
where a limit on processes is reached (RLIMIT_NPROC itself does not bind root); ``memory`` beyond what is in use then
with ENOMEM (RLIMIT_AS). The first three are filters of seccomp: the kernel itself answers so, for good, without a
compiler and without being root.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import resource
import runpy
import signal
import struct
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

_NUMBERS = {
    "x86_64": {"sync": (74, 75), "write": (18, 296), "thread": (56, 57, 58, 435)},
    "aarch64": {"sync": (82, 83), "write": (68, 70), "thread": (220, 435)},
}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_WORD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF: load a word, jump if equal, return
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES, _SET_FILTER, _ALL_THREADS = 38, 1, 1
ROOT = Path(__file__).parent.parent.parent
_HELD: list[bytes] = []
SPARE = 8  # of the smallest pieces


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def refuse(what: str) -> None:
    """From now on, in every thread. ``OSError`` where the kernel does not do this."""
    if what == "memory":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), resource.RLIM_INFINITY))
        _take_what_is_left()
        return
    numbers = _NUMBERS[platform.machine()][what]
    answer = _ERRNO | (errno.EAGAIN if what == "thread" else errno.EIO)
    code = struct.pack("HBBI", _WORD, 0, 0, 0)  # the number of the call
    for number in numbers:
        code += struct.pack("HBBI", _EQUAL, 0, 1, number) + struct.pack("HBBI", _RETURN, 0, 0, answer)
    code += struct.pack("HBBI", _RETURN, 0, 0, _ALLOW)
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.syscall(_SECCOMP[platform.machine()], _SET_FILTER, _ALL_THREADS, ctypes.byref(program)):
        raise OSError(ctypes.get_errno(), "seccomp")


@cache
def possible() -> bool:
    """Return whether a process may set a filter here: tried in a child, since a filter stays."""
    tried = "from tests.support.refusing import refuse; refuse('sync')"
    return subprocess.run([sys.executable, "-c", tried], check=False, cwd=ROOT, capture_output=True).returncode == 0


def _take_what_is_left() -> None:
    """A process keeps memory that it once had: all of it is taken, and a little given back to go on with."""
    for power in range(24, 5, -1):
        with suppress(MemoryError):
            while True:
                _HELD.append(bytes(1 << power))
    del _HELD[-SPARE:]


def main() -> None:
    """See the module."""
    what = sys.argv[1]
    if what.endswith("!"):
        refuse(what[:-1])
    else:
        signal.signal(signal.SIGUSR1, lambda *_: refuse(what))
    sys.argv[1:] = sys.argv[2:]
    runpy.run_module("campaigns", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
