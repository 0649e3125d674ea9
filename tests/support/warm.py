"""``postiljon`` as a process of its own that finds its modules already loaded.

Of the 1.4 s of processor time that a command takes, more than a second goes to loading modules, the same each time.
Here one process loads them once, libraries and product, and is forked for each command. No module reads the
environment, the clock or a number of the process while it is loaded, except ``campaigns.cli``, whose texts have the
language of the environment: in another language it is loaded again in the child. The command then runs as
``python -m campaigns`` runs it, in its folder, with its environment, arguments, files; it ends as any interpreter ends.
What is limited or timed, or is about the start itself, is started in the ordinary way: ``CommandLine.cold``.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

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
LAZY = (  # others load these when they are used, and what is forked may not be able to read them then
    *("encodings.idna", "encodings.utf_8_sig", "zoneinfo", "sqlite3", "uvicorn.protocols.http.auto", "uvloop"),
    *("sqlalchemy.dialects.sqlite.pysqlite", "logging.config", "multiprocessing.spawn"),
)
Asked = tuple[list[str], str, dict[str, str], int]  # module and words, folder, environment, user
OURS = ("mailer", "unsubscribe", "templates", "campaigns")
LATER = (".__main__", ".env")  # modules that act when they are loaded; a revision is loaded by its file


class Started:
    """A process that goes on, with the names of ``subprocess.Popen`` (without its pipes)."""

    def __init__(self, pid: int, told: BinaryIO) -> None:
        self.pid, self._told = pid, told
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return its exit code, or minus the signal that ended it."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the same if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


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
        self._process.wait(60)

    def start(
        self, command: Sequence[str], folder: Path, env: dict[str, str], files: tuple[int, int, int], uid: int = 0
    ) -> Started:
        """Start ``python -m`` with these words; ``files`` are its standard input, output and errors.

        With a ``uid``, root becomes that user for good before the command begins.
        """
        said, answer = os.pipe()
        asked = json.dumps([list(command), str(folder), env, uid]).encode()
        socket.send_fds(self._ours, [len(asked).to_bytes(4, "big")], [*files, answer])
        self._ours.sendall(asked)
        os.close(answer)
        told = os.fdopen(said, "rb", buffering=0)
        return Started(int(told.readline()), told)

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        env: dict[str, str],
        seconds: float,
        *,
        typed: bytes = b"",
        uid: int = 0,
    ) -> tuple[int, str, str]:
        """One command, to its end: exit code (minus the signal, if one ended it), output and errors."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(typed)
            given.seek(0)
            files = (given.fileno(), out.fileno(), err.fileno())
            process = self.start(["campaigns", *arguments], folder, env, files, uid)
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            out.seek(0)
            err.seek(0)
            return code, out.read().decode(), err.read().decode()


@cache
def warm() -> Warm:
    """The one of this test process."""
    made = Warm()
    atexit.register(made.close)
    return made


def quiet(
    command: Sequence[str],
    folder: Path,
    env: dict[str, str],
    *,
    given: int | None = None,
    out: int | None = None,
    err: int = 2,
) -> Started:
    """Start ``python -m`` with these words from that process. Input and output are nobody's, its errors are ours.

    ``given``, ``out`` and ``err`` are other files for them.
    """
    with open(os.devnull, "r+b") as null:
        files = (null.fileno() if given is None else given, null.fileno() if out is None else out, err)
        return warm().start(command, folder, env, files)


def _serve(door: socket.socket) -> str:
    """Fork for each that asks; returns in the child that is to run the command, with the name of its module."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        size, files, _, _ = socket.recv_fds(door, 4, 4)
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


def _become(given: int, out: int, err: int, answer: int, asked: Asked) -> str:
    """Watch over the command in one process, and return in the other, which is to become it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        os.write(answer, b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        os.write(answer, b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate((given, out, err)):
        os.dup2(file, number)
    for one in (given, out, err, answer):
        os.close(one)
    [module, *arguments], folder, environment, uid = asked
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _forget_other_language()
    sys.path[0] = folder
    sys.argv[1:] = arguments
    if uid:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        sys.argv[0] = str(ROOT / ".venv" / "bin" / "postiljon")
        from campaigns.cli import main as postiljon

        postiljon()
    return module


def _forget_other_language() -> None:
    """Let the command line be loaded again where its texts are to be in another language."""
    from campaigns.cli import output

    if output.language() == output.LANGUAGE:
        return
    for name in [name for name in sys.modules if name.split(".")[:2] == ["campaigns", "cli"]]:
        del sys.modules[name]
    del sys.modules["campaigns"].cli


def load() -> None:
    """Load the libraries, and every module of the product."""
    for name in (*LIBRARIES, *LAZY):
        with suppress(ImportError):  # loading it early is a gain of time and nothing else
            importlib.import_module(name)
    for package in OURS:
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not found.name.endswith(LATER) and ".versions." not in found.name:
                importlib.import_module(found.name)


def main() -> None:
    """Load, wait, and in the child run the module that is asked for."""
    door = socket.socket(fileno=int(sys.argv[1]))
    load()
    gc.freeze()
    runpy.run_module(_serve(door), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
