"""Whatever is typed behind a command: an answer in a sentence, never a traceback (exit codes of the contract)."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from campaigns.cli.main import app, run
from mailer.errors import SettingsError
from mailer.settings import MailerSettings, read
from tests.support.commandline import CommandLine
from tests.support.thorough import share
from tools.draw_commands import leaves
from unsubscribe.settings import ReaderSettings

UNREADABLE = ["\udcff@x.example", "a\udc80b", "\ud800", "a\0b", "a\nb@x.example", "\x1b[2J", "a\x7f", "\x85", "\u2028"]
STRANGE = ["{0}{x}%s%(y)s", "\u202e\u200b\U0001f0a1@x.example", "9" * 5000, "", "-", "../../etc/passwd", "a" * 70_000]
LASTING = {"postiljon serve", "postiljon worker", "postiljon demo"}  # these go on: tried with unreadable text only


def texts() -> Iterator[tuple[str, list[str]]]:
    """Each place of each command that takes text: its name, and the words with {} where the text goes."""
    root: Any = typer.main.get_command(app)
    for name, command in leaves(root, "postiljon"):
        arguments = [item for item in command.params if item.param_type_name == "argument"]
        options = [item for item in command.params if item.param_type_name == "option" and not item.is_flag]
        needed = [word for item in options if item.required for word in (item.opts[0], "x")]
        words = [*name.split()[1:], *needed]
        if arguments:
            given = ["{}", *("{}" for item in arguments[1:] if item.required)]
            yield f"{name} {arguments[0].name}", [*words, *given]
        for item in options:
            yield f"{name} {item.opts[0]}", [*words, *["x" for each in arguments if each.required], item.opts[0], "{}"]


PLACES = dict(texts())


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cli = CommandLine(tmp_path_factory.mktemp("typed"))
    cli.do("init")
    cli.write("x", "---\nslug: x\nsubject: S\nfrom: VNG <info@vng.nl>\nlanguage: nl\ntopic: x\n---\nBeste lezer,\n")
    return cli.folder


def test_every_command_has_its_places() -> None:
    assert len(PLACES) > 40
    assert {"postiljon contacts show email", "postiljon status slug", "postiljon topic --name"} <= set(PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_text_that_cannot_be_read_is_refused_in_one_sentence(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    for text in UNREADABLE:
        words = [word.replace("{}", text) for word in PLACES[place]]
        assert run(words) == 2
        told = capsys.readouterr()
        assert told.err.count("\n") == 1
        assert "cannot be read" in told.err
        told.err.encode()  # it can be shown
        assert run([*words, "--json"]) == 2
        assert json.loads(capsys.readouterr().out)["error"] == "UsageError"


@pytest.mark.parametrize("place", [place for place in PLACES if place.rpartition(" ")[0] not in LASTING])
def test_strange_text_that_can_be_read_leads_to_an_exit_code_of_the_contract(
    place: str, furnished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A third of the texts at each place, from a start by chance; all of them in ``make chaos``."""
    monkeypatch.chdir(furnished)
    monkeypatch.setenv("POSTILJON_SMTP_URL", "smtp://127.0.0.1:9")
    monkeypatch.setenv("POSTILJON_DNS", "127.0.0.1:9")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a long enough password\n")))
    for text in share(STRANGE, 3):
        code = run([word.replace("{}", text) for word in PLACES[place]])
        assert code in (0, 1, 2, 3), (text, code)
        assert "Traceback" not in capsys.readouterr().err


def test_bytes_from_a_shell_are_shown_as_they_were_typed(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    ran = cli.cold("contacts", "show", os.fsdecode(b"\xff@x.nl"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("'\\xff@x.nl' cannot be read: expected one line of text in UTF-8")


@pytest.mark.parametrize(
    "name", ["DATA", "PUBLIC_URL", "CONTACT", "SMTP_URL", "SMTP_PASSWORD", "BRAND", "DKIM_KEY", "RATE"]
)
@pytest.mark.parametrize("text", ["\udcff", "a\x1bb", "a\u2028b"])
def test_a_setting_that_cannot_be_read_is_refused_by_its_name(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"POSTILJON_{name}", text)
    with pytest.raises(SettingsError, match=f"POSTILJON_{name}: ") as caught:
        read(MailerSettings)
        read(ReaderSettings)
        from campaigns.settings.campaign import CampaignSettings

        read(CampaignSettings)
    str(caught.value).encode()


def test_a_nul_in_a_file_of_settings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postiljon.toml").write_text('data = "a\\u0000b"\nsmtp_password = "\\u0000"\n')
    with pytest.raises(SettingsError, match="POSTILJON_DATA: expected text"):
        read(MailerSettings)


def test_a_password_from_standard_input_that_is_no_text_is_told(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init")
    ran = cli.run("user", "add", "ester@vng.nl", typed=b"\xff\n")
    assert ran.code == 1
    assert "not text in UTF-8" in ran.err
    assert "Traceback" not in ran.err
