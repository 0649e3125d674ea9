"""The scripted server as a process of its own: for kills, many senders, and benchmarks.

``python -m tests.support.smtpd --port 0 --log FILE --script FILE.json [--meta]`` prints its port on the first line.
The script is a JSON object ``{"rules": [{"at": "dot", "do": "kill", "nth": 40, "pid_file": "…"}], "options": {…}}``
with the fields of :class:`~tests.support.smtpd.Rule` and :class:`~tests.support.smtpd.Options`; on SIGHUP it is read
again and counting starts again. The log has a JSON line when a dot came (``"event": "dot"``) and one when its 250
left (``"250"``) with ``n``, ``at`` (``time.time``), ``session``, ``sender``, ``recipient``, ``message_id``, ``date``
and ``sha`` of the content. SIGTERM ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

from tests.support.smtpd import Accepted, Connection, Options, Rule, Server

_HEADER = re.compile(rb"^(Message-ID|Date):[ \t]*(.*?)\r$", re.IGNORECASE | re.MULTILINE)


class Log:
    """Appends a line per event, each in one write, so that whoever reads sees whole lines."""

    def __init__(self, path: str, server: Server) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if path else -1
        self.server = server
        self.count = 0

    def dot(self, message: Accepted) -> None:
        self.count += 1
        message.mail_options = str(self.count)
        self.write("dot", message)

    def reply(self, message: Accepted) -> None:
        self.write("250", message)
        self.server.accepted.clear()
        self.server.dots.clear()

    def write(self, event: str, message: Accepted) -> None:
        if self.file < 0:
            return
        headers = {key.lower(): value.decode() for key, value in _HEADER.findall(message.content[:8000])}
        line = {
            "event": event,
            "n": int(message.mail_options),
            "at": time.time(),
            "session": message.session,
            "sender": message.sender,
            "recipient": message.recipient,
            "message_id": headers.get(b"message-id", ""),
            "date": headers.get(b"date", ""),
            "sha": hashlib.sha256(message.content).hexdigest()[:16],
        }
        os.write(self.file, json.dumps(line).encode() + b"\n")

    def script(self) -> None:
        """Write that the script was read again."""
        if self.file >= 0:
            os.write(self.file, b'{"event": "script"}\n')


def load(server: Server, path: str) -> None:
    """Read the script (again)."""
    script: dict[str, Any] = json.loads(Path(path).read_text()) if path else {}
    server.rules = [Rule(**rule) for rule in script.get("rules", [])]
    for name, value in script.get("options", {}).items():
        setattr(server.options, name, tuple(value) if isinstance(value, list) else value)
    server.seen.clear()
    server.used.clear()


async def serve(arguments: argparse.Namespace) -> None:
    server = Server([], Options(keep=False))
    load(server, arguments.script)
    log = Log(arguments.log, server)
    server.on_dot, server.on_reply = log.dot, log.reply
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: (load(server, arguments.script), log.script()))
    sock = socket.create_server(("127.0.0.1", arguments.port), backlog=1000)
    listening = await loop.create_server(lambda: Connection(server), sock=sock)
    print(sock.getsockname()[1], flush=True)
    await ended.wait()
    listening.close()
    for connection in server.sessions:
        if connection.transport is not None:
            connection.transport.abort()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", default="")
    parser.add_argument("--script", default="")
    try:
        import uvloop

        uvloop.run(serve(parser.parse_args()))
    except ImportError:
        asyncio.run(serve(parser.parse_args()))
