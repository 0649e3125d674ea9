"""``postiljon upgrade``: from every released version, on both databases, and through a kill at any step."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from campaigns import migrations
from campaigns.migrations.words import CHANGES
from mailer.storage import open_database
from tests.conftest import BOTH
from tests.support.carried import carry
from tests.support.commandline import ROOT
from tests.support.databases import PostgresServer
from tests.support.installed import Installed, place
from tests.support.killed_command import CommandKiller, kill_points
from tests.support.released import FOLDER, READER, SLUG

RELEASED = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
OLD = "issue-3"


def old_house(folder: Path, name: str, server: PostgresServer | None = None) -> Installed:
    """An installation as an earlier version left it."""
    cli = place(folder, server)
    cli.data.mkdir(mode=0o700)
    shutil.copy(FOLDER / name / "secrets.toml", cli.data)
    (cli.data / "secrets.toml").chmod(0o600)
    if server:
        carry(FOLDER / name / "postiljon.db", server.url(cli.database))
    else:
        shutil.copy(FOLDER / name / "postiljon.db", cli.data)
        (cli.data / "postiljon.db").chmod(0o600)
    return cli


def schema(cli: Installed) -> str:
    return str(cli.ask("SELECT version_num FROM alembic_version")[0][0])


@pytest.fixture(params=BOTH)
def server(request: pytest.FixtureRequest) -> PostgresServer | None:
    """None: SQLite."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture
def old(server: PostgresServer | None, tmp_path: Path) -> Iterator[Installed]:
    """An installation of the first version, once on SQLite and once on PostgreSQL."""
    cli = old_house(tmp_path / "old", OLD, server)
    yield cli
    if server:
        server.drop(cli.database)


def test_every_revision_has_a_line_for_the_person_who_upgrades() -> None:
    assert tuple(CHANGES) == migrations.KNOWN


@pytest.mark.slow
@pytest.mark.parametrize("name", RELEASED)
def test_every_released_version_upgrades_on_both_databases(
    name: str, server: PostgresServer | None, tmp_path: Path
) -> None:
    """Expected: a checked backup, then the newest schema; campaign and reader are as that version said."""
    cli = old_house(tmp_path / "old", name, server)
    before = schema(cli)
    said = cli.do("upgrade", "--yes", "--json").json
    assert (said["before"], said["schema"], schema(cli)) == (before, migrations.HEAD, migrations.HEAD)
    assert [one["schema"] for one in said["changes"]] == [one for one in migrations.KNOWN if one > before]
    assert bool(said["backup"]) == (before != migrations.HEAD)
    facts: dict[str, Any] = json.loads((FOLDER / name / "facts.json").read_text("utf-8"))
    status, person = cli.status(SLUG), cli.do("contacts", "show", READER, "--json").json
    assert {key: status[key] for key in facts["status"]} == facts["status"]
    assert {key: person[key] for key in facts["reader"]} == facts["reader"]
    again = cli.do("upgrade")
    assert "Nothing to change" in again.out
    if server:
        server.drop(cli.database)


def test_the_backup_of_an_upgrade_leads_back_to_the_version_before(tmp_path: Path) -> None:
    cli = old_house(tmp_path / "old", OLD)
    before = schema(cli)
    made = cli.do("upgrade", "--yes", "--json").json["backup"]
    assert made["schema"] == before
    folder = tmp_path / "opened"
    folder.mkdir()
    subprocess.run(["tar", "-xzf", cli.folder / made["archive"], "-C", folder], check=True)
    with closing(sqlite3.connect(folder / "postiljon.db")) as lite:
        assert lite.execute("SELECT version_num FROM alembic_version").fetchone() == (before,)


def test_a_program_that_is_older_than_its_database_refuses_and_changes_nothing(old: Installed) -> None:
    url = old.environment.get("POSTILJON_DATABASE_URL") or f"sqlite:///{old.data}/postiljon.db"
    with closing(open_database(url)) as db, db.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    ran = old.run("upgrade", "--yes")
    assert ran.code == 3
    assert "newer Postiljon" in ran.err
    assert schema(old) == "9999"
    assert not (old.data / "backups").exists()


