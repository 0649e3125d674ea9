"""``postiljon backup``: one archive that opens with ordinary tools, checked before it counts as made."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from campaigns.ops.backup import archive, postgres_tools
from campaigns.ops.backup.encryption import Passphrase
from mailer.errors import InputError
from tests.conftest import BOTH
from tests.support.installed import PEOPLE, Installed, installed
from tests.support.killed_command import CommandKiller, kill_points
from tests.support.needs import need

SECRET = "correct horse battery staple"


@pytest.fixture(params=BOTH)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installed]:
    """An installation, once on SQLite and once on PostgreSQL."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    cli = installed(tmp_path / "house", server)
    yield cli
    if server:
        server.drop(cli.database)


@pytest.fixture
def lite_place(tmp_path: Path) -> Installed:
    """An installation on SQLite, where the kind does not matter."""
    return installed(tmp_path / "house")


def archives(cli: Installed, folder: str = "data/backups") -> list[Path]:
    return sorted(path for path in (cli.folder / folder).iterdir() if path.suffix != ".partial")


def drafts(cli: Installed) -> list[Path]:
    return sorted((cli.data / "backups").glob("*.partial"))


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def test_a_backup_opens_with_tar_and_has_everything_that_makes_up_the_installation(installation: Installed) -> None:
    installation.leave(3)
    said = installation.do("backup", "--json").json
    (path,) = archives(installation)
    assert said["archive"] == "data/backups/" + path.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opened = installation.folder / "opened"
    opened.mkdir()
    subprocess.run(["tar", "-xzf", path, "-C", opened], check=True)
    manifest = json.loads((opened / "manifest.json").read_text("utf-8"))
    names = {entry["name"] for entry in manifest["entries"]}
    kind = "postiljon.dump" if installation.server else "postiljon.db"
    assert names == {kind, "journal", "secrets.toml", "postiljon.toml", "files/1-vng.toml", "files/2-vng-logo.png"}
    for entry in manifest["entries"]:
        assert digest(opened / entry["name"]) == entry["sha256"]
    assert manifest["rows"]["contact"] == said["rows"]["contact"] == PEOPLE
    assert manifest["journal_lines"] == 1
    assert (opened / "journal").read_bytes() == (installation.data / "journal").read_bytes()
    assert (opened / "files/2-vng-logo.png").read_bytes() == (installation.folder / "vng-logo.png").read_bytes()
    wanted = ["POSTILJON_DATABASE_URL"] if installation.server else []
    assert manifest["from_environment"] == wanted
    assert not (installation.data / "maintenance").exists()


def test_the_dump_in_a_backup_is_read_by_pg_restore_and_the_copy_by_sqlite(installation: Installed) -> None:
    installation.do("backup")
    opened = installation.folder / "opened"
    opened.mkdir()
    subprocess.run(["tar", "-xzf", archives(installation)[0], "-C", opened], check=True)
    if installation.server:
        command = [need("pg_restore", "postgresql"), "--list", str(opened / "postiljon.dump")]
        assert "TABLE DATA public contact" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
    else:
        with closing(sqlite3.connect(opened / "postiljon.db")) as lite:
            assert lite.execute("SELECT count(*) FROM contact").fetchone() == (PEOPLE,)
        assert not (opened / "postiljon.db-wal").exists()


def test_secrets_that_the_environment_has_are_in_the_backup_too(lite_place: Installed) -> None:
    """Expected: those in force, not those of the file; the names of other variables are listed."""
    text = (lite_place.data / "secrets.toml").read_text("utf-8")
    pepper = text.split('pepper = "')[1].split('"')[0]
    key = "a" * 42 + "A"
    more = {"POSTILJON_SECRET_KEYS": key, "POSTILJON_PEPPER": pepper, "POSTILJON_RATE": "100"}
    said = lite_place.do("backup", **more)
    assert "POSTILJON_RATE" in said.out
    assert key not in said.out + said.err
    with tarfile.open(archives(lite_place)[0]) as tar:
        kept = tar.extractfile("secrets.toml")
        assert kept is not None
        assert f'secret_keys = "{key}"\npepper = "{pepper}"\n' in kept.read().decode()


def test_a_backup_with_a_passphrase_shows_no_secret_and_opens_with_it_alone(lite_place: Installed) -> None:
    """Expected: nothing readable but format, installation and time; the passphrase stands nowhere."""
    lite_place.write("passphrase", SECRET + "\n")
    said = lite_place.do("backup", "--passphrase-file", "passphrase")
    assert "encrypted" in said.out
    (path,) = archives(lite_place)
    data = path.read_bytes()
    for hidden in (b"lezer1@example.org", b"pepper", b"SQLite format 3", SECRET.encode()):
        assert hidden not in data
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["about.json", "key.age", "postiljon.tar.gz.age"]
    target = lite_place.folder / "opened"
    target.mkdir()
    opened = archive.extract(path, target, Passphrase(SECRET))
    assert opened.manifest.rows["contact"] == PEOPLE
    for wrong, words in ((None, "--passphrase-file"), (Passphrase("wrong"), "passphrase does not open")):
        empty = lite_place.folder / f"empty{words[:3]}"
        empty.mkdir()
        with pytest.raises(InputError, match=words):
            archive.extract(path, empty, wrong)


