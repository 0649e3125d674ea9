"""The command line as a person has it: a folder, an environment, ``postiljon`` as a process, and a mail catcher."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.demo.catcher import Catcher, Mailbox
from tests.support.warm import Started, quiet, warm

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


@dataclass
class CommandLine:
    """A folder with the example letter and settings of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        """No settings but ours."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("POSTILJON_")}
        return kept | {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)} | self.environment

    def run(self, *arguments: str, typed: bytes = b"", **more: str) -> Ran:
        """One command, to its end, in a process of its own: see :mod:`tests.support.warm`. ``typed``: its input."""
        return Ran(*warm().run(arguments, self.folder, self.env() | more, 120, typed=typed))

    def cold(self, *arguments: str, **more: str) -> Ran:
        """The same from the very start of the interpreter, as a person's shell does it."""
        command = [sys.executable, "-m", "campaigns", *arguments]
        done = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=self.env() | more,
            capture_output=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def do(self, *arguments: str, **more: str) -> Ran:
        """One command that has to work."""
        ran = self.run(*arguments, **more)
        assert ran.code == 0, ran
        return ran

    def start(self, *arguments: str, **files: int) -> Started:
        """One command that goes on, from the same process as :meth:`run`. ``files``: see :func:`quiet`."""
        return quiet(["campaigns", *arguments], self.folder, self.env(), **files)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Started]:
        """One command that goes on, until the end of the block."""
        process = self.start(*arguments)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def write(self, name: str, text: str) -> str:
        """A file in the folder."""
        (self.folder / name).write_text(text, "utf-8")
        return name

    def status(self, slug: str) -> Any:
        """Return the answer of ``status --json``."""
        return self.do("status", slug, "--json").json


@contextmanager
def catching(catcher: Catcher) -> Iterator[int]:
    """A mail catcher on loopback in a thread; gives its port."""
    loop = asyncio.new_event_loop()
    ready: list[tuple[asyncio.Server, int]] = []
    started = threading.Event()

    def run() -> None:
        ready.append(loop.run_until_complete(catcher.listen()))
        started.set()
        loop.run_forever()
        ready[0][0].close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(10)
    try:
        yield ready[0][1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def catches(pid: int, number: int) -> bool:
    """Return whether a process handles this signal itself. ``send`` and ``worker`` do so until the first one came."""
    caught = re.search(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text("ascii"), re.MULTILINE)
    return bool(caught and int(caught[1], 16) >> (number - 1) & 1)


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def fetch(url: str, body: bytes | None = None, seconds: float = 120.0) -> tuple[int, str]:
    """Status and text of an address on loopback; waits until somebody listens there."""
    deadline = time.monotonic() + seconds
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(urllib.request.Request(url, body), timeout=120) as answer:
                return int(answer.status), answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


__all__ = ["EXAMPLES", "Catcher", "CommandLine", "Mailbox", "Ran", "catching", "fetch", "free_port"]
