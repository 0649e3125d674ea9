"""The content of ``postiljon backup``: nothing foreign comes in unnoticed, and the disk is never filled."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from campaigns.ops.backup import archive
from campaigns.ops.backup.encryption import Passphrase
from mailer.errors import StorageFull
from tests.conftest import BOTH
from tests.support.installed import Installed, installed


@pytest.fixture(params=BOTH)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installed]:
    """An installation, once on SQLite and once on PostgreSQL."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    cli = installed(tmp_path / "house", server, people=2)
    yield cli
    if server:
        server.drop(cli.database)


@pytest.fixture
def lite_place(tmp_path: Path) -> Installed:
    """An installation on SQLite, where the kind does not matter."""
    return installed(tmp_path / "house", people=2)


def names_in(path: Path) -> list[str]:
    with tarfile.open(path) as tar:
        return tar.getnames()


def change(cli: Installed, statement: str) -> None:
    """Run a statement in the database, without Postiljon."""
    if cli.server is None:
        with closing(sqlite3.connect(cli.data / "postiljon.db")) as lite:
            lite.execute(statement)
            lite.commit()
        return
    import psycopg

    where = f"host={cli.server.folder} user=postiljon dbname={cli.database}"
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_backup_that_restore_will_refuse_says_so_and_doctor_too(installation: Installed) -> None:
    """Expected: a warning with the name of the object, until it was removed and another backup was made."""
    if installation.server:
        make, remove = "CREATE VIEW ledger AS SELECT 1 AS one", "DROP VIEW ledger"
    else:
        make = "CREATE TRIGGER ledger AFTER INSERT ON suppression BEGIN SELECT 1; END"
        remove = "DROP TRIGGER ledger"
    change(installation, make)
    ran = installation.do("backup")
    assert "will refuse this archive" in ran.err
    assert "ledger" in ran.err
    told = [one["words"] for one in installation.run("doctor", "--json").json["findings"] if one["kind"] == "warning"]
    assert [words for words in told if "will refuse the last one" in words and "ledger" in words]
    change(installation, remove)
    assert "will refuse" not in installation.do("backup").err
    assert "will refuse" not in installation.run("doctor").out


@pytest.mark.parametrize("tail", [b'{"torn', b"x" * 200_000])
def test_a_journal_is_copied_up_to_its_last_whole_line(lite_place: Installed, tail: bytes) -> None:
    lite_place.leave(1)
    journal = lite_place.data / "journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + tail)
    made = lite_place.do("backup", "--json").json
    with tarfile.open(lite_place.folder / made["archive"]) as tar:
        kept = tar.extractfile("journal")
        assert kept is not None
        assert kept.read() == whole
    assert made["journal_lines"] == 1


@pytest.mark.parametrize("outside", ["absolute", "above"])
def test_a_brand_puts_no_file_from_elsewhere_into_the_backup(lite_place: Installed, outside: str) -> None:
    secret = lite_place.folder.parent / "private.png"
    secret.write_text("not a picture of the brand")
    brand = lite_place.folder / "vng.toml"
    name = str(secret) if outside == "absolute" else "../private.png"
    brand.write_text(brand.read_text("utf-8").replace("vng-logo.png", name), "utf-8")
    assert name in brand.read_text("utf-8")
    made = lite_place.do("backup", "--json").json
    found = names_in(lite_place.folder / made["archive"])
    assert "files/1-vng.toml" in found
    assert not [one for one in found if "private" in one]


@pytest.mark.parametrize("passphrase", [None, Passphrase("correct horse")], ids=["plain", "encrypted"])
def test_an_archive_is_not_written_on_where_the_room_ends(
    lite_place: Installed, tmp_path: Path, passphrase: Passphrase | None
) -> None:
    """Expected: the room is asked for before any content is written, and the error comes out."""
    made = lite_place.do("backup", "--json").json
    folder = tmp_path / "opened"
    folder.mkdir()
    opened = archive.extract(lite_place.folder / made["archive"], folder, None)
    asked: list[int] = []
    whole = io.BytesIO()
    archive.write(whole, folder, opened.manifest, passphrase, asked.append)
    assert sum(asked) >= made["bytes"] * 9 // 10

    def full(_size: int) -> None:
        raise StorageFull("full")

    stopped = io.BytesIO()
    with pytest.raises(StorageFull):
        archive.write(stopped, folder, opened.manifest, passphrase, full)
    assert len(stopped.getvalue()) < len(whole.getvalue()) // 2
