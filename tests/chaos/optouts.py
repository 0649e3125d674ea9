"""Opt-outs while a campaign runs at full speed: ``python -m tests.chaos.optouts [--letters N] [--optouts N]``.

A real ``postiljon send`` to a sink that writes down when each dot came, a real ``postiljon serve --public-only``, and
one-click POSTs for people all over the queue, many of them just before their turn. Afterwards: for each POST that was
answered with 200 at a time t, the person's dot came before t + 1 s, or never. All times are one monotonic clock.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlalchemy import select

from campaigns.lifecycle import records
from mailer import outbox
from mailer.outbox.tables import DELIVERY
from mailer.signing import Keyring, Purpose, Token, seal, to_text
from mailer.storage import Database, open_database
from tests.chaos.launching import LETTER, TOPIC
from tests.chaos.runner import ENV, ROOT
from tests.support.commandline import CommandLine, fetch, free_port
from tests.support.databases import postgres_server
from tests.support.waiting import wait_until
from tests.support.warm import Started

ALLOWED = 1.0
SLUG = "optouts"
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Found:
    """The findings of a run. ``reached_after``: a dot after the answer; ``latest_ms``: the longest time after it."""

    database: str
    letters: int
    optouts: int = 0
    unanswered: int = 0
    reached_before: int = 0
    reached_after: int = 0
    never: int = 0
    latest_ms: float = 0.0
    slowest_answer_ms: float = 0.0
    letters_a_second: int = 0
    late: list[str] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Return whether the promise was kept."""
        return not (self.late or self.wrongs or self.unanswered)


class Town:
    """A house whose campaign goes to a number of people, and the readers who leave meanwhile."""

    def __init__(self, url: str, folder: Path, sink_port: int, letters: int) -> None:
        settings = {"POSTILJON_DATABASE_URL": url, "POSTILJON_DATA": str(folder / "data")}
        self.cli = CommandLine(
            folder, settings | {"POSTILJON_SMTP_URL": f"smtp://127.0.0.1:{sink_port}?connections=10"}
        )
        self.cli.write("people.csv", "email\n" + "".join(f"lezer{number}@example.nl\n" for number in range(letters)))
        self.cli.write(f"{SLUG}.md", LETTER.format(slug=SLUG))
        self.cli.do("init")
        self.cli.do("contacts", "import", "people.csv", "--topic", TOPIC, "--basis", "member")
        kept = tomllib.loads((folder / "data" / "secrets.toml").read_text())["secret_keys"]
        key = kept.split(",")[0] if isinstance(kept, str) else kept[0]
        self.ring = Keyring.of([base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))])
        self.db: Database = open_database(url)
        self.letters, self.port = letters, free_port()
        self.answers: list[tuple[str, float]] = []  # whose POST was answered with 200, and when
        self.slowest, self.unanswered = 0.0, 0

    def mailing(self) -> outbox.Mailing | None:
        """The campaign's, once it was launched."""
        with self.db.read() as conn:
            known = records.find(conn, SLUG)
            return outbox.get(conn, known.mailing_id) if known and known.mailing_id else None

    def recipients(self, mailing: int) -> list[tuple[int, str]]:
        """Number and address, in the order of the queue, as far as it was taken down."""
        with self.db.read() as conn:
            query = select(DELIVERY.c.recipient, DELIVERY.c.address).where(DELIVERY.c.mailing_id == mailing)
            return [(number, address) for number, address in conn.execute(query.order_by(DELIVERY.c.id))]

    def _place(self, dice: random.Random, accepted: int, known: int) -> int:
        """Whose turn it is, or will be soon, or later."""
        ahead = dice.choice((50, 300, 2_000, self.letters))
        return min(known - 1, accepted + dice.randint(0, ahead)) if dice.random() < 0.9 else dice.randrange(known)

    def knock(self, mailing: int, number: int, address: str) -> None:
        """One POST, as a mailbox provider sends it."""
        path = f"/u/{to_text(seal(self.ring.current, Token(Purpose.OPT_OUT, mailing, number)))}"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", b"List-Unsubscribe=One-Click")
        begun = time.monotonic()
        try:
            with _NO_PROXY.open(request, timeout=60) as answer:
                answered = time.monotonic()
                assert answer.status == 200
        except (OSError, AssertionError):
            self.unanswered += 1
            return
        self.slowest = max(self.slowest, answered - begun)
        self.answers.append((address, answered))

    def leave(self, sending: Started, optouts: int, seed: int) -> float:
        """All of them, spread over the time of the campaign; the seconds that it took to send."""
        dice, chosen = random.Random(seed), set[int]()
        wait_until(lambda: (found := self.mailing()) is not None and found.counts.accepted > 0, 60)
        begun, known = time.monotonic(), list[tuple[int, str]]()
        with ThreadPoolExecutor(16) as clients:
            for turn in range(optouts):
                due = int(self.letters * 0.95 * (turn + dice.random()) / optouts)
                while (mailing := self.mailing()) and mailing.counts.accepted < due and sending.poll() is None:
                    time.sleep(0.001)
                assert mailing is not None
                if len(known) < self.letters:
                    known = self.recipients(mailing.id)
                places = (self._place(dice, mailing.counts.accepted, len(known)) for _ in range(1_000))
                place = next(place for place in places if place not in chosen)
                chosen.add(place)
                clients.submit(self.knock, mailing.id, *known[place])
            sending.wait(600)
        return time.monotonic() - begun


