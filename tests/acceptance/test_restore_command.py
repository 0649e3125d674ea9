"""``postiljon restore``: an archive goes into an empty place whole, or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from campaigns import migrations
from tests.support.databases import PostgresServer
from tests.support.installed import PEOPLE, installed, place
from tests.support.killed_command import CommandKiller, kill_points
from tests.support.released import FOLDER, SLUG
from tests.support.restore_scene import EARLY, LATE, Scene, nothing_came, there

SECRET = "correct horse battery staple"


def test_a_restore_brings_everything_back_and_forgets_no_wish(restore_setup: Scene, tmp_path: Path) -> None:
    """Expected: people, secrets, settings, brand; who left before the backup and who left after it are held back."""
    cli = restore_setup.empty(tmp_path / "new")
    said = cli.do("restore", str(restore_setup.archive), "--journal", str(restore_setup.journal), "--json").json
    assert said["restored"]["wishes"] == 1
    assert cli.rows("contact") == PEOPLE
    assert [number for number in range(PEOPLE) if number in (EARLY, LATE, 7) and cli.is_suppressed(number)] == [3, 4]
    assert (cli.folder / "postiljon.toml").read_bytes() == (
        restore_setup.installation.folder / "postiljon.toml"
    ).read_bytes()
    for name in ("vng.toml", "vng-logo.png"):
        assert (cli.folder / name).read_bytes() == (restore_setup.installation.folder / name).read_bytes()
    for path in (cli.data / "secrets.toml", cli.data / "journal", cli.folder / "postiljon.toml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.data.stat().st_mode) == 0o700
    assert not (cli.folder / ".postiljon-restore").exists()
    assert cli.do("status", "--json").json == []
    protected = "pg_trigger WHERE NOT tgisinternal" if cli.server else "sqlite_master WHERE type = 'trigger'"
    assert cli.ask(f"SELECT count(*) FROM {protected}")[0][0] == (1 if cli.server else 2)  # the audit trail, as before
    again = cli.do("restore", str(restore_setup.archive))
    assert "restored here already" in again.out


def test_without_a_newer_journal_the_backup_is_as_it_was(restore_setup: Scene, tmp_path: Path) -> None:
    cli = restore_setup.empty(tmp_path / "new")
    said = cli.do("restore", str(restore_setup.archive)).out
    assert (cli.is_suppressed(EARLY), cli.is_suppressed(LATE)) == (True, False)
    assert "resume SLUG" not in said  # nothing is held, so there is nothing to decide


def test_the_journal_that_is_found_in_the_place_counts(sqlite_restore_setup: Scene, tmp_path: Path) -> None:
    """Expected: after the loss of the database alone, the journal that stayed has the wishes since then."""
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    cli.data.mkdir(mode=0o700)
    shutil.copy(sqlite_restore_setup.journal, cli.data / "journal")
    cli.do("restore", str(sqlite_restore_setup.archive))
    assert cli.is_suppressed(LATE)
    assert (cli.data / "journal").read_bytes().split() == sqlite_restore_setup.journal.read_bytes().split()


def test_a_place_that_is_not_empty_is_refused_and_stays_as_it_is(restore_setup: Scene, tmp_path: Path) -> None:
    cli = installed(tmp_path / "other", restore_setup.server, people=2)
    before = there(cli)
    ran = cli.run("restore", str(restore_setup.archive))
    assert ran.code == 1
    assert (
        "dropdb" if restore_setup.server else str(cli.data / "postiljon.db").removeprefix(f"{cli.folder}/")
    ) in ran.err
    assert {name: data for name, data in there(cli).items() if "maintenance" not in name} == before
    assert cli.rows("contact") == 2


def test_other_secrets_are_not_mixed_with_those_of_the_archive(sqlite_restore_setup: Scene, tmp_path: Path) -> None:
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    cli.do("init", "--organisation", "X", "--contact", "x@vng.example")
    (cli.data / "postiljon.db").unlink()
    kept = (cli.data / "secrets.toml").read_bytes()
    ran = cli.run("restore", str(sqlite_restore_setup.archive))
    assert ran.code == 1
    assert "secrets in force here" in ran.err
    assert (cli.data / "secrets.toml").read_bytes() == kept
    assert not (cli.data / "postiljon.db").exists()


def test_settings_and_files_that_are_there_are_not_replaced(sqlite_restore_setup: Scene, tmp_path: Path) -> None:
    """Expected: what differs is put beside, under a name that says so, and told."""
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    cli.write("postiljon.toml", 'brand = "vng.toml"\n')
    cli.write("vng.toml", 'name = "Mine"\n')
    ran = cli.do("restore", str(sqlite_restore_setup.archive))
    assert "postiljon.toml.from-backup" in ran.err
    assert (cli.folder / "vng.toml").read_text() == 'name = "Mine"\n'
    assert (cli.folder / "postiljon.toml").read_text() == 'brand = "vng.toml"\n'
    assert (cli.folder / "vng.toml.from-backup").read_bytes() == (
        sqlite_restore_setup.installation.folder / "vng.toml"
    ).read_bytes()


def test_no_file_of_the_archive_leaves_the_folders_of_the_installation(
    sqlite_restore_setup: Scene, tmp_path: Path
) -> None:
    """Expected: settings out of the archive that name a place elsewhere get the file put aside, and told."""
    installation = installed(tmp_path / "house")
    outside = tmp_path / "outside"
    shutil.move(str(installation.folder / "vng.toml"), tmp_path / "vng.toml")
    shutil.move(str(installation.folder / "vng-logo.png"), tmp_path / "vng-logo.png")
    outside.mkdir()
    for name in ("vng.toml", "vng-logo.png"):
        shutil.move(str(tmp_path / name), outside)
    installation.write("postiljon.toml", f'brand = "{outside}/vng.toml"\n')
    path = installation.folder / installation.do("backup", "--json").json["archive"]
    shutil.rmtree(outside)
    cli = place(tmp_path / "new")
    ran = cli.do("restore", str(path))
    assert not outside.exists()
    assert "from-backup/1-vng.toml" in ran.err
    assert (cli.data / "from-backup" / "1-vng.toml").exists()


def test_a_backup_of_an_older_schema_is_migrated_on_the_way(tmp_path: Path) -> None:
    old = place(tmp_path / "old")
    old.data.mkdir(mode=0o700)
    for name in ("postiljon.db", "secrets.toml"):
        shutil.copy(FOLDER / "issue-3" / name, old.data)
        (old.data / name).chmod(0o600)
    path = old.folder / old.do("backup", "--json").json["archive"]
    cli = place(tmp_path / "new")
    said = cli.do("restore", str(path), "--json").json
    assert (said["before"], said["schema"]) != (migrations.HEAD, "")
    assert cli.status(SLUG)["campaign"] == SLUG


def test_code_of_a_stranger_in_the_database_of_an_archive_is_refused(restore_setup: Scene, tmp_path: Path) -> None:
    installation = installed(tmp_path / "house", restore_setup.server, people=2)
    if restore_setup.server is None:
        with closing(sqlite3.connect(installation.data / "postiljon.db")) as lite:
            lite.execute("CREATE TRIGGER evil AFTER INSERT ON suppression BEGIN DELETE FROM suppression; END")
            lite.commit()
    else:
        import psycopg

        where = f"host={restore_setup.server.folder} user=postiljon dbname={installation.database}"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute("CREATE FUNCTION evil() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    path = installation.folder / installation.do("backup", "--json").json["archive"]
    cli = restore_setup.empty(tmp_path / "new")
    ran = cli.run("restore", str(path))
    assert ran.code == 1
    assert "evil" in ran.err
    assert not (cli.data / "restoring.json").exists()
    assert not (cli.data / "secrets.toml").exists()
    assert not (cli.folder / "postiljon.toml").exists()


@pytest.mark.postgres
def test_tables_of_somebody_else_in_another_schema_come_along(postgres: PostgresServer, tmp_path: Path) -> None:
    import psycopg

    installation = installed(tmp_path / "house", postgres, people=2)
    where = f"host={postgres.folder} user=postiljon dbname="
    with psycopg.connect(where + installation.database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA other")
        connection.execute("CREATE TABLE other.things AS SELECT generate_series(1, 5) AS number")
    path = installation.folder / installation.do("backup", "--json").json["archive"]
    cli = place(tmp_path / "new", postgres)
    cli.do("restore", str(path))
    assert cli.ask("SELECT count(*) FROM other.things") == [(5,)]
    assert cli.rows("contact") == 2
    for one in (installation, cli):
        postgres.drop(one.database)


def test_an_encrypted_archive_is_restored_with_its_passphrase_alone(
    sqlite_restore_setup: Scene, tmp_path: Path
) -> None:
    installation = sqlite_restore_setup.installation
    installation.write("passphrase", SECRET)
    path = installation.do("backup", "--to", str(tmp_path / "kept"), "--passphrase-file", "passphrase", "--json").json
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    cli.write("right", SECRET + "\n")
    cli.write("wrong", "something else\n")
    before = there(cli)
    for options, words in (([], "--passphrase-file"), (["--passphrase-file", "wrong"], "does not open")):
        ran = cli.run("restore", path["archive"], *options)
        assert ran.code == 1
        assert words in ran.err
        assert nothing_came(cli, before)
    cli.do("restore", path["archive"], "--passphrase-file", "right")
    assert cli.rows("contact") == PEOPLE


def test_an_archive_of_the_other_kind_of_database_is_refused(
    sqlite_restore_setup: Scene, tmp_path: Path, postgres: PostgresServer
) -> None:
    cli = place(tmp_path / "new", postgres)
    ran = cli.run("restore", str(sqlite_restore_setup.archive))
    assert ran.code == 1
    assert "SQLite" in ran.err
    postgres.drop(cli.database)


def test_files_that_an_earlier_restore_put_beside_are_not_replaced(sqlite_restore_setup: Scene, tmp_path: Path) -> None:
    """Expected: each content has a name of its own, and the same content is there once."""
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    cli.write("postiljon.toml", 'brand = "vng.toml"\n')
    cli.write("vng.toml", 'name = "Mine"\n')
    cli.write("vng.toml.from-backup", "earlier")
    cli.do("restore", str(sqlite_restore_setup.archive))
    archived = (sqlite_restore_setup.installation.folder / "vng.toml").read_bytes()
    assert (cli.folder / "vng.toml.from-backup").read_bytes() == b"earlier"
    assert (cli.folder / "vng.toml.from-backup.2").read_bytes() == archived
    for name in ("postiljon.db", "secrets.toml", "restored-from.json"):
        (cli.data / name).unlink()
    cli.do("restore", str(sqlite_restore_setup.archive))
    assert not (cli.folder / "vng.toml.from-backup.3").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_restore_that_is_killed_at_any_step_goes_on_with_the_same_command(
    restore_setup: Scene, tmp_path: Path
) -> None:
    """Expected: the archive is untouched, no other command runs meanwhile, and the second try ends whole."""
    killer, archive = CommandKiller(), restore_setup.archive.read_bytes()
    command = ["restore", str(restore_setup.archive), "--journal", str(restore_setup.journal)]
    killed, held = 0, 0
    try:
        for step in kill_points(16 if restore_setup.server else 10):
            cli = restore_setup.empty(tmp_path / f"new{step}")
            first = killer.run(cli.folder, cli.env(), command, step)
            if not first.killed:
                assert first.code == 0, first
                break
            killed += 1
            if (cli.data / "restoring.json").exists():
                held += 1
            if held == 1:
                blocked = killer.run(cli.folder, cli.env(), ["status"])
                assert blocked.code == 3, blocked
                assert "stopped before its end" in blocked.out
            second = killer.run(cli.folder, cli.env(), command)
            assert second.code == 0, (step, second)
            assert cli.rows("contact") == PEOPLE
            assert cli.rows("suppression") == 2
            assert not (cli.folder / ".postiljon-restore").exists()
            assert not (cli.data / "maintenance").exists()
            assert (cli.data / "journal").read_bytes().split() == restore_setup.journal.read_bytes().split()
            if restore_setup.server:
                restore_setup.server.drop(cli.database)
            shutil.rmtree(cli.folder)
    finally:
        killer.close()
    assert killed > 2
    assert held > 0
    assert restore_setup.archive.read_bytes() == archive
    assert os.listdir(restore_setup.archive.parent) == [restore_setup.archive.name]
