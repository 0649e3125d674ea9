"""The house under fire: start senders, let them be killed, and hold the database against the server's own record."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mailer import outbox
from mailer.storage import Database
from tests.support.sending import sendable, utc_now
from tests.support.sending_db import person
from tests.support.waiting import wait_until
from tests.support.warm import Started, quiet

ROOT = Path(__file__).parents[2]
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}
IN_CHILD = ("claim", "settling", "claiming", "counting", "commit", "committed", "fill", "composed")
AT_SERVER = {  # what the server sees: a step, and what it does there beside the kill
    "mid-envelope": {"at": "rcpt"},
    "mid-content": {"at": "content"},
    "after the dot": {"at": "dot"},
    "after the 250": {"at": "after"},
    "after DATA": {"at": "data"},
}
POINTS = (*IN_CHILD, *AT_SERVER)


@dataclass
class Summary:
    """The findings of a run. ``worst``: the most rows that one kill left in doubt."""

    database: str
    policy: str
    letters: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    accepted: int = 0
    in_doubt: int = 0
    worst: int = 0
    window: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    repeats: int = 0
    changed: list[str] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Return whether every promise was kept."""
        return not (self.lost or self.twice or self.changed or self.wrongs) and self.worst <= self.window

    def as_json(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self) | {"kills": dict(self.kills), "all_kills": sum(self.kills.values()), "good": self.good}


class Relay:
    """The scripted server as a process."""

    def __init__(self, folder: Path) -> None:
        self.script, self.log, self.pid_file = folder / "script.json", folder / "relay.jsonl", folder / "sender.pid"
        self.tell()
        command = [sys.executable, "-m", "tests.support.smtpd", "--log", str(self.log), "--script", str(self.script)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=ENV)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def tell(self, *rules: dict[str, Any], **options: Any) -> None:
        """Give it a new script, and wait until it has read it; counting starts again."""
        self.script.write_text(json.dumps({"rules": rules, "options": options}))
        if hasattr(self, "process"):
            before = self._scripts()
            self.process.send_signal(signal.SIGHUP)
            wait_until(lambda: self._scripts() > before)

    def _scripts(self) -> int:
        return self.log.read_bytes().count(b'{"event": "script"}')

    def events(self) -> list[dict[str, Any]]:
        """Return its record of all messages."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [event for event in map(json.loads, lines) if event["event"] != "script"]

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def relay(folder: Path) -> Iterator[Relay]:
    """A running relay."""
    made = Relay(folder)
    try:
        yield made
    finally:
        made.end()


class Chaos:
    """One database, one mailing, one relay, and senders that die."""

    def __init__(self, db: Database, folder: Path, server: Relay, policy: str = "hold", letters: int = 600) -> None:
        self.db, self.folder, self.relay = db, folder, server
        people = [person(number, f"d{number % 7}.example") for number in range(1, letters + 1)]
        self.mailing = sendable(db, people, in_doubt=policy)
        self.url = url_of(db)
        name = "sqlite" if db.is_sqlite else "postgresql"
        self.found = Summary(name, policy, letters, window=16)

    def sender(self, *more: str) -> Started:
        """Start a sender process."""
        command = ["tests.chaos.child", self.url, str(self.folder), str(self.relay.port)]
        command += [str(self.mailing), str(self.relay.pid_file), *more]
        return quiet(command, ROOT, ENV)

    def kill(self, point: str, nth: int) -> bool:
        """One sender, killed at that point; whether it was (or it was done before)."""
        before = self.in_doubt()
        if point in IN_CHILD:
            self.relay.tell()
            process = self.sender("--die", point, "--nth", str(max(1, nth // 4)))
        else:
            self.relay.tell({**AT_SERVER[point], "do": "kill", "nth": nth, "pid_file": str(self.relay.pid_file)})
            process = self.sender()
        killed = self._wait(process) == -signal.SIGKILL
        self.found.kills[point] += killed
        self.found.survived += not killed
        deadline = time.monotonic() + 10
        while self.sending() and time.monotonic() < deadline:  # PostgreSQL sees a closed socket a moment later
            outbox.sweep(self.db, utc_now())
        self.found.worst = max(self.found.worst, self.in_doubt() - before)
        return killed

    def finish(self) -> Summary:
        """A last sender without a fuse; then compare."""
        self.relay.tell()
        if ended := self._wait(self.sender()):
            self.found.wrongs.append(f"the last sender ended with {ended}")
        self.compare()
        return self.found

    def _wait(self, process: Started, seconds: float = 300) -> int:
        """Its exit code; one that hangs is ended, and that is a fault."""
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            self.found.wrongs.append(f"a sender was not done after {seconds} s")
            return process.wait()

    def sending(self) -> int:
        with self.db.read() as conn:
            return outbox.get(conn, self.mailing).counts.sending

    def waiting(self) -> int:
        with self.db.read() as conn:
            return outbox.get(conn, self.mailing).counts.waiting

    def in_doubt(self) -> int:
        with self.db.read() as conn:
            return outbox.get(conn, self.mailing).counts.in_doubt

    def compare(self) -> None:
        """Compare the database with the record of the relay."""
        found, dots, answered = self.found, defaultdict[str, list[dict[str, Any]]](list), Counter[str]()
        for event in self.relay.events():
            if event["event"] == "dot":
                dots[event["recipient"]].append(event)
            else:
                answered[event["recipient"]] += 1
        with self.db.read() as conn:
            rows = list(outbox.deliveries(conn, self.mailing))
            listed = {doubt.address for doubt in outbox.doubts(conn, self.mailing)}
        states = {row.address: row.state for row in rows}
        found.accepted = sum(state == "accepted" for state in states.values())
        found.in_doubt = len(listed)
        for address, state in states.items():
            if state not in ("accepted", "in_doubt") or (state == "accepted" and not answered[address]):
                found.lost.append(f"{address}: {state}, {answered[address]} times accepted by the relay")
            if state == "in_doubt" and address not in listed:
                found.lost.append(f"{address}: in doubt and not listed")
        for address, events in dots.items():
            found.repeats += len(events) - 1
            if len(events) > 1 and found.policy == "hold":
                found.twice.append(address)
            if len({(event["message_id"], event["date"], event["sender"]) for event in events}) > 1:
                found.changed.append(address)
        with self.db.write() as conn:
            wrong = outbox.differences(conn, self.mailing)
        found.wrongs += [f"counter {name}: {was}, counted {right}" for name, (was, right) in wrong.items()]
        found.wrongs += [f"unknown recipient {address}" for address in set(dots) - set(states)]


def url_of(db: Database) -> str:
    """As a setting has it."""
    return db.engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgresql")


def storm(chaos: Chaos, kills: int, seed: int) -> Summary:
    """That many kills, at every point in turn, at chosen moments; then the end."""
    dice = random.Random(seed)
    while sum(chaos.found.kills.values()) < kills:
        point = POINTS[(sum(chaos.found.kills.values()) + chaos.found.survived) % len(POINTS)]
        chaos.kill(point, dice.randint(1, 40))
        if chaos.waiting() < 60:
            break
    return chaos.finish()
