"""Pages at a million contacts (issue 5: under 20 ms each): ``python -m bench.million [N]``.

Two houses, of N contacts and of 1,000, served at the same time by ``serve --public-only``; one request at a time, to
one and the other in turn, so that what the machine does meanwhile befalls both. In each house everybody got five
letters, and one in fifty a letter of the house's own (each such is a mailing of its own). The contacts come by the
import, the letters to the first thousand by real campaigns; the deliveries to the rest, and the house's own letters, by
statements into the same tables, since nobody waits for a million real ones.
"""

from __future__ import annotations

import argparse
import http.client
import random
import re
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.harness import LETTER, House, Row, house, sink
from bench.reading import ONE_CLICK, key_of, web
from bench.sending import Scale
from mailer.signing import Purpose, Token, seal, to_text

AIM_MS = 20.0
SMALL = 1_000
LETTERS = 5
ONE_IN = 50
TIMES, WARM = 200, 20
TOPIC = "verenigingsnieuws"


@dataclass(frozen=True)
class Kind:
    """One kind of page: how it is asked for, and the addresses, as many as are wanted, of a house."""

    name: str
    paths: Callable[[Place, int], Sequence[str]]
    body: bytes | None = None


class Place:
    """A served house: its port, its people, its key."""

    def __init__(self, home: House, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.key = key_of(home)
        with _opened(home, "ro") as database:
            self.contacts: int = database.execute("SELECT max(id) FROM contact").fetchone()[0]
            self.mailing: int = database.execute("SELECT min(id) FROM mailing").fetchone()[0]
            self.codes: list[str] = [row[0] for row in database.execute("SELECT online_code FROM campaign")]
        self.order = random.Random(7)

    def links(self, start: str, purpose: Purpose, number: int, *, lasts: bool = True) -> list[str]:
        """Addresses with a token, of as many people as that from all over the table, each a different one."""
        people = self.order.sample(range(1, self.contacts + 1), number)
        expires = 0 if lasts else int(time.time()) + 3600
        tokens = (Token(purpose, self.mailing, person, expires, 0) for person in people)
        return [f"{start}{to_text(seal(self.key, token))}" for token in tokens]

    def ask(self, kind: Kind, path: str) -> float:
        """Milliseconds from the request to the last byte of the answer."""
        form = {"Content-Type": "application/x-www-form-urlencoded"} if kind.body is not None else {}
        started = time.perf_counter()
        self.connection.request("GET" if kind.body is None else "POST", path, kind.body, form)
        answer = self.connection.getresponse()
        answer.read()
        spent = (time.perf_counter() - started) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{kind.name}: {path[:4]}… answered {answer.status}")
        return spent


KINDS = (
    Kind("opt-out page", lambda place, number: place.links("/u/", Purpose.OPT_OUT, number)),
    Kind("one-click POST", lambda place, number: place.links("/u/", Purpose.OPT_OUT, number), ONE_CLICK),
    Kind("details page", lambda place, number: place.links("/d/", Purpose.DETAILS, number)),
    Kind(
        "what we know of you", lambda place, number: place.links("/my-data/", Purpose.MY_DATA, number, lasts=False), b""
    ),
    Kind("read online", lambda place, number: [f"/o/{place.codes[turn % LETTERS]}" for turn in range(number)]),
    Kind("archive", lambda _, number: ["/archive"] * number),
    Kind("archive, search", lambda _, number: [f"/archive?q=dialoog+{turn % LETTERS}" for turn in range(number)]),
    Kind("sign-up page", lambda _, number: [f"/subscribe?topic={TOPIC}"] * number),
)


def pages_at_a_million(scale: Scale) -> list[Row]:
    """A row for each kind of page: p99 in the large house, against the small one."""
    with ExitStack() as stack:
        large, small = (stack.enter_context(_place(number)) for number in (scale.largest, SMALL))
        return [_row(kind, large, small) for kind in KINDS]


def _row(kind: Kind, large: Place, small: Place) -> Row:
    pairs = list(zip(kind.paths(large, TIMES + WARM), kind.paths(small, TIMES + WARM), strict=True))
    both = [(large.ask(kind, theirs), small.ask(kind, ours)) for theirs, ours in pairs][WARM:]
    (middle, late), (small_middle, small_late) = (_told([pair[at] for pair in both]) for at in (0, 1))
    return Row(
        f"{kind.name}, {large.contacts:,} contacts, p99",
        "ms",
        late,
        f"{small.contacts:,} contacts",
        small_late,
        late / small_late,
        f"< {AIM_MS:.0f} ms",
        late < AIM_MS,
        f"median {middle:.1f} ms, {small_middle:.1f} ms with {small.contacts:,}: ratio {middle / small_middle:.2f}",
    )


def _told(spent: Sequence[float]) -> tuple[float, float]:
    return statistics.median(spent), sorted(spent)[int(len(spent) * 0.99)]


@contextmanager
def _place(number: int) -> Iterator[Place]:
    """A house with that many people, open for sign-up, served."""
    with sink() as relay, house(port=relay) as home:
        home.import_people(SMALL)
        home("topic", TOPIC, "--description", "Some two mails a month.", "--open")
        for turn in range(LETTERS):
            home("send", _letter(home.folder, turn), "--yes")
        if number > SMALL:
            home.import_people(number)
        _fill(home)
        with web(home) as (_, port):
            yield Place(home, port)


def _letter(folder: Path, turn: int) -> Path:
    """The real letter as a public campaign of its own."""
    text = LETTER.read_text("utf-8").replace("slug: denkt-u-mee", f"slug: letter-{turn}\nonline: public")
    path = folder / f"letter-{turn}.md"
    path.write_text(re.sub("^subject: ", f"subject: {turn} ", text, flags=re.MULTILINE), "utf-8")
    return path


def _fill(home: House) -> None:
    """Deliveries of each campaign for who was not there yet, and letters of the house's own."""
    with _opened(home, "rw") as database:
        campaigns = [row[0] for row in database.execute("SELECT id FROM mailing ORDER BY id")]
        columns = "mailing_id, recipient, address, address_hash, domain, state, reason, attempt, tries, at, code, reply"
        theirs = "email, address_hash, domain, 'accepted', '', 1, 0, updated_at, 250, 'ok'"
        for number in campaigns:
            database.execute(
                f"INSERT INTO delivery ({columns}) SELECT ?, id, {theirs} FROM contact WHERE id > ? ORDER BY id",
                (number, SMALL),
            )
        _own_letters(database, campaigns[0], (columns, theirs))
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _own_letters(database: sqlite3.Connection, like: int, names: tuple[str, str]) -> None:
    """A service mailing for one contact in fifty, as a change of details makes one."""
    row = database.execute("SELECT * FROM mailing WHERE id = ?", (like,))
    columns = [item[0] for item in row.description if item[0] not in ("id", "key", "kind")]
    kept = ", ".join(columns)
    database.execute(
        f"INSERT INTO mailing (key, kind, {kept}) SELECT 'details_changed:' || c.id, 'service', "
        f"{', '.join('m.' + name for name in columns)} FROM contact c, mailing m WHERE m.id = ? AND c.id % ? = 0",
        (like, ONE_IN),
    )
    wanted, theirs = names
    database.execute(
        f"INSERT INTO delivery ({wanted}) SELECT m.id, c.id, {theirs} FROM mailing m "
        "JOIN contact c ON m.key = 'details_changed:' || c.id"
    )


@contextmanager
def _opened(home: House, mode: str) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{home.folder}/data/postiljon.db?mode={mode}", uri=True)
    try:
        yield connection
    finally:
        connection.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("contacts", type=int, nargs="?", default=1_000_000, help="how many (default: a million)")
    number = parser.parse_args().contacts
    for row in pages_at_a_million(Scale(largest=number)):
        print(f"{row.name}: {row.ours:.1f} ms, {row.against}: {row.theirs:.1f} ms; {row.notes}", flush=True)


if __name__ == "__main__":
    main()
