"""``/health`` says whether an opt-out is kept: for each fault it and POST /u/TOKEN agree, and both recover.

Expected, in one sentence: a real ``serve`` answers 503 to both while a fault lasts, says what is wrong without a path,
logs it once with how to mend it, and answers 200 to both after that, without a restart.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer.storage import Database, open_database
from tests.support.commandline import CommandLine, fetch, free_port
from tests.support.databases import PostgresServer, postgres_server
from tests.support.faults import Ballast, small_disk
from tests.support.site import KEYS_IN_SETTINGS, Town
from tests.support.tables import migrated
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
PEOPLE = 12


@dataclass
class RunningService:
    """A house that serves, and its readers, each of whom can opt out once."""

    folder: Path
    db: Database
    town: Town
    port: int
    log: Path
    readers: Iterator[int] = field(default_factory=lambda: iter(range(PEOPLE)))

    def opt_out(self) -> int:
        """Opt out the next reader as a mailbox provider does; return the status."""
        path = self.town.path(reader=next(self.readers))
        return fetch(f"http://127.0.0.1:{self.port}{path}", b"List-Unsubscribe=One-Click")[0]

    def health(self) -> tuple[int, str]:
        """Status, and the words."""
        return fetch(f"http://127.0.0.1:{self.port}/health")

    def agree_on(self, status: int) -> str:
        """Both say the same; the words of ``/health``. An answer of a second ago may be another one."""
        wait_until(lambda: self.health()[0] == status)
        assert self.opt_out() == status
        found, words = self.health()
        assert found == status, words
        assert str(self.folder) not in words
        return words


@contextmanager
def serving(folder: Path, url: str) -> Iterator[RunningService]:
    """``serve --public-only`` over a town in the database at ``url``."""
    folder.mkdir(exist_ok=True)
    db = migrated(open_database(url))
    town, port, log = Town(db, people=PEOPLE), free_port(), folder.parent / "serve.log"
    cli = CommandLine(folder.parent, KEYS_IN_SETTINGS | {"POSTILJON_DATA": str(folder), "POSTILJON_DATABASE_URL": url})
    cli.environment |= {"POSTILJON_WEB_PROCESSES": "1"}
    cli.do("init")
    with log.open("wb") as out:
        process = cli.start("serve", "--public-only", "--port", str(port), out=out.fileno(), err=out.fileno())
    try:
        service = RunningService(folder, db, town, port, log)
        service.agree_on(200)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        db.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[RunningService]:
    """On SQLite."""
    with serving(tmp_path / "data", f"sqlite:///{tmp_path}/data/postiljon.db") as service:
        yield service


def without_journal(service: RunningService) -> Callable[[], None]:
    """A folder has its name: it cannot be opened, whoever asks (root may write what is another's)."""
    journal = service.folder / "journal"
    journal.rename(service.folder / "kept")
    journal.mkdir()

    def mend() -> None:
        journal.rmdir()
        (service.folder / "kept").rename(journal)

    return mend


def moved(service: RunningService) -> Callable[[], None]:
    """The database has another name."""
    ends = [end for end in ("", "-wal", "-shm") if (service.folder / f"postiljon.db{end}").exists()]
    for end in ends:
        (service.folder / f"postiljon.db{end}").rename(service.folder / f"away.db{end}")

    def mend() -> None:
        for end in ends:
            (service.folder / f"away.db{end}").rename(service.folder / f"postiljon.db{end}")

    return mend


def old_schema(service: RunningService) -> Callable[[], None]:
    """A table lacks a column that this code writes."""
    rename(service, "reason", "reason_of_old")
    return lambda: rename(service, "reason_of_old", "reason")


def rename(service: RunningService, old: str, new: str) -> None:
    with service.db.write() as conn:
        conn.execute(text(f"ALTER TABLE suppression RENAME COLUMN {old} TO {new}"))


def locked(service: RunningService) -> Callable[[], None]:
    """Another program holds the lock."""
    holder = service.db.engine.raw_connection()
    holder.execute("BEGIN IMMEDIATE")  # type: ignore[attr-defined]

    def mend() -> None:
        holder.rollback()
        holder.close()

    return mend


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (without_journal, "journal cannot be written"),
        (moved, "database away"),
        (old_schema, "database refuses"),
        (locked, "database locked"),
    ],
)
def test_on_sqlite_health_and_an_opt_out_agree_during_a_fault_and_after_it(
    lite: RunningService, fault: Callable[[RunningService], Callable[[], None]], words: str
) -> None:
    mend = fault(lite)
    assert words in lite.agree_on(503)
    mend()
    lite.agree_on(200)
    told = lite.log.read_text("utf-8")
    assert len(re.findall("opt_outs_cannot_be_kept", told)) == 1, told
    assert len(re.findall("opt_outs_are_kept_again", told)) == 1
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert [bool(line["mend"]) for line in lines if line["event"] == "opt_outs_cannot_be_kept"] == [True]
    assert not list(lite.folder.glob("*.db-journal"))


def test_an_opt_out_into_a_database_that_took_the_place_of_another_is_kept_there(lite: RunningService) -> None:
    """An older copy is put in its place while ``serve`` runs: what comes now is in the file that has the name."""
    path = lite.folder / "postiljon.db"
    lite.db.empty_log()
    copy = path.read_bytes()
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    path.write_bytes(copy)
    lite.agree_on(200)
    other = open_database(f"sqlite:///{path}")
    with other.read() as conn:
        left = conn.execute(text("SELECT count(*) FROM suppression")).scalar_one()
    other.close()
    assert left == 2


def test_on_a_full_disk_health_and_an_opt_out_agree(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8_000) as disk:
        folder = disk / "data"
        folder.mkdir()
        with serving(folder, f"sqlite:///{folder}/postiljon.db") as service:
            ballast = Ballast(disk)
            ballast.fill()
            assert "no room left" in service.agree_on(503)
            ballast.drop()
            service.agree_on(200)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of its own, which is stopped meanwhile."""
    with postgres_server() as running:
        yield running


@pytest.mark.postgres
def test_on_postgresql_health_and_an_opt_out_agree_while_it_is_down_read_only_or_old(
    server: PostgresServer, tmp_path: Path
) -> None:
    name = server.fresh()
    with serving(tmp_path / "data", server.url(name)) as service:
        server.stop(signal.SIGINT)
        assert "database away" in service.agree_on(503)
        server.start()
        service.agree_on(200)
        server.admin(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        server.admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        assert "database away" in service.agree_on(503)
        server.admin(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        server.admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        service.agree_on(200)
        for fault in (without_journal, old_schema):
            mend = fault(service)
            service.agree_on(503)
            mend()
            service.agree_on(200)


def test_asking_for_health_leaves_no_row_and_grows_no_journal(lite: RunningService) -> None:
    """Expected: however often it is asked, every table and the journal are as before."""
    before, journal = lite.town.everything(), (lite.folder / "journal").read_bytes()
    for _ in range(3):
        assert lite.health() == (200, '{"status":"ok"}')
        time.sleep(1.05)
    assert lite.town.everything() == before
    assert (lite.folder / "journal").read_bytes() == journal