def test_keep_removes_the_oldest_of_this_installation_and_nothing_else(lite_place: Installed, tmp_path: Path) -> None:
    other = installed(tmp_path / "other", people=2)
    shared = tmp_path / "shared"
    other.do("backup", "--to", str(shared))
    (foreign,) = shared.iterdir()
    (shared / "postiljon-20200101T000000Z.tar.gz").write_bytes(b"not ours")
    (shared / "notes.txt").write_text("mine")
    made = [lite_place.do("backup", "--to", str(shared), "--json").json["archive"] for _ in range(3)]
    said = lite_place.do("backup", "--to", str(shared), "--keep", "2", "--json").json
    assert said["removed"] == made[:2]
    left = {path.name for path in shared.iterdir()}
    assert left == {
        "notes.txt",
        "postiljon-20200101T000000Z.tar.gz",
        foreign.name,
        Path(made[2]).name,
        Path(said["archive"]).name,
    }


def test_settings_name_the_folder_the_number_and_the_passphrase(lite_place: Installed) -> None:
    lite_place.write("passphrase", SECRET)
    with (lite_place.folder / "postiljon.toml").open("a") as file:
        file.write('backup_to = "kept"\nbackup_keep = 1\nbackup_passphrase_file = "passphrase"\n')
    lite_place.do("backup")
    lite_place.do("backup")
    (path,) = archives(lite_place, "kept")
    assert path.name.endswith("Z.tar")
    record = json.loads((lite_place.data / "last-backup.json").read_text("utf-8"))
    assert record["archive"] == str(path)
    assert record["encrypted"] is True


