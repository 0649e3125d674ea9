"""On a machine with other people: what Postiljon writes, nobody else reads, whatever umask and folder it finds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.journal import Journal
from mailer.storage import open_database
from tests.support.commandline import CommandLine, fetch, free_port
from tests.support.installation import Installation

LETTER = "denkt-u-mee.md"


@pytest.fixture
def careless() -> Iterator[None]:
    """A umask that takes nothing from anybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_ones(folder: Path, besides: set[Path] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Return the files that other users may read or change."""
    found = [path for path in folder.rglob("*") if path not in besides and not path.is_symlink()]
    return [path.relative_to(folder).as_posix() for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.usefixtures("careless")
def test_every_file_that_a_command_writes_is_its_owners_alone(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    data = tmp_path / "data"
    data.mkdir(0o755)
    data.chmod(0o755)
    cli.write("people.csv", "email,name\nester@waterhoek.example,Ester\nno address,x\n")
    cli.write("a.md", "---\nslug: a\nsubject: S\nfrom: VNG <info@vng.nl>\nlanguage: nl\ntopic: t\n---\nBeste lezer,\n")
    mine = set(tmp_path.iterdir())
    commands = [
        ("init", "--organisation", "VNG", "--contact", "info@vng.nl"),
        ("contacts", "import", "people.csv", "--topic", "t", "--basis", "member", "--rejects", "rejects.csv"),
        ("contacts", "export", "out.csv"),
        ("render", "a.md", "--contact", "ester@waterhoek.example", "--out", "a.eml"),
        ("dkim", "key", "--domain", "vng.nl", "--out", "dkim.pem"),
        ("contacts", "erase", "ester@waterhoek.example", "--yes"),
    ]
    for command in commands:
        ran = cli.cold(*command)
        assert ran.code == 0, ran
    assert {"out.csv", "rejects.csv", "a.eml", "dkim.pem", "postiljon.toml"} <= {
        item.name for item in tmp_path.iterdir()
    }
    assert open_ones(tmp_path, mine) == []
    assert stat.S_IMODE(data.stat().st_mode) == 0o755  # it may be a home: doctor says so


@pytest.mark.usefixtures("careless")
def test_a_folder_that_is_made_can_be_looked_into_by_its_owner_alone(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {"POSTILJON_DATA": "deep/data"})
    assert cli.cold("init").code == 0
    assert open_ones(tmp_path) == []


@pytest.mark.usefixtures("careless")
def test_serving_and_sending_leave_nothing_open(installation: Installation) -> None:
    cli = installation.cli
    before = {path for path in cli.folder.rglob("*") if "data" not in path.parts}
    (cli.folder / "data").chmod(0o700)
    port = free_port()
    with cli.running("serve", "--port", str(port)):
        fetch(f"http://127.0.0.1:{port}/health")
        ran = cli.cold("send", LETTER, "--yes")
        assert ran.code in (0, 3), ran
        assert open_ones(cli.folder, before) == []
    ran = cli.cold("status", "denkt-u-mee", "--people", "--out", "people-out.csv")
    assert ran.code == 0, ran
    assert open_ones(cli.folder, before) == []


def test_an_installation_that_is_open_is_told_by_doctor_and_closed_at_the_next_start(
    installation: Installation,
) -> None:
    cli, data = installation.cli, installation.cli.folder / "data"
    (data / "senders").mkdir(exist_ok=True)
    for path in (data / "postiljon.db", data / "secrets.toml"):
        path.chmod(0o644)
    (data / "senders").chmod(0o755)
    told = cli.run("doctor")
    assert told.code == 1
    for words in (f"chmod 600 {data / 'postiljon.db'}", "chmod 600 data/secrets.toml", "chmod 700 data/senders"):
        assert words in told.out
    first, second = cli.run("status"), cli.run("status")
    assert "could be read by other users" in first.err
    assert second.err == ""
    assert open_ones(data) == []
    assert cli.run("doctor").code == 0


def test_the_endpoint_alone_makes_a_private_database_and_journal(tmp_path: Path, careless: None) -> None:
    assert careless is None
    db = open_database(f"sqlite:///{tmp_path}/data/postiljon.db")
    with db.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a)")
        assert {path.name for path in (tmp_path / "data").iterdir()} >= {"postiljon.db", "postiljon.db-wal"}
        assert open_ones(tmp_path) == []
    db.close()
    Journal(tmp_path / "data" / "journal").append([{"hash": "00"}])
    assert open_ones(tmp_path) == []


def test_an_export_goes_to_a_pipe_as_well(installation: Installation) -> None:
    assert "ester@waterhoek.example" in installation.cli.do("contacts", "export", "/dev/stdout").out
    assert list(installation.cli.folder.glob(".postiljon-*")) == []


def test_an_export_over_a_link_leaves_what_the_link_means(installation: Installation) -> None:
    (installation.cli.folder / "theirs").write_text("untouched")
    (installation.cli.folder / "out.csv").symlink_to("theirs")
    installation.cli.do("contacts", "export", "out.csv")
    assert (installation.cli.folder / "theirs").read_text() == "untouched"
    assert not (installation.cli.folder / "out.csv").is_symlink()


def test_no_command_writes_over_what_postiljon_cannot_do_without(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.write("people.csv", "email,name\nester@waterhoek.example,Ester\nno address,x\n")
    cli.write("a.md", "---\nslug: a\nsubject: S\nfrom: VNG <info@vng.nl>\nlanguage: nl\ntopic: t\n---\nBeste lezer,\n")
    cli.do("init", "--organisation", "VNG", "--contact", "info@vng.nl")
    cli.do("contacts", "import", "people.csv", "--topic", "t", "--basis", "member")
    (data,) = {path.parent for path in tmp_path.rglob("postiljon.db")}
    for target in (data / "postiljon.db", data / "secrets.toml", tmp_path / "postiljon.toml"):
        before = target.read_bytes()
        assert cli.run("contacts", "export", str(target)).code == 1
        assert cli.run("render", "a.md", "--out", str(target)).code == 1
        if target.suffix == ".toml":
            assert target.read_bytes() == before
    letter = (tmp_path / "a.md").read_bytes()
    assert cli.run("render", "a.md", "--out", "a.md").code == 1
    assert (tmp_path / "a.md").read_bytes() == letter
    assert "1" in cli.do("contacts", "export", "out.csv").out
