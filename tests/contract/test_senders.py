"""Senders and their locks, on SQLite (flock) and on PostgreSQL (advisory lock)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from mailer import outbox
from mailer.errors import StorageAway
from mailer.outbox import Sender, Settlement
from mailer.storage import Database
from tests.support.sending_db import NOW, counts, fill, later, states


def busy(db: Database, tmp_path: Path, mailing: int, number: int = 2) -> Sender:
    """A sender with rows on their way."""
    sender = outbox.register(db, tmp_path, "busy", NOW)
    with sender.write() as conn:
        outbox.claim(conn, sender.id, {mailing: number}, NOW)
    return sender


def test_a_living_sender_loses_nothing(db: Database, tmp_path: Path) -> None:
    mailing = fill(db, 3)
    sender = busy(db, tmp_path, mailing)
    assert outbox.sweep(db, later(days=1)) == 0
    assert counts(db, mailing) == {"recipients": 3, "waiting": 1, "sending": 2}
    sender.abandon()


def test_what_a_dead_sender_had_is_in_doubt_at_once(db: Database, tmp_path: Path) -> None:
    mailing = fill(db, 3)
    busy(db, tmp_path, mailing).abandon()
    assert outbox.sweep(db, NOW) == 2
    assert outbox.sweep(db, NOW) == 0
    assert counts(db, mailing) == {"recipients": 3, "waiting": 1, "in_doubt": 2}


def test_under_send_again_it_waits_again_with_the_same_date(db: Database, tmp_path: Path) -> None:
    mailing = fill(db, 3, in_doubt="send_again")
    busy(db, tmp_path, mailing).abandon()
    assert outbox.sweep(db, later(minutes=1)) == 2
    assert counts(db, mailing) == {"recipients": 3, "waiting": 3}
    sender = outbox.register(db, tmp_path, "next", later(minutes=1))
    with sender.write() as conn:
        again = outbox.claim(conn, sender.id, {mailing: 9}, later(minutes=1))
    assert [item.first_claimed_at for item in again] == [NOW, NOW, later(minutes=1)]
    sender.abandon()


def test_who_says_goodbye_leaves_nothing_to_sweep(db: Database, tmp_path: Path) -> None:
    mailing = fill(db, 1)
    sender = busy(db, tmp_path, mailing)
    with sender.write() as conn:
        rows = outbox.held_by(conn, sender.id)
        outbox.settle(conn, sender.id, [Settlement(*row, "accepted") for row in rows], NOW)
    with db.read() as conn:
        assert outbox.running(conn) == [sender.id]
    sender.close(NOW)
    with db.read() as conn:
        assert outbox.running(conn) == []
    assert outbox.sweep(db, NOW) == 0
    assert list((tmp_path / "senders").glob("*")) == []


def test_a_goodbye_with_rows_on_their_way_leaves_them_to_the_sweep(db: Database, tmp_path: Path) -> None:
    mailing = fill(db, 1)
    busy(db, tmp_path, mailing).close(NOW)
    assert outbox.sweep(db, NOW) == 1
    assert states(db, mailing) == {1: "in_doubt"}


def test_two_sweeps_at_once_count_each_row_once(db: Database, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    mailing = fill(db, 40)
    for _ in range(4):
        busy(db, tmp_path, mailing, 10).abandon()
    with ThreadPoolExecutor(4) as pool:
        swept = list(pool.map(lambda _: outbox.sweep(db, NOW), range(4)))
    assert sum(swept) == 40
    assert counts(db, mailing) == {"recipients": 40, "in_doubt": 40}


def test_a_sender_that_was_swept_while_its_connection_was_gone_does_not_go_on(db: Database, tmp_path: Path) -> None:
    mailing = fill(db, 2)
    sender = busy(db, tmp_path, mailing, 1)
    assert sender.renew()
    assert outbox.sweep(db, NOW) == 0
    sender.abandon()
    outbox.sweep(db, NOW)
    assert not sender.renew()
    sender.abandon()


def test_a_connection_that_cannot_roll_back_is_closed_all_the_same(db: Database, tmp_path: Path) -> None:
    sender = outbox.register(db, tmp_path, "lost", NOW)
    driver = sender.connection.connection.dbapi_connection
    assert driver is not None

    def refuse(*_of_the_event: object) -> None:
        raise db.engine.dialect.loaded_dbapi.OperationalError("the server has gone in the middle of a pipeline")

    event.listen(db.engine, "reset", refuse)
    sender.abandon()
    event.remove(db.engine, "reset", refuse)
    with pytest.raises(db.engine.dialect.loaded_dbapi.Error, match="closed"):
        driver.cursor()


def test_a_sender_that_gets_no_lock_file_leaves_no_connection_even_if_it_cannot_roll_back(
    lite: Database, tmp_path: Path
) -> None:
    (tmp_path / "senders").write_text("a file where the folder of the locks belongs")
    opened: list[Any] = []

    def refuse(*_of_the_event: object) -> None:
        raise lite.engine.dialect.loaded_dbapi.OperationalError("disk I/O error")

    event.listen(lite.engine, "checkout", lambda driver, *_: opened.append(driver))
    event.listen(lite.engine, "reset", refuse)
    with pytest.raises(StorageAway):
        outbox.register(lite, tmp_path, "no lock", NOW)
    event.remove(lite.engine, "reset", refuse)
    with pytest.raises(lite.engine.dialect.loaded_dbapi.Error, match="closed"):
        opened.pop().cursor()


def test_a_restored_backup_without_lock_files_has_no_living_senders(db: Database, tmp_path: Path) -> None:
    mailing = fill(db, 2)
    sender = busy(db, tmp_path, mailing, 1)
    sender.abandon()
    for file in (tmp_path / "senders").glob("*"):
        file.unlink()
    assert outbox.sweep(db, NOW) == 1


CHILD = """
import sys
from pathlib import Path
from datetime import datetime, UTC
from mailer import outbox
from mailer.storage import open_database
db = open_database(sys.argv[1])
sender = outbox.register(db, Path(sys.argv[2]), "child", datetime.now(UTC))
with sender.write() as conn:
    outbox.claim(conn, sender.id, {int(sys.argv[3]): 2}, datetime.now(UTC))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_the_lock_of_a_killed_process_is_free_at_once(db: Database, tmp_path: Path, signal: str) -> None:
    import signal as signals

    mailing = fill(db, 3)
    url = db.engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgresql")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(tmp_path), str(mailing)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        assert outbox.sweep(db, NOW) == 0
        child.send_signal(getattr(signals, signal))
        child.wait()
        swept = 0
        for _ in range(100):  # PostgreSQL notices the closed socket a moment later
            swept += outbox.sweep(db, NOW)
            if swept:
                break
    assert swept == 2
    assert counts(db, mailing) == {"recipients": 3, "waiting": 1, "in_doubt": 2}