def test_a_second_backup_at_the_same_time_says_so_and_changes_nothing(lite_place: Installed) -> None:
    descriptor = os.open(lite_place.data / "maintenance.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    ran = lite_place.run("backup")
    os.close(descriptor)
    assert ran.code == 3
    assert "another backup" in ran.err
    assert not (lite_place.data / "backups").exists()
    lite_place.do("backup")


def test_the_draft_of_a_living_run_stays_and_that_of_a_dead_one_goes(lite_place: Installed) -> None:
    folder = lite_place.data / "backups"
    folder.mkdir(mode=0o700)
    living, dead = (folder / f"postiljon-2026010{day}T000000Z.tar.gz.partial" for day in (1, 2))
    living.write_bytes(b"x")
    dead.write_bytes(b"x")
    with living.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lite_place.do("backup")
    assert living.exists()
    assert not dead.exists()


def test_a_disk_that_fills_leaves_the_earlier_backups_and_says_so(lite_place: Installed) -> None:
    """Expected: exit 3, a sentence, no draft, the same record; with room again the command works."""
    lite_place.do("backup")
    before = {path.name: digest(path) for path in archives(lite_place)}
    record = (lite_place.data / "last-backup.json").read_bytes()
    for size in (4_000, 20_000, 280_000):
        limit = f"ulimit -f {-(-size // 1024)}; trap '' XFSZ; exec postiljon backup"
        path = str(Path(shutil.which("postiljon", path=os.path.dirname(os.sys.executable)) or "").parent)
        env = lite_place.env() | {"PATH": f"{path}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", limit], cwd=lite_place.folder, env=env, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            continue
        assert done.returncode == 3, done
        assert "Traceback" not in done.stderr
        assert {path.name: digest(path) for path in archives(lite_place)} == before
        assert (lite_place.data / "last-backup.json").read_bytes() == record
    lite_place.do("backup")


def test_a_file_that_settings_name_and_nobody_can_read_is_told_and_the_rest_is_kept(
    lite_place: Installed,
) -> None:
    """Expected: a fault that stops other commands does not stop the backup of people and secrets."""
    (lite_place.folder / "vng.toml").unlink()
    with (lite_place.folder / "postiljon.toml").open("a") as file:
        file.write('smtp_password_file = "gone"\n')
    assert lite_place.run("status").code == 1
    ran = lite_place.do("backup")
    assert "vng.toml is not in the backup" in ran.err
    assert "gone is not in the backup" in ran.err
    with tarfile.open(archives(lite_place)[0]) as tar:
        assert tar.getnames() == ["manifest.json", "postiljon.db", "journal", "secrets.toml", "postiljon.toml"]


def test_settings_that_a_backup_needs_are_told_when_they_are_wrong(lite_place: Installed) -> None:
    with (lite_place.folder / "postiljon.toml").open("a") as file:
        file.write("backup_keep = 0\n")
    ran = lite_place.run("backup")
    assert ran.code == 1
    assert "POSTILJON_BACKUP_KEEP" in ran.err
    (lite_place.folder / "postiljon.toml").unlink()
    (lite_place.data / "secrets.toml").unlink()
    ran = lite_place.run("backup")
    assert ran.code == 1
    assert "no secrets" in ran.err


def test_bad_options_are_told_in_a_sentence(lite_place: Installed) -> None:
    lite_place.write("empty", "\n")
    lite_place.write("two", "one\ntwo\n")
    for file, words in (("gone", "cannot be read"), ("empty", "one line"), ("two", "one line"), (".", "no ordinary")):
        ran = lite_place.run("backup", "--passphrase-file", file)
        assert (ran.code, "Traceback" in ran.err) == (1, False)
        assert words in ran.err
    assert lite_place.run("backup", "--keep", "0").code == 2
    lite_place.write("file", "")
    ran = lite_place.run("backup", "--to", "file/folder")
    assert ran.code == 1
    assert "file" in ran.err


@pytest.mark.postgres
def test_the_password_of_the_database_is_in_no_command_line(installation: Installed, tmp_path: Path) -> None:
    """Expected: it stands in the environment of pg_dump only."""
    if installation.server is None:
        return
    need("pg_dump", "postgresql")
    real = postgres_tools.newest("pg_dump").folder
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pg_dump", "pg_restore"):
        note = f'echo "$0 $@" >> {tools}/seen; [ "$1" = --version ] || echo "$PGPASSWORD" >> {tools}/passwords'
        (tools / name).write_text(f'#!/bin/sh\n{note}\nexec {real}/{name} "$@"\n')
        (tools / name).chmod(0o755)
    url = installation.environment["POSTILJON_DATABASE_URL"].replace("postiljon@", "postiljon:s3cr3t-w0rd@")
    installation.do("backup", POSTILJON_DATABASE_URL=url, PATH=f"{tools}:{os.environ['PATH']}")
    seen = (tools / "seen").read_text()
    assert "pg_dump --no-owner" in seen
    assert "s3cr3t-w0rd" not in seen
    assert "s3cr3t-w0rd" in (tools / "passwords").read_text()


def test_programs_of_postgresql_that_are_missing_or_too_old_are_named() -> None:
    need("pg_dump", "postgresql")
    with pytest.raises(InputError, match=r"pg_dump on this machine is version .*server is version 99"):
        postgres_tools.find(99)
    with pytest.raises(InputError, match="not on this machine: pg_nothing 15 or newer"):
        postgres_tools.find(15, "pg_nothing")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("options", [[], ["--passphrase-file", "passphrase"]], ids=["plain", "encrypted"])
def test_a_backup_that_is_killed_at_any_step_loses_nothing_and_works_again(
    lite_place: Installed, options: list[str]
) -> None:
    """Expected: earlier archives stay as they were, the record names one that is whole, and nothing is left behind."""
    _kill_at_each_step(lite_place, options, 8 if not options else 24)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.postgres
def test_a_backup_of_postgresql_that_is_killed_at_any_step_loses_nothing(installation: Installed) -> None:
    if installation.server:
        _kill_at_each_step(installation, [], 16)


def _kill_at_each_step(cli: Installed, options: list[str], each: int) -> None:
    cli.write("passphrase", SECRET)
    command = ["backup", "--keep", "3", *options]
    cli.do(*command)
    killer = CommandKiller()
    killed = 0
    try:
        for step in kill_points(each):
            before = {path.name: digest(path) for path in archives(cli)}
            record = (cli.data / "last-backup.json").read_bytes()
            ended = killer.run(cli.folder, cli.env(), command, step)
            if not ended.killed:
                assert ended.code == 0, ended
                break
            killed += 1
            after = {path.name: digest(path) for path in archives(cli)}
            made = set(after) - set(before)
            gone = set(before) - set(after)
            assert {name: after[name] for name in before if name not in gone} == {
                name: before[name] for name in before if name not in gone
            }
            assert not gone or (made and max(gone) < max(after)), "only old ones, and only when a new one is there"
            named = json.loads((cli.data / "last-backup.json").read_bytes())["archive"]
            assert Path(named).exists()
            assert made or (cli.data / "last-backup.json").read_bytes() == record
            if killed % 3 == 0 and not options:  # else the next one that is killed is the command again
                again = killer.run(cli.folder, cli.env(), command)
                assert again.code == 0, again
                assert drafts(cli) == []
                assert not (cli.data / "maintenance").exists()
    finally:
        killer.close()
    assert killed > 1
    assert cli.rows("contact") == PEOPLE
    cli.do(*command)
    assert (len(archives(cli)), drafts(cli)) == (3, [])
