"""Commands of ``postiljon`` that are killed (SIGKILL) just before their n-th step, for each n.

A step is a call that changes something outside the process: opening a file to write, renaming or removing one, making a
folder, opening a database, a commit, the start of a program. They are counted with the interpreter's audit hook and
with SQLAlchemy's event, so nothing in the command is replaced. (Waiting for the disk is no step: it changes nothing
that a killed process leaves.) One process loads the code once and is forked for each command.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from tests.support.thorough import stride

ROOT = Path(__file__).parent.parent.parent
EVENTS = frozenset(
    {
        *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod", "os.truncate", "shutil.rmtree"),
        *("sqlite3.connect", "subprocess.Popen", "fcntl.flock"),
    }
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
MODULES = (
    *("campaigns.cli.main", "campaigns.context", "campaigns.ops.backup.making", "alembic.command", "psycopg"),
    *("campaigns.migrations", "campaigns.ops.restore.carrying_out", "campaigns.ops.upgrading"),
)


@dataclass(frozen=True)
class EndedCommand:
    """How a command ended: killed before that step, or with an exit code after a number of steps."""

    killed: bool
    code: int
    steps: int
    out: str


def kill_points(usual: int) -> Iterator[int]:
    """Yield the steps to kill at, the first by chance and then each ``usual``-th; with ``EVERY_STEP``, each one."""
    return count(random.randint(1, stride(usual)), stride(usual))


class CommandKiller:
    """The process that is forked for each command."""

    def __init__(self) -> None:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.killed_command"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, folder: Path, env: dict[str, str], arguments: list[str], kill_at: int = 0) -> EndedCommand:
        """Run a command; with ``kill_at``, it dies just before that step (1: the first)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(folder), env, arguments, kill_at]).encode() + b"\n")
        self._process.stdin.flush()
        return EndedCommand(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


class _StepCounter:
    """Counts the steps, and ends the process before the last one."""

    def __init__(self, kill_at: int) -> None:
        self.steps, self._kill_at = 0, kill_at

    def audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count changes of files and folders, and programs that start."""
        is_step = event in EVENTS or (event == "open" and bool((arguments[2] or 0) & WRITING))
        self._count(is_step)

    def committed(self, _connection: object) -> None:
        """Count a commit that is about to be made."""
        self._count(True)

    def _count(self, is_step: bool) -> None:
        if is_step:
            self.steps += 1
            if self.steps == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def _child(folder: str, env: dict[str, str], arguments: list[str], kill_at: int, report: int, out: int) -> None:
    from campaigns.cli.main import run

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.umask(0o077)
    counter = _StepCounter(kill_at)
    event.listen(Engine, "commit", counter.committed)
    sys.addaudithook(counter.audited)
    code = run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(report, json.dumps([code, counter.steps]).encode())
    os._exit(0)


def _one(folder: str, env: dict[str, str], arguments: list[str], kill_at: int) -> dict[str, object]:
    said, report = os.pipe()
    with tempfile.TemporaryFile() as out:
        child = os.fork()
        if child == 0:
            os.close(said)
            try:
                _child(folder, env, arguments, kill_at, report, out.fileno())
            except BaseException:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(99)
        os.close(report)
        with os.fdopen(said, "rb") as told:
            words = told.read()
        _, status = os.waitpid(child, 0)
        out.seek(0)
        code, steps = json.loads(words) if words else (os.waitstatus_to_exitcode(status), kill_at)
        killed = os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        return {"killed": killed, "code": code, "steps": steps, "out": out.read().decode("utf-8", "replace")}


def main() -> None:
    """Load, then run one command for each line of the standard input."""
    for name in MODULES:
        with suppress(ImportError):  # loading it early is a gain of time and nothing else
            importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    for line in sys.stdin:
        answers.write(json.dumps(_one(*json.loads(line))).encode() + b"\n")


if __name__ == "__main__":
    main()
