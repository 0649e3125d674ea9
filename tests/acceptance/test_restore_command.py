"""``postiljon restore``: an archive goes into an empty place whole, or not at all."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from campaigns import migrations
from tests.conftest import BOTH
from tests.support.databases import PostgresServer
from tests.support.doomed import Executioner
from tests.support.installed import PEOPLE, Installed, installed, place
from tests.support.released import FOLDER, SLUG

EARLY, LATE = 3, 4  # who left before the backup, and after it
SECRET = "correct horse battery staple"


class Scene:
    """An installation of which a backup was made, after which a reader left; the journal was saved."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self.server = server
        self.house = installed(folder, server)
        self.house.leave(EARLY)
        self.archive = folder / self.house.do("backup", "--json").json["archive"]
        self.house.leave(LATE)
        self.journal = self.house.data / "journal"

    def empty(self, folder: Path) -> Installed:
        """Another place, with an empty database."""
        return place(folder, self.server)


@pytest.fixture(scope="module", params=BOTH)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Made once for all of these tests, which only read it: on SQLite and on PostgreSQL."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    made = Scene(tmp_path_factory.mktemp("house") / "house", server)
    yield made
    if server:
        server.drop(made.house.database)


@pytest.fixture(scope="module")
def lite_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The same on SQLite alone."""
    return Scene(tmp_path_factory.mktemp("lite") / "house", None)


def there(desk: Installed) -> dict[str, bytes]:
    """All files below a folder, with their content."""
    return {str(path): path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}


def test_a_restore_brings_everything_back_and_forgets_no_wish(scene: Scene, tmp_path: Path) -> None:
    """Expected: people, secrets, settings, brand; who left before the backup and who left after it are held back."""
    desk = scene.empty(tmp_path / "new")
    said = desk.do("restore", str(scene.archive), "--journal", str(scene.journal), "--json").json
    assert said["restored"]["wishes"] == 1
    assert desk.rows("contact") == PEOPLE
    assert [number for number in range(PEOPLE) if number in (EARLY, LATE, 7) and desk.is_suppressed(number)] == [3, 4]
    assert (desk.folder / "postiljon.toml").read_bytes() == (scene.house.folder / "postiljon.toml").read_bytes()
    for name in ("vng.toml", "vng-logo.png"):
        assert (desk.folder / name).read_bytes() == (scene.house.folder / name).read_bytes()
    for path in (desk.data / "secrets.toml", desk.data / "journal", desk.folder / "postiljon.toml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.data.stat().st_mode) == 0o700
    assert not (desk.folder / "postiljon-restore").exists()
    assert desk.do("status", "--json").json == []
    again = desk.do("restore", str(scene.archive))
    assert "restored here already" in again.out


def test_without_a_newer_journal_the_backup_is_as_it_was(scene: Scene, tmp_path: Path) -> None:
    desk = scene.empty(tmp_path / "new")
    desk.do("restore", str(scene.archive))
    assert (desk.is_suppressed(EARLY), desk.is_suppressed(LATE)) == (True, False)


def test_the_journal_that_is_found_in_the_place_counts(lite_scene: Scene, tmp_path: Path) -> None:
    """Expected: after the loss of the database alone, the journal that stayed has the wishes since then."""
    desk = lite_scene.empty(tmp_path / "new")
    desk.data.mkdir(mode=0o700)
    shutil.copy(lite_scene.journal, desk.data / "journal")
    desk.do("restore", str(lite_scene.archive))
    assert desk.is_suppressed(LATE)
    assert (desk.data / "journal").read_bytes().split() == lite_scene.journal.read_bytes().split()


def test_a_place_that_is_not_empty_is_refused_and_stays_as_it_is(scene: Scene, tmp_path: Path) -> None:
    desk = installed(tmp_path / "other", scene.server, people=2)
    before = there(desk)
    ran = desk.run("restore", str(scene.archive))
    assert ran.code == 1
    assert ("dropdb" if scene.server else str(desk.data / "postiljon.db").removeprefix(f"{desk.folder}/")) in ran.err
    assert {name: data for name, data in there(desk).items() if "maintenance" not in name} == before
    assert desk.rows("contact") == 2


def test_other_secrets_are_not_mixed_with_those_of_the_archive(lite_scene: Scene, tmp_path: Path) -> None:
    desk = lite_scene.empty(tmp_path / "new")
    desk.do("init", "--organisation", "X", "--contact", "x@vng.example")
    (desk.data / "postiljon.db").unlink()
    kept = (desk.data / "secrets.toml").read_bytes()
    ran = desk.run("restore", str(lite_scene.archive))
    assert ran.code == 1
    assert "secrets in force here" in ran.err
    assert (desk.data / "secrets.toml").read_bytes() == kept
    assert not (desk.data / "postiljon.db").exists()


def test_settings_and_files_that_are_there_are_not_replaced(lite_scene: Scene, tmp_path: Path) -> None:
    """Expected: what differs is put beside, under a name that says so, and told."""
    desk = lite_scene.empty(tmp_path / "new")
    desk.write("postiljon.toml", 'brand = "vng.toml"\n')
    desk.write("vng.toml", 'name = "Mine"\n')
    ran = desk.do("restore", str(lite_scene.archive))
    assert "postiljon.toml.from-backup" in ran.err
    assert (desk.folder / "vng.toml").read_text() == 'name = "Mine"\n'
    assert (desk.folder / "postiljon.toml").read_text() == 'brand = "vng.toml"\n'
    assert (desk.folder / "vng.toml.from-backup").read_bytes() == (lite_scene.house.folder / "vng.toml").read_bytes()


def _nothing_came(desk: Installed, before: dict[str, bytes]) -> bool:
    return {name: data for name, data in there(desk).items() if not name.endswith("maintenance.lock")} == before


def test_an_archive_that_is_damaged_or_foreign_is_refused_in_a_sentence(lite_scene: Scene, tmp_path: Path) -> None:
    """Expected: exit 1, the path, a reason; nothing is made. Cut off anywhere, or a byte changed anywhere."""
    desk, data = lite_scene.empty(tmp_path / "new"), lite_scene.archive.read_bytes()
    bad: list[bytes] = [b"", b"\x1f\x8b", b"x" * 2000, b"\0" * 2000, data + b"\0", data[::-1]]
    bad += [data[: len(data) * part // 11] for part in range(1, 11)]
    for part in range(1, 30):
        at = len(data) * part // 30
        bad.append(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    executioner = Executioner()
    try:
        for number, content in enumerate(bad):
            file = desk.folder / "bad.tar.gz"
            file.write_bytes(content)
            before = there(desk)
            ran = executioner.run(desk.folder, desk.env(), ["restore", "bad.tar.gz"])
            assert (ran.code, "Traceback" in ran.out) == (1, False), (number, ran)
            assert "bad.tar.gz" in ran.out or "no backup of Postiljon" in ran.out, ran
            assert _nothing_came(desk, before), number
    finally:
        executioner.close()
    for name in ("gone.tar.gz", str(tmp_path)):
        assert desk.run("restore", name).code == 1


def _repacked(source: Path, target: Path, change: Callable[[tarfile.TarInfo, bytes], list[tuple[Any, bytes]]]) -> None:
    """Write an archive again with other members."""
    with tarfile.open(source) as old, tarfile.open(target, "w:gz", format=tarfile.GNU_FORMAT) as new:
        for member in old:
            kept = old.extractfile(member)
            assert kept is not None
            for info, data in change(member, kept.read()):
                info.size = len(data) if info.isreg() else 0
                new.addfile(info, io.BytesIO(data))


def _link(name: str, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, to
    return info


def _manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[tarfile.TarInfo, bytes], list[tuple[Any, bytes]]]:
    def changed(info: tarfile.TarInfo, data: bytes) -> list[tuple[Any, bytes]]:
        if info.name == "manifest.json":
            values = json.loads(data)
            change(values)
            data = json.dumps(values).encode()
        return [(info, data)]

    return changed


HOSTILE = {
    "out of it": lambda info, data: [(info, data), (tarfile.TarInfo("../../evil"), b"x")],
    "absolute": lambda info, data: [(info, data), (tarfile.TarInfo("/tmp/evil"), b"x")],
    "link": lambda info, data: [(info, data), (_link("files/evil", "/etc"), b"")],
    "twice": lambda info, data: [(info, data), (info, data)],
    "missing": lambda info, data: [] if info.name == "journal" else [(info, data)],
    "longer": lambda info, data: [(info, data + b"x" * 1000 if info.name == "secrets.toml" else data)],
    "name": _manifest(lambda values: values["entries"][-1].update(name="files/../../evil")),
    "size": _manifest(lambda values: values["entries"][0].update(size=10**15)),
    "negative": _manifest(lambda values: values["entries"][0].update(size=-1)),
    "counts": _manifest(lambda values: values["rows"].update(contact=7)),
    "fewer lines": _manifest(lambda values: values.update(journal_lines=9)),
    "no list": _manifest(lambda values: values.update(entries=5)),
    "newer format": _manifest(lambda values: values.update(format=99)),
    "newer schema": _manifest(lambda values: values.update(schema="9999")),
    "other kind": _manifest(lambda values: values.update(database="oracle")),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_archive_that_somebody_changed_writes_nothing_anywhere(lite_scene: Scene, tmp_path: Path, kind: str) -> None:
    desk = lite_scene.empty(tmp_path / "new")
    _repacked(lite_scene.archive, desk.folder / "hostile.tar.gz", HOSTILE[kind])
    before = there(desk)
    ran = desk.run("restore", "hostile.tar.gz")
    assert (ran.code, "Traceback" in ran.err) == (3 if kind == "size" else 1, False), ran
    assert _nothing_came(desk, before)
    assert not (tmp_path / "evil").exists()
    assert not Path("/tmp/evil").exists()


def test_no_file_of_the_archive_leaves_the_folders_of_the_installation(lite_scene: Scene, tmp_path: Path) -> None:
    """Expected: settings out of the archive that name a place elsewhere get the file put aside, and told."""
    house = installed(tmp_path / "house")
    outside = tmp_path / "outside"
    shutil.move(str(house.folder / "vng.toml"), tmp_path / "vng.toml")
    shutil.move(str(house.folder / "vng-logo.png"), tmp_path / "vng-logo.png")
    outside.mkdir()
    for name in ("vng.toml", "vng-logo.png"):
        shutil.move(str(tmp_path / name), outside)
    house.write("postiljon.toml", f'brand = "{outside}/vng.toml"\n')
    path = house.folder / house.do("backup", "--json").json["archive"]
    shutil.rmtree(outside)
    desk = place(tmp_path / "new")
    ran = desk.do("restore", str(path))
    assert not outside.exists()
    assert "from-backup/vng.toml" in ran.err
    assert (desk.data / "from-backup" / "vng.toml").exists()


def test_a_backup_of_an_older_schema_is_migrated_on_the_way(tmp_path: Path) -> None:
    old = place(tmp_path / "old")
    old.data.mkdir(mode=0o700)
    for name in ("postiljon.db", "secrets.toml"):
        shutil.copy(FOLDER / "issue-3" / name, old.data)
        (old.data / name).chmod(0o600)
    path = old.folder / old.do("backup", "--json").json["archive"]
    desk = place(tmp_path / "new")
    said = desk.do("restore", str(path), "--json").json
    assert (said["before"], said["schema"]) != (migrations.HEAD, "")
    assert desk.status(SLUG)["campaign"] == SLUG


def test_code_of_a_stranger_in_the_database_of_an_archive_is_refused(scene: Scene, tmp_path: Path) -> None:
    house = installed(tmp_path / "house", scene.server, people=2)
    if scene.server is None:
        with closing(sqlite3.connect(house.data / "postiljon.db")) as lite:
            lite.execute("CREATE TRIGGER evil AFTER INSERT ON suppression BEGIN DELETE FROM suppression; END")
            lite.commit()
    else:
        import psycopg

        where = f"host={scene.server.folder} user=postiljon dbname={house.database}"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute("CREATE FUNCTION evil() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    path = house.folder / house.do("backup", "--json").json["archive"]
    desk = scene.empty(tmp_path / "new")
    ran = desk.run("restore", str(path))
    assert ran.code == 1
    assert "evil" in ran.err
    assert scene.server or not (desk.data / "postiljon.db").exists()


@pytest.mark.postgres
def test_tables_of_somebody_else_in_another_schema_come_along(postgres: PostgresServer, tmp_path: Path) -> None:
    import psycopg

    house = installed(tmp_path / "house", postgres, people=2)
    where = f"host={postgres.folder} user=postiljon dbname="
    with psycopg.connect(where + house.database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA other")
        connection.execute("CREATE TABLE other.things AS SELECT generate_series(1, 5) AS number")
    path = house.folder / house.do("backup", "--json").json["archive"]
    desk = place(tmp_path / "new", postgres)
    desk.do("restore", str(path))
    assert desk.ask("SELECT count(*) FROM other.things") == [(5,)]
    assert desk.rows("contact") == 2
    for one in (house, desk):
        postgres.drop(one.database)


def test_an_encrypted_archive_is_restored_with_its_passphrase_alone(lite_scene: Scene, tmp_path: Path) -> None:
    house = lite_scene.house
    house.write("passphrase", SECRET)
    path = house.do("backup", "--to", str(tmp_path / "kept"), "--passphrase-file", "passphrase", "--json").json
    desk = lite_scene.empty(tmp_path / "new")
    desk.write("right", SECRET + "\n")
    desk.write("wrong", "something else\n")
    before = there(desk)
    for options, words in (([], "--passphrase-file"), (["--passphrase-file", "wrong"], "does not open")):
        ran = desk.run("restore", path["archive"], *options)
        assert ran.code == 1
        assert words in ran.err
        assert _nothing_came(desk, before)
    desk.do("restore", path["archive"], "--passphrase-file", "right")
    assert desk.rows("contact") == PEOPLE


def test_an_archive_of_the_other_kind_of_database_is_refused(
    lite_scene: Scene, tmp_path: Path, postgres: PostgresServer
) -> None:
    desk = place(tmp_path / "new", postgres)
    ran = desk.run("restore", str(lite_scene.archive))
    assert ran.code == 1
    assert "SQLite" in ran.err
    postgres.drop(desk.database)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_restore_that_is_killed_at_any_step_goes_on_with_the_same_command(scene: Scene, tmp_path: Path) -> None:
    """Expected: the archive is untouched, no other command runs meanwhile, and the second try ends whole."""
    executioner, archive = Executioner(), scene.archive.read_bytes()
    command = ["restore", str(scene.archive), "--journal", str(scene.journal)]
    step, killed, held = 1, 0, 0
    try:
        while True:
            desk = scene.empty(tmp_path / f"new{step}")
            first = executioner.run(desk.folder, desk.env(), command, step)
            if not first.killed:
                assert first.code == 0, first
                break
            killed += 1
            if (desk.data / "restoring.json").exists():
                held += 1
            if held == 1:
                blocked = executioner.run(desk.folder, desk.env(), ["status"])
                assert blocked.code == 3, blocked
                assert "stopped before its end" in blocked.out
            second = executioner.run(desk.folder, desk.env(), command)
            assert second.code == 0, (step, second)
            assert desk.rows("contact") == PEOPLE
            assert desk.rows("suppression") == 2
            assert not (desk.folder / "postiljon-restore").exists()
            assert not (desk.data / "maintenance").exists()
            assert (desk.data / "journal").read_bytes().split() == scene.journal.read_bytes().split()
            if scene.server:
                scene.server.drop(desk.database)
            shutil.rmtree(desk.folder)
            step += 3 if scene.server else 1
    finally:
        executioner.close()
    assert killed > 10
    assert held > 3
    assert scene.archive.read_bytes() == archive
    assert os.listdir(scene.archive.parent) == [scene.archive.name]
