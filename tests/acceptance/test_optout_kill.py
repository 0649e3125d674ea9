"""An opt-out that was answered is on disk: the web process is killed in the middle of a burst (issue 5)."""

from __future__ import annotations

import base64
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailer.storage import open_database
from tests.support.commandline import CommandLine, fetch, free_port
from tests.support.site import PEPPER, Town
from unsubscribe import contacts

PEOPLE, KILL_AFTER = 400, 100
pytestmark = pytest.mark.slow


def installed(folder: Path) -> CommandLine:
    """An installed house whose keys are those of :class:`Town`."""
    keys = base64.urlsafe_b64encode(b"k" * 32).decode(), base64.urlsafe_b64encode(PEPPER).decode()
    environment = {"POSTILJON_DATA": str(folder), "POSTILJON_SECRET_KEYS": keys[0], "POSTILJON_PEPPER": keys[1]}
    cli = CommandLine(folder, environment)
    cli.do("init")
    return cli


def children(pid: int) -> list[int]:
    """The processes that a process started, and that serve something."""
    mine = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [int(child) for child in mine if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


class Burst:
    """Many programs that opt one person each out, and remember what they were told."""

    def __init__(self, port: int, paths: list[str]) -> None:
        self.port, self.paths = port, paths
        self.done: set[int] = set()
        self.failed: set[int] = set()
        self.enough = threading.Event()
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def knock(self, reader: int) -> None:
        """One POST, once, as a mailbox provider sends it."""
        url = f"http://127.0.0.1:{self.port}{self.paths[reader]}"
        try:
            with self.opener.open(urllib.request.Request(url, b"List-Unsubscribe=One-Click"), timeout=60) as answer:
                assert answer.status == 200
                self.done.add(reader)
        except (urllib.error.URLError, OSError):
            self.failed.add(reader)
            time.sleep(0.1)
        if len(self.done) >= KILL_AFTER:
            self.enough.set()


def test_every_opt_out_that_was_answered_is_there_after_kill_9(tmp_path: Path) -> None:
    cli, port = installed(tmp_path), free_port()
    cli.environment["POSTILJON_WEB_PROCESSES"] = "2"
    db = open_database(f"sqlite:///{tmp_path / 'postiljon.db'}")
    town = Town(db, people=PEOPLE)
    burst = Burst(port, [town.path(reader=reader) for reader in range(PEOPLE)])
    with cli.running("serve", "--public-only", "--port", str(port)) as process:
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
        with ThreadPoolExecutor(16) as clients:
            asked = [clients.submit(burst.knock, reader) for reader in range(PEOPLE)]
            assert burst.enough.wait(60)
            killed = children(process.pid)
            for child in killed:
                os.kill(child, signal.SIGKILL)
            for one in asked:
                one.result()
        assert len(killed) == 2
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200, "other web processes took over"
        with db.read() as conn:
            left = {
                number
                for number, reader in enumerate(town.readers)
                if contacts.subscriptions(conn, reader.id)["nieuws"] == "opted_out"
            }
        assert burst.failed, "the kill must fall into the burst"
        assert burst.done - left == set()
        assert left - burst.done <= burst.failed  # done, but the answer was lost: that is what again is for
        for reader in burst.failed.copy():
            burst.knock(reader)
    assert burst.done == set(range(PEOPLE))
    db.close()
