"""The demo from its first line to its last; see the package's docstring for its promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from campaigns.demo import console, setup
from campaigns.demo.catcher import Catcher, Mailbox
from campaigns.demo.checks import report
from campaigns.demo.optout import opt_out
from campaigns.demo.page import catcher_app
from campaigns.demo.servers import Background, Served, free_port, listening
from campaigns.demo.setup import DemoFolder, prepare
from mailer.errors import StateHeld
from templates.words import words

SECONDS_TO_HOUR = 20


@dataclass(frozen=True)
class DemoOptions:
    """The demo's folder, its ports (taken ones are replaced by free ones), and whether a person or a script looks."""

    folder: Path = Path("demo-data")
    port: int = 8000
    catcher_port: int = 8025
    language: str = "en"
    attended: bool = field(default_factory=lambda: os.environ.get("CI") != "true")


def run(options: DemoOptions, wait: Callable[[], None] = lambda: time.sleep(3600)) -> int:
    """Run the demo; return the exit code. While a person looks, ``wait`` is called until it is interrupted."""
    for ended in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # also where a script started it with SIGINT ignored
        signal.signal(ended, signal.default_int_handler)
    mailbox = Mailbox()
    play = _Play(options, prepare(options.folder.resolve(), words(options.language, "cli")), mailbox)
    with ExitStack() as ending:
        play.open(ending)
        play.send()
        if options.attended:
            play.fill_console()
        play.serve(ending)
        play.schedule()
        play.show()
        if not options.attended:
            return report(play.demo_folder, mailbox, play.public_url, play.ask)
        try:
            while True:
                wait()
        except KeyboardInterrupt:
            print()
        return 0


class _Play:
    def __init__(self, options: DemoOptions, prepared: DemoFolder, mailbox: Mailbox) -> None:
        self.options = options
        self.demo_folder = prepared
        self.mailbox = mailbox
        self.public_url = f"http://127.0.0.1:{free_port(options.port)}"
        self.page_url = ""
        self._words = words(options.language, "cli").gettext
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("POSTILJON_")}
        self._environment["LC_ALL"] = "nl_NL.UTF-8" if options.language == "nl" else "C.UTF-8"

    def open(self, ending: ExitStack) -> None:
        """Start the catcher; make settings, database, contacts."""
        _ = self._words
        refused = [setup.REFUSED, console.REFUSED]
        catcher = Catcher(self.mailbox, refuse=refused, defer=[setup.DEFERRED], lose=[console.DOUBTED])
        page = listening(self.options.catcher_port)
        attended = self.options.attended
        background = Background(
            catcher, catcher_app(self.mailbox, self.options.language, self.public_url, attended), page
        )
        background.start()
        ending.callback(background.stop)
        self.page_url = f"http://127.0.0.1:{background.page_port}/"
        self.demo_folder.configure(background.smtp_port, self.public_url)
        self._say(_("A database, and some dozens of invented contacts:"))
        self.do("init")
        for name, topic in (("contacts-nl.csv", setup.TOPIC), ("contacts-en.csv", setup.SECOND_TOPIC)):
            self.do("contacts", "import", name, "--topic", topic, "--basis", "member", "--source", "demo")
        opt_out(self.demo_folder.folder / "data", setup.OPTED_OUT, setup.TOPIC)
        self._say(_("One of them has opted out: {address}.").format(address=setup.OPTED_OUT))

    def send(self) -> None:
        """Send the letter now."""
        _ = self._words
        self._say(_("The letter is checked, and sent over SMTP to the catcher:"))
        self.do("check", self.demo_folder.letter.name, "--no-dns")
        self.do("send", self.demo_folder.letter.name, "--yes")

    def fill_console(self) -> None:
        """Add people who may sign in to the console, and campaigns in every state."""
        _ = self._words
        self._say(_("Colleagues for the console, and campaigns in every state:"))
        command = [sys.executable, "-m", "campaigns.demo.fill_console", self.options.language]
        if code := subprocess.call(command, cwd=self.demo_folder.folder, env=self._environment):  # noqa: S603
            raise StateHeld(f"'{' '.join(command[1:])}' ended with {code}")

    def serve(self, ending: ExitStack) -> None:
        """Start the public pages, where the links of letters lead, and the clock."""
        _ = self._words
        self._say(_("The public pages, and the clock for campaigns with an hour:"))
        self._show_command("serve", "--port", self.public_url.rsplit(":", 1)[1])
        served = Served(self.demo_folder.folder, int(self.public_url.rsplit(":", 1)[1]), self._environment)
        ending.callback(served.stop)
        served.wait()

    def schedule(self) -> None:
        """Schedule a second letter, in English, some seconds from now."""
        _ = self._words
        self._say(_("A second letter, planned for some seconds from now:"))
        at = f"{datetime.fromtimestamp(time.time() + SECONDS_TO_HOUR, UTC):%Y-%m-%d %H:%M:%S}Z"
        self.do("schedule", self.demo_folder.second.name, "--at", at)

    def show(self) -> None:
        """Print the addresses to look at, and commands to try."""
        _ = self._words
        self._say(_("Look at the caught mail:  {url}").format(url=self.page_url))
        print("  " + _("Use the links in a mail: read online, change details, unsubscribe."))
        if self.options.attended:
            self._show_console()
        print(
            "  "
            + _("Commands can be tried in {folder}, such as: {command}").format(
                folder=self.demo_folder.folder, command=f"postiljon status {setup.LETTER}"
            )
        )
        if self.options.attended:
            print("  " + _("Ctrl-C ends the demo; the folder stays."), flush=True)

    def _show_console(self) -> None:
        _ = self._words
        self._say(_("Look at the console:  {url}").format(url=f"{self.public_url}/console"))
        print("  " + _("Sign in with the password: {password}").format(password=console.PASSWORD))
        roles = {
            "author": _("author: writes, previews, tests"),
            "reviewer": _("reviewer: approves or returns"),
            "sender": _("sender: plans, sends, stops, decides"),
            "administrator": _("administrator: all of these, people and settings"),
        }
        for user in console.STAFF:
            print(f"  {user.email:<26} {roles[user.role]}")

    def do(self, *arguments: str) -> None:
        """Run one command as a person would; its output goes to the terminal. Raises ``StateHeld`` when it fails."""
        self._show_command(*arguments)
        code = subprocess.call(self._command(arguments), cwd=self.demo_folder.folder, env=self._environment)  # noqa: S603
        if code:
            raise StateHeld(f"'postiljon {' '.join(arguments)}' ended with {code}")

    def ask(self, *arguments: str) -> str:
        """Return the output of one command."""
        return subprocess.run(  # noqa: S603 - our own command
            self._command(arguments),
            cwd=self.demo_folder.folder,
            env=self._environment,
            check=True,
            capture_output=True,
        ).stdout.decode()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "campaigns", *arguments]

    def _show_command(self, *arguments: str) -> None:
        print(f"  $ postiljon {' '.join(arguments)}", flush=True)

    def _say(self, text: str) -> None:
        print(f"\n{text}", flush=True)
