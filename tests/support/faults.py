"""Faults from outside: a disk of some megabytes, a wire that is cut exactly at COMMIT, commands under limits."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import pytest

from tests.support.commandline import CommandLine, Ran
from tests.support.smtpd import Options, Rule, Server, smtp_server

When = Literal["before", "after"]


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of its own in ``folder``; root only, else the test is skipped (the limits on file size run anyway)."""
    folder.mkdir()
    mount = shutil.which("mount") or "/bin/mount"
    size = f"size={kilobytes}k"
    if os.geteuid() != 0 or subprocess.run([mount, "-t", "tmpfs", "-o", size, "tmpfs", folder], check=False).returncode:
        pytest.skip("a disk of its own needs root and CAP_SYS_ADMIN")
    try:
        yield folder
    finally:
        subprocess.run([shutil.which("umount") or "/bin/umount", "-l", folder], check=True)


def read_only(folder: Path) -> None:
    """The disk of :func:`small_disk` may only be read from now on."""
    subprocess.run([shutil.which("mount") or "/bin/mount", "-o", "remount,ro", folder], check=True)


class Ballast:
    """A file that takes what is left of a disk."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ballast"

    def fill(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            for size in (65_536, 4_096, 1):
                with suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass

    def drop(self) -> None:
        self.path.unlink()


_LIMITED = """
import resource, runpy, sys
what, number = sys.argv[1], int(sys.argv[2])
resource.setrlimit(getattr(resource, what), (number, number))
sys.argv[1:] = sys.argv[3:]
runpy.run_module("campaigns", run_name="__main__")
"""


def limited(cli: CommandLine, what: str, number: int, *arguments: str) -> Ran:
    """One command under a limit of the kernel, such as ``RLIMIT_FSIZE``."""
    command = [sys.executable, "-c", _LIMITED, what, str(number), *arguments]
    done = subprocess.run(
        command, check=False, cwd=cli.folder, env=cli.env(), capture_output=True, timeout=60, stdin=subprocess.DEVNULL
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


class CommitCutter:
    """A wire to PostgreSQL on loopback. While ``armed``, the next COMMIT cuts it: before the server gets it, or after.

    ``cuts`` counts. With ``contains`` only the COMMIT of a transaction in which these bytes went by is cut. While
    ``down`` is set, nobody gets through.
    """

    def __init__(self, target: Path) -> None:
        self.target = str(target / ".s.PGSQL.5432")
        self.armed: When | None = None
        self.contains = b""
        self.down = False
        self.cuts = 0
        self._door = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._door.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End it, and every connection through it."""
        self._door.close()
        self.cut_all()

    def cut_all(self) -> None:
        """As a network that breaks."""
        for pair in list(self._pairs):
            _break(*pair)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                if self.down:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self.target)
                except OSError:
                    client.close()
                    continue
                self._pairs.append((client, server))
                silent = threading.Event()
                threading.Thread(target=self._to_server, args=(client, server, silent), daemon=True).start()
                threading.Thread(target=self._to_client, args=(client, server, silent), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, silent: threading.Event) -> None:
        seen = self.contains == b""
        with suppress(OSError):
            while data := client.recv(1 << 16):
                seen = seen or (self.contains in data)
                if b"COMMIT\0" in data:
                    if self.armed and seen:
                        when, self.armed = self.armed, None
                        self.cuts += 1
                        if when == "before":
                            break
                        silent.set()  # the answer is read, and never handed on
                    seen = self.contains == b""
                server.sendall(data)
        if not silent.is_set():
            _break(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket, silent: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if silent.is_set():
                    break
                client.sendall(data)
        _break(client, server)


def _break(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def scripted(*rules: Rule, **options: object) -> Iterator[Server]:
    """The scripted SMTP server in a thread of its own: for commands that a test waits for."""
    loop = asyncio.new_event_loop()
    ready: list[Server] = []
    started, ending = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with smtp_server(*rules, **options) as server:
            ready.append(server)
            started.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10)
    try:
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(10)
        loop.close()


__all__ = ["Ballast", "CommitCutter", "Options", "Rule", "limited", "read_only", "scripted", "small_disk"]