@contextmanager
def sink(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A running sink and its port."""
    command = [sys.executable, "-m", "tests.chaos.sink", str(folder / "dots.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=ENV)
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run(url: str, folder: Path, letters: int, optouts: int, seed: int = 1) -> Found:
    """One campaign with its opt-outs, and the comparison."""
    with sink(folder) as (catching, port):
        town = Town(url, folder, port, letters)
        found = Found("postgresql" if url.startswith("postgresql") else "sqlite", letters)
        with town.cli.running("serve", "--public-only", "--port", str(town.port)):
            assert fetch(f"http://127.0.0.1:{town.port}/health")[0] == 200
            with town.cli.running("send", f"{SLUG}.md", "--yes") as sending:
                seconds = town.leave(sending, optouts, seed)
                if sending.returncode:
                    found.wrongs.append(f"send ended with {sending.returncode}")
        town.db.close()
        catching.send_signal(signal.SIGTERM)
        catching.wait(60)
    dots = json.loads((folder / "dots.json").read_text())
    found.letters_a_second = round(len(dots) / seconds)
    found.unanswered, found.slowest_answer_ms = town.unanswered, round(town.slowest * 1000, 1)
    compare(found, town.answers, dots)
    return found


def compare(found: Found, answers: list[tuple[str, float]], dots: list[tuple[str, float]]) -> None:
    """When people got their letter, against when they were told that they get no more."""
    came = dict(dots)
    found.wrongs += ["somebody got it twice"] * (len(came) != len(dots))
    found.wrongs += [f"{found.letters - len(came)} have no letter"] * (found.letters - len(came) > len(answers))
    found.optouts = len(answers)
    for address, answered in answers:
        at = came.get(address)
        gap = 0.0 if at is None else at - answered
        found.never += at is None
        found.reached_before += at is not None and gap <= 0
        found.reached_after += gap > 0
        found.latest_ms = max(found.latest_ms, round(gap * 1000, 1))
        if gap >= ALLOWED:
            found.late.append(f"{address}: {gap:.3f} s after the answer")


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.optouts", description=__doc__)
    parser.add_argument("--letters", type=int, default=100_000)
    parser.add_argument("--optouts", type=int, default=500)
    parser.add_argument("--databases", nargs="*", default=["sqlite"])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    good = True
    for database in arguments.databases:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postiljon-optouts-")))
            url = f"sqlite:///{folder}/postiljon.db"
            if database != "sqlite":
                server = stack.enter_context(postgres_server(durable=True))
                url = server.url(server.fresh())
            found = run(url, folder, arguments.letters, arguments.optouts, arguments.seed)
        print(json.dumps(asdict(found) | {"good": found.good, "seed": arguments.seed, "cores": os.cpu_count()}))
        good = good and found.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
