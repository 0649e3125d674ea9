"""The claim and the sweep find their rows by the partial indexes, however much was sent before."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from mailer import outbox
from mailer.storage import Database
from tests.support.sending_db import NOW, fill

MANY = 3000


def mostly_sent(database: Database) -> int:
    """A mailing of which a few rows are waiting, and the rest was accepted long ago; statistics are fresh."""
    mailing = fill(database, MANY)
    with database.write() as conn:
        conn.execute(text(f"UPDATE delivery SET state = 'accepted' WHERE recipient <= {MANY - 20}"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))
    return mailing


def plans_on_sqlite(conn: Connection, statements: list[str]) -> str:
    """Return SQLite's plans for the statements on deliveries."""
    asked = [
        line for line in statements if "delivery" in line and line.lstrip().split()[0] in ("UPDATE", "SELECT", "WITH")
    ]
    rows = [row[3] for line in asked for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {line}")]
    return "\n".join(rows)


def test_on_sqlite_no_claim_looks_at_rows_that_are_settled(lite: Database) -> None:
    mailing = mostly_sent(lite)
    said: list[str] = []
    with lite.write() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(said.append)
        assert len(outbox.claim(conn, 1, {mailing: 10}, NOW)) == 10
        driver.set_trace_callback(None)
        plan = plans_on_sqlite(conn, said)
    assert "delivery_waiting" in plan
    assert "delivery_retry" in plan
    assert "SCAN delivery" not in plan.replace("SCAN delivery USING", "")


def test_on_sqlite_a_sweep_looks_at_claimed_rows_alone(lite: Database, tmp_path: Path) -> None:
    mailing = mostly_sent(lite)
    sender = outbox.register(lite, tmp_path, "one", NOW)
    with lite.write() as conn:
        outbox.claim(conn, sender.id, {mailing: 10}, NOW)
    sender.abandon()
    said: list[str] = []
    with lite.write() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(said.append)
    outbox.sweep(lite, NOW)
    with lite.write() as conn:
        plan = plans_on_sqlite(conn, said)
    assert "delivery_sending" in plan


def test_on_sqlite_the_letters_to_one_person_are_found_without_reading_those_to_others(lite: Database) -> None:
    mostly_sent(lite)
    said: list[str] = []
    with lite.write() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(said.append)
        assert [item.state for item in outbox.posted_to(conn, 7)] == ["accepted"]
        driver.set_trace_callback(None)
        plan = plans_on_sqlite(conn, said)
    assert "(mailing_id=? AND recipient=?)" in plan
    assert plan.count("ix_mailing_recipient (recipient=?)") == 2  # for many, and for her alone
    assert "SCAN delivery" not in plan
    assert "SCAN mailing" not in plan


def test_on_both_a_claim_uses_the_index_of_waiting_rows(db: Database) -> None:
    mailing = mostly_sent(db)
    with db.write() as conn:
        if not db.is_sqlite:
            conn.execute(text("SELECT pg_stat_force_next_flush()"))
        assert len(outbox.claim(conn, 1, {mailing: 10}, NOW)) == 10
    if db.is_sqlite:
        return
    with db.write() as conn:
        conn.execute(text("SELECT pg_stat_force_next_flush()"))
    with db.read() as conn:
        query = "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = 'delivery'"
        used = {name for name, scans in conn.execute(text(query)) if scans}
        scans = conn.execute(
            text("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'delivery'")
        ).scalar_one()
    assert "delivery_waiting" in used
    assert scans <= 2 * MANY, "the claim read settled rows (the two readings are of UPDATE and ANALYZE)"
