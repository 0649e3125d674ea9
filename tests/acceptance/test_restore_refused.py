"""``postiljon restore`` refuses what is hostile, damaged or in use, and removes nothing of others."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import PostgresServer
from tests.support.installed import PEOPLE, installed
from tests.support.killed_command import CommandKiller
from tests.support.restore_scene import Scene, nothing_came, there


@pytest.mark.parametrize("name", ["postiljon-restore", ".postiljon-restore", ".postiljon-restore/maintenance"])
def test_an_archive_in_a_folder_that_a_restore_may_use_itself_is_never_removed(
    sqlite_restore_setup: Scene, tmp_path: Path, name: str
) -> None:
    """Expected: restored from another folder, refused in the one that is emptied; the archive stays in both."""
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    (cli.folder / name).mkdir(parents=True)
    path = cli.folder / name / sqlite_restore_setup.archive.name
    shutil.copy(sqlite_restore_setup.archive, path)
    ran = cli.run("restore", f"{name}/{path.name}")
    assert path.read_bytes() == sqlite_restore_setup.archive.read_bytes()
    assert ran.code == (1 if name.startswith(".") else 0), ran
    assert ran.code == 0 or "Move it elsewhere" in ran.err


def test_an_archive_in_the_working_folder_of_the_data_is_never_removed(
    sqlite_restore_setup: Scene, tmp_path: Path
) -> None:
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    cli.write("postiljon.toml", "")
    (cli.data / "maintenance").mkdir(parents=True, mode=0o700)
    cli.data.chmod(0o700)
    shutil.copy(sqlite_restore_setup.archive, cli.data / "maintenance" / "one.tar.gz")
    ran = cli.run("restore", "data/maintenance/one.tar.gz")
    assert (ran.code, "Move it elsewhere" in ran.err) == (1, True), ran
    assert (cli.data / "maintenance" / "one.tar.gz").exists()


def test_what_somebody_keeps_in_the_working_folder_of_a_restore_stays(
    sqlite_restore_setup: Scene, tmp_path: Path
) -> None:
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    (cli.folder / ".postiljon-restore").mkdir()
    cli.write(".postiljon-restore/mine", "kept")
    cli.do("restore", str(sqlite_restore_setup.archive))
    assert os.listdir(cli.folder / ".postiljon-restore") == ["mine"]


def test_a_second_restore_leaves_the_work_of_the_first_alone(sqlite_restore_setup: Scene, tmp_path: Path) -> None:
    """Expected: exit 3 while the first one has the lock, and its files stay; afterwards the command works."""
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    work = cli.folder / ".postiljon-restore" / "maintenance"
    work.mkdir(parents=True, mode=0o700)
    (work / "postiljon.db").write_bytes(b"read so far")
    with (work.parent / "maintenance.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = cli.run("restore", str(sqlite_restore_setup.archive))
        assert ran.code == 3, ran
        assert (work / "postiljon.db").read_bytes() == b"read so far"
        assert (work.parent / "maintenance.lock").exists()
    cli.do("restore", str(sqlite_restore_setup.archive))
    assert not work.parent.exists()


def _unpacks_to_the_same(one: bytes, other: bytes) -> bool:
    """Return whether two gzip files have the same content: a bit of a length that no byte uses changes nothing."""
    try:
        return gzip.decompress(one) == gzip.decompress(other)
    except (OSError, EOFError, zlib.error):
        return False


def test_an_archive_that_is_damaged_or_foreign_is_refused_in_a_sentence(
    sqlite_restore_setup: Scene, tmp_path: Path
) -> None:
    """Expected: exit 1, the path, a reason; nothing is made. Cut off anywhere, or a byte changed anywhere."""
    cli, data = sqlite_restore_setup.empty(tmp_path / "new"), sqlite_restore_setup.archive.read_bytes()
    bad: list[bytes] = [b"", b"\x1f\x8b", b"x" * 2000, b"\0" * 2000, data + b"\0", data[::-1]]
    bad += [data[: len(data) * part // 11] for part in range(1, 11)]
    for part in range(1, 30):
        at = len(data) * part // 30
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        if not _unpacks_to_the_same(changed, data):
            bad.append(changed)
    killer = CommandKiller()
    try:
        for number, content in enumerate(bad):
            file = cli.folder / "bad.tar.gz"
            file.write_bytes(content)
            before = there(cli)
            ran = killer.run(cli.folder, cli.env(), ["restore", "bad.tar.gz"])
            assert (ran.code, "Traceback" in ran.out) == (1, False), (number, ran)
            assert "bad.tar.gz" in ran.out or "no backup of Postiljon" in ran.out, ran
            assert nothing_came(cli, before), number
    finally:
        killer.close()
    for name in ("gone.tar.gz", str(tmp_path)):
        assert cli.run("restore", name).code == 1


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


def _secrets(text: str) -> Callable[[tarfile.TarInfo, bytes], list[tuple[Any, bytes]]]:
    """Put other secrets into an archive, with the size and the hash of them."""
    new = text.encode()

    def changed(info: tarfile.TarInfo, data: bytes) -> list[tuple[Any, bytes]]:
        if info.name == "manifest.json":
            values = json.loads(data)
            entry = next(one for one in values["entries"] if one["name"] == "secrets.toml")
            entry.update(size=len(new), sha256=sha256(new).hexdigest())
            data = json.dumps(values).encode()
        return [(info, new if info.name == "secrets.toml" else data)]

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
    "endless rows": _manifest(lambda values: values["rows"].update(contact=float("inf"))),
    "endless journal": _manifest(lambda values: values.update(journal_lines=float("inf"))),
    "setting of a folder": _manifest(lambda values: values["entries"][-1].update(setting="data")),
    "setting of a database": _manifest(lambda values: values["entries"][-1].update(setting="database_url")),
    "setting of the journal": _manifest(lambda values: values["entries"][1].update(setting="brand")),
    "no pepper": _secrets('secret_keys = "AAAA"\n'),
    "short secret": _secrets('secret_keys = "AAAA"\npepper = "AAAA"\n'),
    "no text": _secrets("pepper = ["),
    "other kind": _manifest(lambda values: values.update(database="oracle")),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_archive_that_somebody_changed_writes_nothing_anywhere(
    sqlite_restore_setup: Scene, tmp_path: Path, kind: str
) -> None:
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    _repacked(sqlite_restore_setup.archive, cli.folder / "hostile.tar.gz", HOSTILE[kind])
    before = there(cli)
    ran = cli.run("restore", "hostile.tar.gz")
    assert (ran.code, "Traceback" in ran.err) == (3 if kind == "size" else 1, False), ran
    assert nothing_came(cli, before)
    assert not (tmp_path / "evil").exists()
    assert not Path("/tmp/evil").exists()


def test_a_picture_without_its_path_in_the_archive_is_put_aside(sqlite_restore_setup: Scene, tmp_path: Path) -> None:
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    change = _manifest(lambda values: [one.update(original="") for one in values["entries"]])
    _repacked(sqlite_restore_setup.archive, cli.folder / "one.tar.gz", change)
    ran = cli.do("restore", "one.tar.gz")
    assert "vng-logo.png" in ran.err
    assert cli.rows("contact") == PEOPLE


def test_a_restore_beside_a_running_sender_is_refused(sqlite_restore_setup: Scene, tmp_path: Path) -> None:
    cli = sqlite_restore_setup.empty(tmp_path / "new")
    (cli.data / "senders").mkdir(parents=True, mode=0o700)
    cli.data.chmod(0o700)
    with (cli.data / "senders" / "1.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        ran = cli.run("restore", str(sqlite_restore_setup.archive))
    assert (ran.code, "systemctl stop postiljon" in ran.err) == (3, True), ran
    assert not (cli.data / "restoring.json").exists()
    assert not (cli.folder / "postiljon.toml").exists()
    cli.do("restore", str(sqlite_restore_setup.archive))


@pytest.mark.postgres
def test_a_restore_into_a_database_that_others_use_is_refused(
    restore_setup: Scene, tmp_path: Path, postgres: PostgresServer
) -> None:
    """Expected: exit 3 with the name of the program; when it has gone, the same command works."""
    if restore_setup.server is None:
        return
    import psycopg

    cli = restore_setup.empty(tmp_path / "new")
    where = f"host={postgres.folder} user=postiljon application_name=ledger dbname={cli.database}"
    with psycopg.connect(where):
        ran = cli.run("restore", str(restore_setup.archive))
    assert (ran.code, "ledger" in ran.err) == (3, True), ran
    assert not (cli.data / "restoring.json").exists()
    cli.do("restore", str(restore_setup.archive))
    assert cli.rows("contact") == PEOPLE
    postgres.drop(cli.database)


def test_a_database_that_appears_beside_a_begun_restore_is_not_taken_for_that_of_the_archive(
    sqlite_restore_setup: Scene, tmp_path: Path
) -> None:
    """Expected: after a kill before the database came, one that was put there by hand is refused and kept."""
    killer = CommandKiller()
    try:
        for step in count(1, 2):
            cli = sqlite_restore_setup.empty(tmp_path / f"new{step}")
            ended = killer.run(cli.folder, cli.env(), ["restore", str(sqlite_restore_setup.archive)], step)
            assert ended.killed, "no step left the mark without the database"
            if (cli.data / "restoring.json").exists() and not (cli.data / "postiljon.db").exists():
                break
    finally:
        killer.close()
    other = installed(tmp_path / "other", people=2)
    shutil.copy(other.data / "postiljon.db", cli.data)
    ran = cli.run("restore", str(sqlite_restore_setup.archive))
    assert (ran.code, "installation already" in ran.err) == (1, True), ran
    assert cli.rows("contact") == 2
    (cli.data / "postiljon.db").unlink()
    cli.do("restore", str(sqlite_restore_setup.archive))
    assert cli.rows("contact") == PEOPLE
