"""Report, people and contacts of the console with many rows: ``python -m bench.reports [--deliveries N] [--postgres]``.

A million contacts, a thousand campaigns, and N deliveries (ten million): one campaign went to everybody, the others
share the rest. The rows come by statements into the same tables, since nobody waits for real ones. Printed: how long
the clock counts the figures of the large campaign, the same numbers without figures, and each page's time on the server
from the request to the last byte, one at a time (median and 95th percentile of ``--times``). With ``--download``: a
list of a million people as CSV and XLSX, and the peak of memory.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from campaigns import migrations
from mailer import outbox
from mailer.storage import Database, open_database
from tests.support.console import StaffBrowser, console, console_setup, signed_in
from tests.support.databases import postgres_server
from tests.support.reported import sent

PEOPLE, CAMPAIGNS = 1_000_000, 1_000
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) ",
    "postgresql": "WITH n AS (SELECT generate_series(1, {most}) AS i) ",
}
_CONTACTS = """INSERT INTO contact (id, email, email_key, address_hash, domain, name, language, attributes, own_fields,
  created_at, updated_at) {numbers}SELECT i + 100, 'lezer' || i || '@d' || (i % 3000) || '.example',
  'lezer' || i || '@d' || (i % 3000) || '.example', {hashed}, 'd' || (i % 3000) || '.example',
  'Voornaam' || (i % 977) || ' Achternaam' || i, '', '{{}}', '', {at}, {at} FROM n"""
_SUBSCRIPTIONS = """INSERT INTO subscription (topic_id, contact_id, state, since, statement)
  SELECT 1, id, 'subscribed', created_at, 0 FROM contact WHERE id > 100"""
_DELIVERIES = """INSERT INTO delivery (mailing_id, recipient, address, address_hash, domain, state, reason, attempt,
  tries, code, reply, at) {numbers}SELECT {mailing}, i + {after}, 'lezer' || i || '@d' || (i % 3000) || '.example',
  {hashed}, 'd' || ((i % 3000) * (i % 3000) % 3000) || '.example',
  CASE i % 100 WHEN 0 THEN 'refused' WHEN 1 THEN 'skipped' ELSE 'accepted' END,
  CASE i % 100 WHEN 0 THEN 'no_address' WHEN 1 THEN 'suppressed:opt_out' ELSE '' END, 1, 0, 250, '2.0.0 Ok', {moment}
  FROM n"""
_MOMENT = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%S', '2024-09-18 07:00:00', '+' || (i / 60) || ' seconds') || '.000000Z'",
    "postgresql": "timestamptz '2024-09-18 07:00:00+00' + (i / 60) * interval '1 second'",
}
_HASHED = {"sqlite": "randomblob(16)", "postgresql": "decode(md5(random()::text), 'hex')"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.reports", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=10_000_000)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--campaigns", type=int, default=CAMPAIGNS)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL server of its own; default: SQLite")
    parser.add_argument("--download", action="store_true", help="also the large files")
    given = parser.parse_args()
    with ExitStack() as ending:
        folder = ending.enter_context(tempfile.TemporaryDirectory())
        url = f"sqlite:///{folder}/postiljon.db"
        if given.postgres:
            server = ending.enter_context(postgres_server())
            url = server.url(server.fresh())
        db = ending.enter_context(closing(open_database(url)))
        _measure(db, Path(folder), given)


def _measure(db: Database, folder: Path, given: argparse.Namespace) -> None:
    migrations.upgrade(db)
    setup = console_setup(db, folder, 20)
    for number in range(3):
        sent(setup, f"letter-{number}")
    campaign = sent(setup, "everybody")
    mailing = campaign.mailing_id or 0
    _fill(db, mailing, given)
    before = time.process_time()
    took, cpu = _timed(lambda: _count(db, mailing)), time.process_time() - before
    print(f"counting the figures of {given.people:,} people: {took:.0f} ms, of processor {cpu:.1f} s", flush=True)
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        people = "/campaigns/everybody/people"
        pages = {
            "report": "/campaigns/everybody/report",
            "people, refused": "/campaigns/everybody/people?outcome=refused",
            "people, refused, halfway": f"{people}?outcome=refused&after={given.people // 2}~no_address",
            "people, accepted": f"{people}?outcome=accepted&after={given.people // 2}",
            "contacts, address": "/contacts?q=lezer7777",
            "contacts, last name": "/contacts?q=achternaam7777",
            "contacts, first name": "/contacts?q=voornaam5",
            "contacts, nobody": "/contacts?q=nobody",
            "person": "/contacts/5000?campaign=everybody",
        }
        for name, path in pages.items():
            _show(name, browser, path, given.times)
        for kind in ("csv", "xlsx") if given.download else ():
            took = _timed(partial(browser.get, f"{people}.{kind}?outcome=accepted", timeout=900))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"people.{kind}: {took / 1000:.1f} s, peak {peak} MiB", flush=True)


def _show(name: str, browser: StaffBrowser, path: str, times: int) -> None:
    before = time.process_time()
    found = [_timed(partial(browser.get, path)) for _ in range(times)]
    cpu = (time.process_time() - before) * 1000 / times
    if browser.get(path).status_code != 200:
        raise SystemExit(f"{path}: {browser.text[:100]}")
    low = statistics.median(found)
    high = statistics.quantiles(found, n=20)[18]
    print(f"{name}: median {low:.1f} ms, p95 {high:.1f} ms; of processor, browser too, {cpu:.1f} ms", flush=True)


def _count(db: Database, mailing: int) -> None:
    with db.read() as conn:
        found = outbox.figures.count(conn, mailing, datetime.now(UTC))
    with db.write() as conn:
        outbox.figures.keep(conn, mailing, found)


def _fill(db: Database, mailing: int, given: argparse.Namespace) -> None:
    kind = db.engine.dialect.name
    with db.write() as conn:
        at = (datetime.now(UTC) - timedelta(days=700)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        numbers = _NUMBERS[kind].format(most=given.people)
        conn.execute(text(_CONTACTS.format(numbers=numbers, hashed=_HASHED[kind], at=f"'{at}'")))
        conn.execute(text(_SUBSCRIPTIONS))
        _deliver(conn, mailing, given.people, 100)
        for number in range(1, given.campaigns):
            conn.execute(text(_COPY_MAILING.format(number=mailing + number, copied=mailing)))
            conn.execute(text(_COPY_CAMPAIGN.format(number=mailing + number, copied=mailing)))
            _deliver(conn, mailing + number, (given.deliveries - given.people) // given.campaigns, 100)
        conn.execute(text(_COUNT))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))


_STATES = ("accepted", "refused", "skipped")
_OF_MAILING = "SELECT count(*) FROM delivery d WHERE d.mailing_id = mailing.id"
_COUNT = f"UPDATE mailing SET recipients = ({_OF_MAILING}), " + ", ".join(
    f"{state} = ({_OF_MAILING} AND d.state = '{state}')" for state in _STATES
)
_NOT_COPIED = {"mailing": ("id", "key"), "campaign": ("id", "slug", "mailing_id", "online_code")}


def _columns(table: str) -> str:
    names = [column.name for column in SQLModel.metadata.tables[table].columns]
    return ", ".join(name for name in names if name not in _NOT_COPIED[table])


_COPY_MAILING = (
    f"INSERT INTO mailing (id, key, {_columns('mailing')}) "
    f"SELECT {{number}}, 'campaign:' || {{number}}, {_columns('mailing')} FROM mailing WHERE id = {{copied}}"
)
_COPY_CAMPAIGN = (
    f"INSERT INTO campaign (id, slug, mailing_id, online_code, {_columns('campaign')}) "
    f"SELECT {{number}} + 1000, 'copy-' || {{number}}, {{number}}, 'code-' || {{number}}, {_columns('campaign')} "
    "FROM campaign WHERE mailing_id = {copied}"
)


def _deliver(conn: Connection, mailing: int, people: int, after: int) -> None:
    kind = conn.dialect.name
    numbers = _NUMBERS[kind].format(most=people)
    values = {"numbers": numbers, "mailing": mailing, "after": after, "hashed": _HASHED[kind], "moment": _MOMENT[kind]}
    conn.execute(text(_DELIVERIES.format(**values)))


def _timed(act: Callable[[], object]) -> float:
    """Return the milliseconds of an act."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
