"""Compile a letter in this process, or in a helper process, while this one does something else.

Compiling takes Jinja, premailer and their imports: a third of the start of ``send``, and memory that a sender does not
need. :class:`CompileProcess` is the fast path: it starts a process that imports all of that at once and waits for one
letter. :func:`compile_here` is the slow path, and the specification.

Promises: the outcome is that of :func:`compile_here` for the same source. The answer of the other process is used only
if it is a compiled letter. Any other outcome (a fault of the text, no process available, its death) leads to
:func:`compile_here`, which raises the errors. A picture that cannot be read is such a fault. The process ends when its
input does: with the letter, with the block of the :class:`CompileProcess`, or with this process in any way.
Success of :class:`CompileProcess` does not mean that the process runs.
"""

from __future__ import annotations

import json
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date

from mailer.letter.brand import builtin_brand
from mailer.letter.compiled import Compiled
from mailer.letter.source import LetterSource

TIMEOUT = 30.0  # seconds; limits in compile_letter end it long before
Compile = Callable[[LetterSource], Compiled]
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1])\n"
    "from campaigns.lifecycle.compiling import answer\nanswer()"
)


def compile_here(source: LetterSource) -> Compiled:
    """Return the compiled letter. Raises ``FaultsError`` with every fault of the text, if one is an error."""
    from mailer.letter.compile import compile_letter

    return compile_letter(source, time.thread_time)


class CompileProcess:
    """A process that gets ready to compile one letter. ``while_compiling`` is called then."""

    def __init__(self, while_compiling: Callable[[], object] = lambda: None) -> None:
        self._while_compiling = while_compiling
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # no more processes, no memory: compile_here
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own words
                [sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    def compile(self, source: LetterSource) -> Compiled:
        """Return the same as :func:`compile_here`, and raise the same."""
        found = self._ask(source) if self._process else None
        return found or compile_here(source)

    def _ask(self, source: LetterSource) -> Compiled | None:
        """Return the letter that the process compiled; None when it gave none."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return None
        with process:
            try:
                with suppress(OSError, TypeError, pickle.PicklingError), process.stdin as letter:
                    pickle.dump(replace(source, images=dict(source.images)), letter)
                self._while_compiling()
                # event: the answer or the end of the process, after the letter was given; then nothing is awaited
                ready, _, _ = select.select([process.stdout], [], [], TIMEOUT)
                said = process.stdout.read() if ready else b""
            finally:
                process.kill()  # it has answered, or it never will
        try:
            found = pickle.loads(said)  # noqa: S301 - written by our own code, in a child of this process
        except (EOFError, pickle.UnpicklingError):
            return None
        return found if isinstance(found, Compiled) else None

    def __enter__(self) -> CompileProcess:
        return self

    def __exit__(self, *_error: object) -> None:
        """End the process if no letter came."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with process:
                pass


def answer() -> None:
    """Compile the letter that comes, in the helper process; write the outcome, or nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, whose end is the end of the input
    given: list[bytes] = []
    # The event is the end of the input, which comes with the end of the command at the latest. It is read while
    # modules are imported, so that the command never waits to write a large picture.
    reader = threading.Thread(target=lambda: given.append(sys.stdin.buffer.read()), daemon=True)
    reader.start()
    with suppress(Exception):  # the first letter takes ten times as long as the second: warm up before it comes
        compile_here(_sample())
    reader.join()
    with suppress(Exception):  # the command finds the same error, and reports it
        said = pickle.dumps(compile_here(pickle.loads(given[0])))  # noqa: S301 - the command wrote it
        sys.stdout.buffer.write(said)
        sys.stdout.flush()


def _sample() -> LetterSource:
    return LetterSource(
        file="",
        slug="sample",
        subject="A sample",
        preheader="What one sees first.",
        from_name="Sample",
        from_address="sample@example.org",
        language="en",
        date=date(2026, 1, 2),
        body="Dear reader,\n\nsome words.\n",
        brand=builtin_brand("Sample"),
        public_url="https://example.org",
    )
