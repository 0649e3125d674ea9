"""The copy of a database that others write to is one moment of it, on both databases, and delays nobody."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.ops.backup import postgres_copy, postgres_tools, sqlite_copy
from campaigns.ops.backup.maintenance import need_room
from campaigns.ops.backup.postgres_tools import PostgresTools
from mailer.errors import InputError, StorageError, StorageFull
from mailer.storage import Database
from tests.support.needs import need
from tests.support.waiting import until

PAIRS = 200


class Writer:
    """Writes one row into each of two tables, in one transaction, again and again."""

    def __init__(self, db: Database) -> None:
        self._db, self.written, self._stop = db, 0, threading.Event()
        self._thread = threading.Thread(target=self._run)
        with db.write() as conn:
            for name in ("one", "other"):
                conn.execute(text(f"CREATE TABLE {name} (number INTEGER, words TEXT)"))

    def write(self) -> None:
        with self._db.write() as conn:
            for name in ("one", "other"):
                values = {"number": self.written, "words": "a line\nwith \\. and \t in it" * 50}
                conn.execute(text(f"INSERT INTO {name} VALUES (:number, :words)"), values)
        self.written += 1

    def _run(self) -> None:
        while not self._stop.is_set():
            self.write()

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def copied(db: Database, target: Path) -> tuple[dict[str, int], dict[str, int]]:
    """The rows that were counted in the database, and those in the copy."""
    if db.sqlite_path:
        found = sqlite_copy.copy(db.sqlite_path, target, lambda _size: None)
        return dict(found.rows), dict(sqlite_copy.examine(target).rows)
    need("pg_dump", "postgresql")
    found = postgres_copy.copy(db, target, lambda _size: None)
    return dict(found.rows), dict(postgres_copy.examine(target))


async def test_a_copy_beside_a_busy_writer_is_one_moment_and_agrees_with_its_counts(
    empty_database: Database, tmp_path: Path
) -> None:
    """Expected: both tables have the same rows in every copy, and the writer went on meanwhile."""
    writer = Writer(empty_database)
    for _ in range(PAIRS):
        writer.write()
    with writer:
        for number in range(4):
            before = writer.written
            counted, found = copied(empty_database, tmp_path / f"copy{number}")
            assert counted == found
            assert found["one"] == found["other"] >= before
            await until(lambda before=before: writer.written > before)
    assert sorted(name for name in os.listdir(tmp_path) if name.startswith("copy")) == [
        f"copy{number}" for number in range(4)
    ]


def test_a_copy_with_a_damaged_page_is_found(sqlite_database: Database, tmp_path: Path) -> None:
    writer, target = Writer(sqlite_database), tmp_path / "copy"
    for _ in range(PAIRS):
        writer.write()
    copied(sqlite_database, target)
    data = bytearray(target.read_bytes())
    for at in range(8192, len(data), 4096):
        data[at : at + 16] = b"\xff" * 16
    target.write_bytes(bytes(data))
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        sqlite_copy.examine(target)


@pytest.mark.postgres
def test_a_dump_that_is_cut_off_is_found(empty_database: Database, tmp_path: Path) -> None:
    if empty_database.is_sqlite:
        return
    writer, target = Writer(empty_database), tmp_path / "copy"
    for _ in range(PAIRS):
        writer.write()
    copied(empty_database, target)
    data = target.read_bytes()
    target.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises((StorageError, InputError)):
        postgres_copy.examine(target)


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="nothing was changed"):
        need_room(tmp_path, 10**18)
    need_room(tmp_path, 1)


def test_a_copy_that_would_not_fit_is_stopped(empty_database: Database, tmp_path: Path) -> None:
    """Expected: the error comes out, on PostgreSQL too, where pg_dump is stopped."""
    writer = Writer(empty_database)
    writer.write()

    def full(_size: int) -> None:
        raise StorageFull("full")

    with pytest.raises(StorageFull):
        if empty_database.sqlite_path:
            sqlite_copy.copy(empty_database.sqlite_path, tmp_path / "copy", full)
        else:
            need("pg_dump", "postgresql")
            postgres_copy.copy(empty_database, tmp_path / "copy", full)


@pytest.mark.parametrize(
    ("installed", "server", "expected"),
    [
        ((14, 15, 17), 15, 15),
        ((16,), 15, 16),
        ((15, 17), 16, None),
        ((17,), 16, None),
        ((18,), 17, 18),
        ((14,), 15, None),
    ],
)
def test_programs_are_those_of_the_server_or_newer_ones_that_it_understands(
    installed: tuple[int, ...], server: int, expected: int | None
) -> None:
    """Expected: from version 17 on, none for an older server; the error names the package."""
    found = [PostgresTools(Path(f"/{version}"), version) for version in installed]
    if expected is not None:
        assert postgres_tools.fitting(found, server, "pg_restore").version == expected
        return
    with pytest.raises(InputError, match=f"postgresql-client-{server}"):
        postgres_tools.fitting(found, server, "pg_restore")


def test_a_program_of_postgresql_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Expected: after SIGKILL of the parent it ends, although it neither reads nor writes."""
    need("setpriv", "util-linux")
    told = tmp_path / "told"
    os.mkfifo(told)
    program = "import os, sys; from campaigns.ops.backup import postgres_tools as tools; "
    program += "tools.run(['sh', '-c', 'echo $$ > ' + sys.argv[1] + '; exec sleep 600'], dict(os.environ))"
    with subprocess.Popen([sys.executable, "-c", program, str(told)]) as parent:
        child = int(told.read_text())
        descriptor = os.pidfd_open(child)
        parent.kill()
    try:
        ended, _, _ = select.select([descriptor], [], [], 30)
        assert ended
    finally:
        os.close(descriptor)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