def test_without_a_backup_nothing_is_migrated(tmp_path: Path) -> None:
    """Expected: a backup that cannot be made stops the upgrade, unless none is wanted."""
    cli = old_house(tmp_path / "old", OLD)
    before = schema(cli)
    cli.write("file", "")
    cli.write("postiljon.toml", 'backup_to = "file/backups"\n')
    ran = cli.run("upgrade", "--yes")
    assert ran.code == 1
    assert "folder of backups" in ran.err
    assert schema(cli) == before
    cli.do("upgrade", "--yes", "--no-backup")
    assert schema(cli) == migrations.HEAD


def test_where_nobody_can_answer_it_asks_for_the_option_and_changes_nothing(tmp_path: Path) -> None:
    cli = old_house(tmp_path / "old", OLD)
    ran = cli.run("upgrade")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert "0002  descriptions of topics" in ran.out
    assert schema(cli) != migrations.HEAD


def test_json_is_never_mixed_with_a_question(tmp_path: Path) -> None:
    """Expected: on a terminal too, --json asks for --yes, and nothing is changed."""
    cli = old_house(tmp_path / "old", OLD)
    ours, theirs = pty.openpty()
    with (tmp_path / "said").open("w+b") as said:
        process = cli.start("upgrade", "--json", given=theirs, out=said.fileno())
        code = process.wait(120)
    os.close(ours)
    os.close(theirs)
    assert code == 2
    assert "--yes" in json.loads((tmp_path / "said").read_bytes())["message"]
    assert schema(cli) != migrations.HEAD


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 3), (b"y\n", 0)])
def test_on_a_terminal_it_asks_before_anything_is_changed(tmp_path: Path, answer: bytes, code: int) -> None:
    cli = old_house(tmp_path / "old", OLD)
    before = schema(cli)
    ours, theirs = pty.openpty()
    process = cli.start("upgrade", given=theirs)
    os.write(ours, answer)
    assert process.wait(120) == code
    os.close(ours)
    os.close(theirs)
    assert ROOT.exists()
    assert (schema(cli) == before) == (code == 3)


def test_an_upgrade_beside_a_running_sender_changes_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    cli = old_house(tmp_path / "old", OLD)
    (cli.data / "senders").mkdir(mode=0o700)
    lock = cli.data / "senders" / "1.lock"
    lock.touch(mode=0o600)
    values = ("one", str(lock), "2026-01-01 00:00:00.000000", "", "")
    with closing(sqlite3.connect(cli.data / "postiljon.db")) as lite:
        lite.execute("INSERT INTO sender (name, lock, started_at, relay, relay_words) VALUES (?, ?, ?, ?, ?)", values)
        lite.commit()
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = schema(cli)
        for options in ([], ["--yes"], ["--yes", "--json"]):
            ran = cli.run("upgrade", *options)
            assert (ran.code, "systemctl stop postiljon" in ran.out + ran.err) == (3, True), ran
        assert schema(cli) == before
        assert not (cli.data / "backups").exists()
        cli.do("upgrade", "--yes", "--while-running")
        assert schema(cli) == migrations.HEAD
        assert "Nothing to change" in cli.do("upgrade").out


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_upgrade_that_is_killed_at_any_step_ends_with_the_same_command(
    server: PostgresServer | None, tmp_path: Path
) -> None:
    """Expected: the old or the new schema and never anything between; no person is lost; a backup stays whole."""
    killer, killed = CommandKiller(), 0
    facts: dict[str, Any] = json.loads((FOLDER / OLD / "facts.json").read_text("utf-8"))
    command = ["upgrade", "--yes"]
    try:
        for step in kill_points(16 if server else 8):
            cli = old_house(tmp_path / f"old{step}", OLD, server)
            before, people = schema(cli), cli.rows("contact")
            first = killer.run(cli.folder, cli.env(), command, step)
            if not first.killed:
                assert first.code == 0, first
                break
            killed += 1
            assert schema(cli) in (before, migrations.HEAD)
            record = cli.data / "last-backup.json"
            assert schema(cli) == before or Path(json.loads(record.read_bytes())["archive"]).exists()
            second = killer.run(cli.folder, cli.env(), command)
            assert second.code == 0, (step, second)
            assert schema(cli) == migrations.HEAD
            assert cli.rows("contact") == people
            shown = killer.run(cli.folder, cli.env(), ["contacts", "show", READER, "--json"])
            person = json.loads(shown.out)
            assert {key: person[key] for key in facts["reader"]} == facts["reader"]
            if server:
                server.drop(cli.database)
            shutil.rmtree(cli.folder)
    finally:
        killer.close()
    assert killed > 2
