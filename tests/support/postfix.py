"""A real Postfix of our own on loopback: takes mail on one port, passes everything on to another. Ended by its pid.

It has its own configuration, queue and log in a temporary folder, and touches nothing of a Postfix that this machine
may run. Postfix's master must be started by root: anybody else gets a skip (under CI=true a failure), see ``needs``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.needs import need

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {commands}
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{next_port}
smtp_dns_support_level = disabled
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
alias_maps =
alias_database =
local_recipient_maps =
smtpd_client_connection_count_limit = 0
import_environment = MAIL_CONFIG TZ
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running Postfix: mail goes in at ``port`` on loopback."""

    port: int
    folder: Path

    def log(self) -> str:
        """Return its log so far."""
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""


@contextmanager
def postfix(next_port: int, settings: Mapping[str, str] | None = None) -> Iterator[Postfix]:
    """Postfix that passes all mail on to ``next_port``; ``settings`` are added to its main.cf."""
    command = need("postfix", "postfix")
    if os.geteuid() != 0:
        _refuse("Postfix can only be started by root")
    folder = Path(tempfile.mkdtemp(prefix="postiljon-postfix-"))
    folder.chmod(0o755)
    server = Postfix(_free_port(), folder)
    _configure(server, command, next_port, settings or {})
    process = subprocess.Popen(
        [command, "-c", str(folder / "etc"), "start-fg"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(server, process)
        yield server
    finally:
        _stop(server, process)
        shutil.rmtree(folder, ignore_errors=True)


def _stop(server: Postfix, process: subprocess.Popen[bytes]) -> None:
    """Ends Postfix's master, whose child processes end with it, and then the script that started it."""
    pid_file = server.folder / "queue" / "pid" / "master.pid"
    if pid_file.exists() and process.poll() is None:
        os.kill(int(pid_file.read_text("ascii")), signal.SIGTERM)
    else:
        process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _configure(server: Postfix, command: str, next_port: int, settings: Mapping[str, str]) -> None:
    folder = server.folder
    for name in ("etc", "queue", "data"):
        (folder / name).mkdir()
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
    main = _MAIN.format(folder=folder, commands=Path(command).parent, next_port=next_port)
    main += "".join(f"{name} = {value}\n" for name, value in settings.items())
    (folder / "etc" / "main.cf").write_text(main, "utf-8")
    (folder / "etc" / "master.cf").write_text(_MASTER.format(port=server.port), "utf-8")


def _wait(server: Postfix, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client:
                client.noop()
            return
        except (OSError, smtplib.SMTPException):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Postfix did not start:\n{server.log()}") from None
            time.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def _refuse(message: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
