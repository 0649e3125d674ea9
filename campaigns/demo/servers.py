"""Servers beside the commands of the demo: the catcher with its page in a thread, ``postiljon serve`` as a child.

Promises: every port is on loopback. A port that is taken is replaced by a free one. :meth:`Background.stop` and
:meth:`Served.stop` leave nothing running. Raises ``StateHeld`` when a server does not come up within two minutes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from campaigns.demo.catcher import Catcher
from mailer import files
from mailer.errors import StateHeld

TIMEOUT = 120.0


def listening(port: int) -> socket.socket:
    """Return a listening socket on loopback: on ``port``, or on a free one when it is taken."""
    for choice in (port, 0):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", choice))
            sock.listen(128)
        except OSError:
            sock.close()
            continue
        return sock
    raise StateHeld("there is no free port on this machine")


def free_port(port: int) -> int:
    """Return ``port`` if no process has it, else a free one."""
    with listening(port) as sock:
        return int(sock.getsockname()[1])


class Background:
    """The catcher's SMTP server and its page, on an event loop in a thread of its own."""

    def __init__(self, catcher: Catcher, app: Starlette, page: socket.socket) -> None:
        self._catcher = catcher
        self._page_socket = page
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
        self._page = uvicorn.Server(config)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="catcher", daemon=True)
        self.smtp_port = 0
        self.page_port = int(page.getsockname()[1])

    def start(self) -> None:
        """Start both servers, and wait until mail can be caught."""
        self._thread.start()
        if not self._ready.wait(TIMEOUT):
            raise StateHeld("the mail catcher did not start")

    def stop(self) -> None:
        """End both servers and the thread."""
        self._page.should_exit = True
        self._thread.join(10)

    async def _serve(self) -> None:
        server, self.smtp_port = await self._catcher.listen()
        self._ready.set()
        try:
            await self._page.serve(sockets=[self._page_socket])
        finally:
            server.close()


class Served:
    """``postiljon serve`` in the demo's folder; its output goes to ``serve.log`` there."""

    def __init__(self, folder: Path, port: int, environment: Mapping[str, str]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = os.fdopen(files.create(folder / "serve.log"), "wb")
        command = [sys.executable, "-m", "campaigns", "serve", "--port", str(port)]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def wait(self) -> None:
        """Wait until ``/health`` answers."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):  # noqa: S310 - loopback
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise StateHeld("'postiljon serve' did not come up; serve.log in the demo's folder says why")

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
