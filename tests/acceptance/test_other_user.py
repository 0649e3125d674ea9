"""A house belongs to one user of the machine: a command of another is refused before it touches anything."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine, Ran
from tests.support.other_user import CAN, NOBODY, give, run_as

needs_root = pytest.mark.skipif(not CAN and os.environ.get("CI") != "true", reason="only root can become another user")
COMMANDS = [
    ("status", "--json"),
    ("doctor",),
    ("init", "--contact", "info@vng.nl"),
    ("contacts", "show", "a b@example.org"),
    ("serve", "--port", "8765"),
    ("worker",),
    ("send", "letter.md", "--yes"),
    ("user", "add", "a@example.org"),
    ("restored",),
]
HARMLESS = [
    ("--version",),
    ("--help",),
    ("status", "--help"),
    ("dkim", "key", "--domain", "example.org"),
]


@pytest.fixture
def theirs() -> Iterator[CommandLine]:
    """A house of the user nobody, in a folder to which everybody finds the way."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        cli = CommandLine(folder)
        cli.do("init")
        give(NOBODY, folder / "data")
        yield cli


def state(folder: Path) -> list[tuple[str, int, int, bytes]]:
    """All that lies there: whose it is, since when, and what it is."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path), path.stat().st_uid, path.stat().st_mtime_ns, path.read_bytes()) for path in found]


def told(ran: Ran, *, as_json: bool = False) -> str:
    """The sentence."""
    assert ran.code == 1, ran
    assert "Traceback" not in ran.err
    return str(ran.json["message"]) if as_json else ran.err


@needs_root
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_of_another_user_is_refused_with_the_command_that_works(
    theirs: CommandLine, command: tuple[str, ...]
) -> None:
    before = state(theirs.folder)
    words = told(theirs.run(*command), as_json="--json" in command)
    assert state(theirs.folder) == before
    line = next(line.strip() for line in words.splitlines() if "sudo -u" in line)
    typed = shlex.split(line)
    assert typed[:3] == ["sudo", "-u", "nobody"]
    assert typed[-len(command) :] == list(command)


@needs_root
@pytest.mark.parametrize("command", HARMLESS, ids=" ".join)
def test_what_does_not_touch_the_data_is_for_everybody(theirs: CommandLine, command: tuple[str, ...]) -> None:
    assert theirs.run(*command).code == 0


@needs_root
def test_the_command_takes_the_settings_of_the_environment_along_by_name_only(theirs: CommandLine) -> None:
    (theirs.folder / "p.toml").write_text('data = "data"\n')
    words = told(theirs.run("--config", "p.toml", "status", POSTILJON_PEPPER="GeHeim", POSTILJON_SMTP_USER="me"))
    assert "--preserve-env=POSTILJON_PEPPER,POSTILJON_SMTP_USER " in words
    assert "--config p.toml status" in words
    assert "GeHeim" not in words
    words = told(theirs.run("status", POSTILJON_CONFIG="p.toml"))
    assert "--preserve-env=POSTILJON_CONFIG " in words


@needs_root
def test_an_owner_without_a_name_is_named_by_number(theirs: CommandLine) -> None:
    give(54321, theirs.folder / "data")
    assert "sudo -u '#54321' " in told(theirs.run("status"))
    assert [ran.code for ran in run_as(54321, theirs, ("status",))] == [0]


@needs_root
def test_the_owner_may_and_another_person_may_not(theirs: CommandLine) -> None:
    assert [ran.code for ran in run_as(NOBODY, theirs, ("status",))] == [0]
    words = told(*run_as(1234, theirs, ("status",)))
    assert "sudo -u nobody " in words
    assert "#1234" in words


@needs_root
def test_a_file_of_settings_that_only_the_service_may_read_leads_to_the_same_sentence(theirs: CommandLine) -> None:
    (theirs.folder / "p.toml").write_text(f'data = "{theirs.folder}/data"\nsmtp_url = "smtp://u:GeHeim@x"\n')
    give(NOBODY, theirs.folder / "p.toml")
    (theirs.folder / "p.toml").chmod(0o600)
    words = told(*run_as(1234, theirs, ("status",), POSTILJON_CONFIG="p.toml"))
    assert "sudo -u nobody --preserve-env=POSTILJON_CONFIG " in words


@needs_root
@pytest.mark.parametrize("names", [["senders", "journal"], ["postiljon.db"], ["secrets.toml"]])
def test_files_that_root_made_in_the_owners_folder_are_named_with_what_gives_them_back(
    theirs: CommandLine, names: list[str]
) -> None:
    data = theirs.folder / "data"
    (data / "senders").mkdir(exist_ok=True)
    (data / "journal").touch()
    give(NOBODY, data)
    for name in names:
        os.chown(data / name, 0, 0)
        (data / name).chmod(0o700 if (data / name).is_dir() else 0o600)
    ends = f"sudo chown -R nobody: {' '.join(str(data / name) for name in names)}"
    *refused, looked = run_as(
        NOBODY, theirs, ("status",), ("worker",), ("serve", "--port", "8765"), ("doctor", "--json")
    )
    for ran in refused:
        assert set(shlex.split(ends)) == set(shlex.split(told(ran).splitlines()[-1]))
    assert looked.code == 1
    findings = [item["words"] for item in looked.json["findings"] if item["kind"] == "error"]
    assert any("sudo chown -R nobody: " in words for words in findings)


@needs_root
def test_a_folder_that_cannot_be_written_or_entered_is_told(theirs: CommandLine) -> None:
    for ran in run_as(NOBODY, theirs, ("init",), ("status",), POSTILJON_DATA="new/data"):
        assert told(ran)
    (theirs.folder / "data").chmod(0)
    for ran in run_as(NOBODY, theirs, ("init",), ("status",), ("doctor",)):
        assert ran.code == 1
        assert "Permission denied" in ran.err + ran.out
        assert "Traceback" not in ran.err


@needs_root
def test_root_may_use_a_house_of_its_own(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init")
    assert cli.run("status").code == 0


def test_a_house_of_root_is_refused_to_everybody_else_and_one_without_data_is_not_there(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    ran = cli.run("status", POSTILJON_DATA="nowhere/at/all")
    assert (ran.code, "run 'postiljon init'" in ran.err) == (1, True)
    if not CAN:
        assert "sudo -u root " in told(cli.run("status", POSTILJON_DATA="/"))
