"""Kills while a campaign is compiled, stored and its audience frozen, on the real command line; what must hold then.

Each campaign is begun by ``postiljon send``, which is killed some times, and then ends without a fuse. Afterwards: one
campaign, one mailing, one snapshot; each contact has exactly one delivery; who was accepted got it once by the
server's record, all others are in doubt and listed, at most a window for each kill.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from campaigns.lifecycle import records
from mailer import archive, outbox
from mailer.outbox.tables import MAILING
from mailer.storage import Database, open_database
from tests.chaos.runner import Relay, Summary
from tests.support.commandline import CommandLine
from tests.support.warm import quiet

POINTS = ("compiling", "launching", "freezing")
TOPIC = "chaos"
CONNECTIONS = 4
LETTER = """---
slug: {slug}
subject: Chaos {slug}
from: VNG <info@vng.example>
language: nl
topic: chaos
layout: plain
---
Geachte {{{{ contact.name | default("lezer") }}}},

Hierbij nodigen wij u uit.
"""


class Launches:
    """A house with people; :meth:`campaign` sends one campaign under kills."""

    def __init__(self, url: str, folder: Path, server: Relay, people: int) -> None:
        self.relay, self.url = server, url
        smtp = f"smtp://127.0.0.1:{server.port}?connections={CONNECTIONS}"
        settings = {"POSTILJON_DATABASE_URL": url, "POSTILJON_SMTP_URL": smtp}
        self.cli = CommandLine(folder, settings | {"POSTILJON_DATA": str(folder / "data")})
        self.people = {f"lezer{number}@d{number % 7}.example" for number in range(people)}
        self.cli.write("people.csv", "email\n" + "".join(f"{address}\n" for address in sorted(self.people)))
        self.cli.do("init")
        self.cli.do("contacts", "import", "people.csv", "--topic", TOPIC, "--basis", "member")
        name = "postgresql" if url.startswith("postgresql") else "sqlite"
        self.found = Summary(name, "launching", window=4 * CONNECTIONS)
        self.sent = 0

    def kill(self, file: str, point: str, nth: int, seconds: float) -> bool:
        """One ``send``, killed at that point; whether it was (or it was done before)."""
        command = ["tests.chaos.launcher", point, str(nth), str(seconds), "send", file, "--yes"]
        code = quiet(command, self.cli.folder, self.cli.env()).wait(300)
        killed = code == -signal.SIGKILL
        self.found.kills[f"{point}: {self.stage(file.removesuffix('.md'))}"] += killed
        self.found.survived += not killed
        if not killed and code:
            self.found.wrongs.append(f"{file}: a send that was to be killed ended with {code}")
        return killed

    def stage(self, slug: str) -> str:
        """How far it was, by the database."""
        db = open_database(self.url)
        try:
            with db.read() as conn:
                known = records.find(conn, slug)
                if known is None or known.mailing_id is None:
                    return "nothing stored"
                mailing = outbox.get(conn, known.mailing_id)
        finally:
            db.close()
        if mailing.audience_complete:
            return "audience whole"
        return "audience begun" if mailing.counts.recipients else "launched"

    def campaign(self, kills: Iterator[tuple[str, int, float]]) -> None:
        """One campaign: these kills, an end in peace, and the comparison."""
        self.sent += 1
        slug, seen = f"chaos-{self.sent}", len(self.relay.events())
        file = self.cli.write(f"{slug}.md", LETTER.format(slug=slug))
        died = sum(self.kill(file, *kill) for kill in kills)
        ran = self.cli.run("send", file, "--yes")
        if ran.code:
            self.found.wrongs.append(f"{slug}: the last send ended with {ran.code}: {ran.err}")
        db = open_database(self.url)
        try:
            self.compare(db, slug, self.relay.events()[seen:], died)
        finally:
            db.close()

    def compare(self, db: Database, slug: str, events: list[dict[str, Any]], kills: int) -> None:
        """Compare the counts of a finished campaign with its deliveries."""
        found = self.found
        with db.read() as conn:
            known = records.get(conn, slug)
            if known.mailing_id is None:
                found.wrongs.append(f"{slug}: never launched")
                return
            mailing = outbox.get(conn, known.mailing_id)
            rows = Counter(row.address for row in outbox.deliveries(conn, mailing.id))
            states = {row.address: row.state for row in outbox.deliveries(conn, mailing.id)}
            listed = {doubt.address for doubt in outbox.doubts(conn, mailing.id)}
            number = {table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
                      for table in (MAILING, archive.SNAPSHOT)}  # fmt: skip
        if mailing.spec.snapshot != known.snapshot or set(number.values()) != {self.sent}:
            found.changed.append(f"{slug}: {number} for {self.sent} campaigns")
        if not mailing.audience_complete or known.state != "finished":
            found.wrongs.append(f"{slug}: {known.state}, audience complete: {mailing.audience_complete}")
        found.lost += [f"{slug}: {address} has no delivery" for address in self.people - set(rows)]
        found.twice += [f"{slug}: {address} has {times} deliveries" for address, times in rows.items() if times > 1]
        found.wrongs += [f"{slug}: unknown recipient {address}" for address in set(rows) - self.people]
        self.count(slug, events, states, listed)
        found.worst = max(found.worst, -(-len(listed) // max(kills, 1)))

    def count(self, slug: str, events: list[dict[str, Any]], states: dict[str, str], listed: set[str]) -> None:
        """The server's record against the states."""
        found = self.found
        dots = Counter(event["recipient"] for event in events if event["event"] == "dot")
        answered = {event["recipient"] for event in events if event["event"] == "250"}
        found.letters += len(states)
        found.accepted += sum(state == "accepted" for state in states.values())
        found.in_doubt += len(listed)
        found.twice += [f"{slug}: {address} got {times}" for address, times in dots.items() if times > 1]
        for address, state in states.items():
            if not (state == "accepted" and address in answered) and not (state == "in_doubt" and address in listed):
                found.lost.append(f"{slug}: {address}: {state}, accepted by the relay: {address in answered}")


def storm(launches: Launches, kills: int, seed: int) -> Summary:
    """Kill a number of times, five a campaign, at each point in turn, at chosen moments."""
    dice, turn = random.Random(seed), 0

    def chosen(number: int) -> Iterator[tuple[str, int, float]]:
        nonlocal turn
        for _ in range(number):
            point = POINTS[turn % len(POINTS)]
            turn += 1
            if point == "compiling":
                yield point, 0, dice.uniform(0.0, 0.4)
            elif point == "launching":
                yield point, dice.randint(1, 8), 0.0
            else:
                yield point, dice.randint(1, 4), dice.uniform(0.0, 0.6)

    while (left := kills - sum(launches.found.kills.values())) > 0 and launches.sent < 2 * kills:
        launches.campaign(chosen(min(5, left)))
    return launches.found
