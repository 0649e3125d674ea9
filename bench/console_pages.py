"""Pages of the console in a large house: ``python -m bench.console_pages [--campaigns N] [--people N] [--letters N]``.

Builds a house by statements (nobody waits for ten million real letters), serves it, and prints for each page the 95th
percentile of the time from request to answer, one request at a time, and of the processor time of both sides of it
(on PostgreSQL without that of the database). ``--database URL``: an empty PostgreSQL database;
without it SQLite in a temporary folder.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text, update

from campaigns.lifecycle import drafts, launch, records
from campaigns.lifecycle.records import CAMPAIGN
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.outbox import Identity, MailingSpec
from mailer.storage import open_database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_way import a_draft

AIM_MS, TIMES, WARM = 100.0, 40, 3
_OUTCOMES = "CASE WHEN n % 200 = 0 THEN 'refused' WHEN n % 50 = 0 THEN 'skipped' ELSE 'accepted' END"
_REASONS = "CASE WHEN n % 400 = 0 THEN 'full' WHEN n % 200 = 0 THEN 'no_address' "
_REASONS += "WHEN n % 50 = 0 THEN 'suppressed:opt_out' ELSE '' END"
_SERIES = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :number) ",
    "postgresql": "WITH s AS (SELECT generate_series(1, :number) AS n) ",
}


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.console_pages", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=1_000)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--letters", type=int, default=1_000_000, help="deliveries of all campaigns together")
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = open_database(given.database or f"sqlite:///{folder}/postiljon.db")
        setup = console_setup(db, Path(folder), given.people)
        began = time.perf_counter()
        slugs = _build(setup, given.campaigns, given.letters)
        print(f"built in {time.perf_counter() - began:.0f} s; {db.engine.dialect.name}", flush=True)
        with console(setup) as server, signed_in(setup, server, "administrator") as browser:
            for path in _pages(slugs):
                _measure(browser, path)
        db.close()


def _pages(slugs: list[str]) -> list[str]:
    largest = f"/campaigns/{slugs[0]}"
    return [
        "",
        "/campaigns",
        "/campaigns?q=campagne-77",
        "/campaigns?show=sent",
        f"{largest}/follow",
        f"{largest}/hold",
        f"{largest}/doubt",
        f"{largest}/stop",
        "/campaigns/concept/when",
        "/campaigns/concept/plan?how=now",
        "/campaigns/later/planned",
    ]


def _measure(browser: StaffBrowser, path: str) -> None:
    times, work = [], []
    for _ in range(WARM + TIMES):
        began, busy = time.perf_counter(), time.process_time()
        answer = browser.get(path)
        times.append((time.perf_counter() - began) * 1000)
        work.append((time.process_time() - busy) * 1000)
        if answer.status_code not in (200, 303):
            raise RuntimeError(f"{path} answered {answer.status_code}")
    first, rest = times[0], times[WARM:]
    high, busiest = (statistics.quantiles(some, n=20)[-1] for some in (rest, work[WARM:]))
    mark = "" if high < AIM_MS else "  TOO SLOW"
    wall = f"p95 {high:7.1f} ms, median {statistics.median(rest):6.1f}, first {first:7.1f}"
    print(f"{path or '/':48} {wall}; processor p95 {busiest:6.1f}{mark}", flush=True)


def _build(setup: ConsoleSetup, campaigns: int, letters: int) -> list[str]:
    """Add finished campaigns, half of the letters to the first one; one that is sent, a draft, a planned one."""
    now = setup.clock()
    sent = launch.start(setup.config, from_folder(setup.write()), now)
    shares = [letters // 2] + [letters // 2 // max(1, campaigns - 1)] * (campaigns - 1)
    slugs = []
    for at, share in enumerate(shares):
        with setup.db.write() as conn:
            slugs.append(_finished(conn, sent, at, share, now - timedelta(days=campaigns - at)))
    with setup.db.write() as conn:
        conn.execute(update(CAMPAIGN).where(CAMPAIGN.c.slug == slugs[0]).values(state="sending", finished_at=None))
    a_draft(setup, "Concept")
    planned = a_draft(setup, "Later", send_at="2024-09-18 09:00", timezone="Europe/Amsterdam")
    with setup.db.read() as conn:
        source = drafts.source_of(conn, planned)
    launch.carry_out(setup.config, source, launch.Order(planned.campaign, planned.definition.send_at, "user:1"), now)
    with setup.db.engine.connect() as conn:
        conn.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return slugs


def _finished(conn: Connection, sent: records.Campaign, at: int, number: int, when: datetime) -> str:
    slug = f"campagne-{at}"
    spec = MailingSpec(slug, "campaign", sent.topic, sent.snapshot, Identity("https://example.org", "b@example.org", 7))
    mailing = outbox.open_mailing(conn, spec, when)
    columns = {column.name: getattr(sent, column.name) for column in CAMPAIGN.columns if column.name != "id"}
    row: dict[str, Any] = columns | {
        "slug": slug, "state": "finished", "parts": "{}", "mailing_id": mailing.id, "online_code": slug,
        "created_at": when, "changed_at": when, "launched_at": when, "finished_at": when, "subject": f"Campagne {at}",
    }  # fmt: skip
    conn.execute(insert(CAMPAIGN).values(row))
    hashed = "randomblob(16)" if conn.dialect.name == "sqlite" else "decode(md5(n::text), 'hex')"
    sql = (
        "INSERT INTO delivery (mailing_id, recipient, address, address_hash, domain, state, reason, attempt, tries, "
        "code, reply) "
        f"{_SERIES[conn.dialect.name]} SELECT :mailing, n, 'lezer' || n || '@example.org', {hashed}, 'example.org', "
        f"{_OUTCOMES}, {_REASONS}, 1, 0, 250, '' FROM s"
    )
    if conn.dialect.name == "sqlite":
        series, rest = _SERIES["sqlite"], sql.replace(_SERIES["sqlite"], "")
        sql = rest.replace(" SELECT :mailing", f" {series} SELECT :mailing", 1)
    conn.execute(text(sql), {"mailing": mailing.id, "number": number})
    refused, skipped = number // 200, number // 50 - number // 200
    table = outbox.tables.MAILING  # type: ignore[attr-defined]
    counts = {"recipients": number, "accepted": number - refused - skipped, "refused": refused, "skipped": skipped}
    conn.execute(update(table).where(table.c.id == mailing.id).values(audience_complete=True, state="closed", **counts))
    return slug


if __name__ == "__main__":
    main()
