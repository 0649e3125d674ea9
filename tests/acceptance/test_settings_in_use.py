"""A real ``serve``: the link of an empty installation, and settings of the console that its processes come to use."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.commandline import Catcher, CommandLine, Mailbox, catching, fetch, free_port
from tests.support.console import PASSWORD, StaffBrowser
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LETTER = """---
slug: nieuws-1
subject: Nieuws
preheader: van de vereniging
from: VNG <info@vng.example>
language: nl
topic: nieuws
timezone: Europe/Amsterdam
---
Beste lezer,

Er is nieuws.
"""


@dataclass
class Running:
    """A ``serve`` in a folder, and what it has said."""

    cli: CommandLine
    port: int
    said: list[str] = field(default_factory=list)

    def url(self, path: str = "") -> str:
        """An address of its pages."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def serving(cli: CommandLine) -> Iterator[Running]:
    """``postiljon serve`` with two web processes until the end of the block; its standard error is kept."""
    running = Running(cli, free_port())
    command = [sys.executable, "-m", "campaigns", "serve", "--port", str(running.port)]
    environment = cli.env() | {"POSTILJON_WEB_PROCESSES": "2"}
    with subprocess.Popen(command, cwd=cli.folder, env=environment, stderr=subprocess.PIPE, text=True) as process:

        def keep() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                running.said.append(line.strip())

        thread = threading.Thread(target=keep)
        thread.start()
        try:
            fetch(running.url("/health"))
            yield running
        finally:
            process.terminate()
            process.wait(90)
            thread.join()


@contextmanager
def administrator(running: Running) -> Iterator[StaffBrowser]:
    """The browser of the first administrator, made with the link that ``serve`` printed."""
    links = (re.search(r"http://127\.0\.0\.1:\d+/console/setup\?token=([\w-]+)", line) for line in running.said)
    token = next(link[1] for link in links if link)
    browser = StaffBrowser(running)  # type: ignore[arg-type]
    browser.get(f"/setup?token={token}")
    form = {"token": token, "name": "Bas", "email": "bas@vng.example", "password": PASSWORD}
    assert browser.post("/setup", form).status_code == 303
    yield browser
    browser.client.close()


def set_relay(browser: StaffBrowser, port: int) -> None:
    """Save another relay in the console."""
    browser.get("/settings/relay")
    form = {"host": "127.0.0.1", "port": str(port), "tls": "none", "user": "", "password": ""}
    assert browser.post("/settings/relay", form).status_code == 303


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """An installation with a topic and two people, and no setting but those of this test."""
    made = CommandLine(tmp_path)
    made.do("init")
    made.write("people.csv", "email\nanna@x.example\nbob@x.example\n")
    made.do("contacts", "import", "people.csv", "--topic", "nieuws", "--basis", "member")
    made.write("letter.md", LETTER)
    return made


def test_a_relay_that_was_changed_in_the_console_is_used_and_no_request_is_lost_meanwhile(cli: CommandLine) -> None:
    mailbox, lost, stop = Mailbox(), list[str](), threading.Event()

    def ask(running: Running) -> None:
        while not stop.is_set():
            try:
                with urllib.request.urlopen(running.url("/subscribe"), timeout=60) as answer:
                    answer.read()
            except OSError as error:
                lost.append(repr(error))

    with ExitStack() as ending:
        port = ending.enter_context(catching(Catcher(mailbox)))
        running = ending.enter_context(serving(cli))
        browser = ending.enter_context(administrator(running))
        set_relay(browser, free_port())  # nobody listens there
        begin_sending(cli)
        readers = [threading.Thread(target=ask, args=(running,)) for _ in range(2)]
        for reader in readers:
            reader.start()
        set_relay(browser, port)
        wait_until(lambda: len(mailbox.all()) == 2)
        wait_until(lambda: sum("begin again" in line for line in running.said) >= 1)
        stop.set()
        for reader in readers:
            reader.join()
    assert lost == []
    assert sorted(mail.recipient for mail in mailbox.all()) == ["anna@x.example", "bob@x.example"]


def begin_sending(cli: CommandLine) -> None:
    """Plan the letter for some seconds from now, and wait until it is being sent."""
    at = datetime.now(UTC) + timedelta(seconds=15)
    cli.do("schedule", "letter.md", "--at", f"{at:%Y-%m-%d %H:%M:%S}Z")
    wait_until(lambda: cli.status("nieuws-1")["state"] == "sending")


def test_once_there_is_an_administrator_serve_prints_no_link(cli: CommandLine) -> None:
    with serving(cli) as running, administrator(running):
        pass
    with serving(cli) as running:
        assert fetch(running.url("/console/sign-in"))[0] == 200
    assert not any("setup" in line for line in running.said)
