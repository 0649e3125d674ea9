"""The helper process of a :class:`~campaigns.ops.work_pool.WorkPool`: it takes a job, does it, answers, and waits.

Promises: limits of memory hold from its start, those of processor time begin again with each job. It ends when its
input does: that is read in a thread, so that it ends within a job too. Text that a job prints goes nowhere. An answer
is a value, one of our errors, or the kind of trouble; :func:`read_answer` takes nothing but values and our own classes.
"""

from __future__ import annotations

import datetime
import io
import json
import math
import os
import pickle
import queue
import resource
import signal
import struct
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Any, Literal

from mailer import messages
from mailer.errors import FaultsError, PostiljonError

AnswerKind = Literal["value", "error", "memory", "trouble", "late", "died"]
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1])\n"
    "from campaigns.ops.work_process import main\nmain(int(sys.argv[2]), float(sys.argv[3]))"
)
_ROOTS = frozenset({"campaigns", "mailer", "unsubscribe"})
_PLAIN = {
    ("builtins", name): getattr(__import__("builtins"), name) for name in ("set", "frozenset", "bytearray", "complex")
}
_PLAIN |= {
    ("datetime", name): getattr(datetime, name) for name in ("date", "datetime", "time", "timedelta", "timezone")
}
_PLAIN[("mailer.messages", "_made")] = messages._made
_VALUES = (Enum, PostiljonError, str, tuple)
_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a job. ``value``: its result, or our own error that it raised."""

    kind: AnswerKind
    value: Any = None


def command(memory: int, seconds: float) -> list[str]:
    """Return the command that starts a helper."""
    return [sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path), str(memory), str(seconds)]


def packed(job: object) -> bytes:
    """Return a job or an answer as bytes. Raises ``ValueError`` for what cannot be."""
    try:
        return pickle.dumps(job, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


def read_answer(data: bytes) -> Answer:
    """Return the answer in these bytes. Raises ``ValueError`` for anything else."""
    try:
        kind, value = _Values(io.BytesIO(data)).load()
    except Exception as error:  # a damaged or hostile answer can raise anything
        raise ValueError(str(error)) from None
    if kind == "faults":
        named, faults = value
        if not issubclass(named, FaultsError):
            raise ValueError("no faults")
        return Answer("error", named(faults))
    if kind not in ("value", "error", "memory", "trouble"):
        raise ValueError("no answer")
    return Answer(kind, value)


class _Values(pickle.Unpickler):
    """Reads values: plain ones, and objects of our own classes."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Return a class that an answer may name."""
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if module.partition(".")[0] in _ROOTS:
            found = super().find_class(module, name)
            if isinstance(found, type) and (is_dataclass(found) or issubclass(found, _VALUES)):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value")


def main(memory: int, seconds: float) -> None:
    """Do the jobs that come, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the web process, whose end is the end of the input
    source, target = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    _limit(resource.RLIMIT_AS, memory)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(source, jobs), daemon=True).start()
    while True:
        data = jobs.get()
        spent = time_spent()
        _limit(resource.RLIMIT_CPU, math.ceil(spent + seconds) + 1)
        said = _done(data)
        with open(target, "wb", closefd=False) as answers:
            answers.write(_LENGTH.pack(len(said)) + said)


def time_spent() -> float:
    """Return the seconds of a processor that this process used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _read(source: int, jobs: queue.SimpleQueue[bytes]) -> None:
    """Read jobs; end the process with its input, also in the middle of a job."""
    with suppress(OSError, MemoryError), open(source, "rb") as given:
        while len(head := given.read(_LENGTH.size)) == _LENGTH.size:
            data = given.read(_LENGTH.unpack(head)[0])
            jobs.put(data)
    os._exit(0)


def _done(data: bytes) -> bytes:
    """Return the answer to a job, as bytes."""
    try:
        function, args, kwargs = pickle.loads(data)  # noqa: S301 - written by the process that started this one
        return packed(("value", function(*args, **kwargs)))
    except FaultsError as error:
        return packed(("faults", (type(error), error.faults)))
    except PostiljonError as error:
        with suppress(ValueError):
            return packed(("error", error))
        return packed(("trouble", None))
    except MemoryError:
        return packed(("memory", None))
    except BaseException:  # whatever it was, the answer says so and the next job is done
        return packed(("trouble", None))


def _limit(kind: int, most: int) -> None:
    """Set a limit that may be raised again."""
    with suppress(OSError, ValueError):  # a system that does not know it, or allows less
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
