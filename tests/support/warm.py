"""``postiljon`` as a process of its own that finds the libraries of others already loaded.

Of the 0.7 s of processor time that a command takes, half a second goes to loading SQLAlchemy, Pydantic and the like,
the same each time. Here one process loads them once and is forked for each command. All of *our* code is loaded and run
again in the child, as ``python -m campaigns`` does it, in its folder, with its environment, arguments, files; it ends
as any interpreter ends. What goes on for longer, is killed, limited or timed is started in the ordinary way:
``CommandLine.start``, ``CommandLine.cold``.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LIBRARIES = (
    *("sqlalchemy", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "sqlmodel", "alembic.command"),
    *("typer", "typer.main", "pydantic", "pydantic_settings", "asyncio", "aiosmtplib", "jinja2", "markdown_it"),
    *(
        "premailer",
        "cssutils",
        "lxml.etree",
        "lxml.html",
        "babel.dates",
        "cryptography.hazmat.primitives.asymmetric.rsa",
    ),
)


class Warm:
    """The process that is forked. It ends when its socket does, so with the test run, however that ends."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.support.warm", str(theirs.fileno())]
        files = [theirs.fileno()]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=files, stdin=subprocess.DEVNULL)
        theirs.close()

    def close(self) -> None:
        """End it."""
        self._ours.close()
        self._process.wait(10)

    def run(
        self, arguments: tuple[str, ...], folder: Path, env: dict[str, str], seconds: float
    ) -> tuple[int, str, str]:
        """One command, to its end: exit code (minus the signal, if one ended it), output and errors."""
        said, answer = os.pipe()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, os.fdopen(said, "rb") as told:
            asked = json.dumps([list(arguments), str(folder), env]).encode()
            socket.send_fds(self._ours, [len(asked).to_bytes(4, "big")], [out.fileno(), err.fileno(), answer])
            self._ours.sendall(asked)
            os.close(answer)
            child = int(told.readline())
            if not select.select([told], [], [], seconds)[0]:
                os.kill(child, signal.SIGKILL)
                raise subprocess.TimeoutExpired(arguments, seconds)
            code = int(told.readline())
            out.seek(0)
            err.seek(0)
            return code, out.read().decode(), err.read().decode()


@cache
def warm() -> Warm:
    """The one of this test process."""
    made = Warm()
    atexit.register(made.close)
    return made


def _serve(door: socket.socket) -> None:
    """Fork for each that asks; returns in the child that is to run the command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        size, files, _, _ = socket.recv_fds(door, 4, 3)
        if not size:
            os._exit(0)
        asked = b""
        while len(asked) < int.from_bytes(size, "big"):
            asked += door.recv(1 << 16)
        if os.fork() == 0:
            door.close()
            return _become(*files, json.loads(asked))
        for one in files:
            os.close(one)


def _become(out: int, err: int, answer: int, asked: tuple[list[str], str, dict[str, str]]) -> None:
    """Watch over the command in one process, and return in the other, which is to become it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        os.write(answer, b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        os.write(answer, b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for one in (out, err, answer):
        os.close(one)
    arguments, folder, environment = asked
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    sys.argv[1:] = arguments


def main() -> None:
    """Load, wait, and in the child run ``python -m campaigns``."""
    door = socket.socket(fileno=int(sys.argv[1]))
    for name in LIBRARIES:
        with suppress(ImportError):  # loading it early is a gain of time and nothing else
            importlib.import_module(name)
    gc.freeze()
    _serve(door)
    runpy.run_module("campaigns", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
