"""The demo's folder is an ordinary working directory, and nobody else's is emptied."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from campaigns.demo import setup
from campaigns.settings.campaign import CampaignSettings
from mailer.address import parse
from mailer.errors import InputError
from mailer.settings import MailerSettings, read
from templates.words import words

ENGLISH = words("en", "cli")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(InputError, match="is not empty"):
        setup.prepare(tmp_path, ENGLISH)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_the_demo_empties_its_own_folder_when_it_begins_again(tmp_path: Path) -> None:
    setup.prepare(tmp_path / "demo", ENGLISH)
    (tmp_path / "demo" / "data").mkdir()
    setup.prepare(tmp_path / "demo", ENGLISH)
    assert not (tmp_path / "demo" / "data").exists()


def test_both_letters_and_both_files_of_contacts_are_there(tmp_path: Path) -> None:
    prepared = setup.prepare(tmp_path / "demo", ENGLISH)
    names = {path.name for path in prepared.folder.iterdir()}
    assert names >= {prepared.letter.name, prepared.second.name, "contacts-nl.csv", "contacts-en.csv", "vng.toml"}


def test_its_settings_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = setup.prepare(tmp_path / "demo", ENGLISH)
    prepared.configure(2525, "http://127.0.0.1:8000")
    monkeypatch.chdir(prepared.folder)
    assert read(MailerSettings).smtp_url.port == 2525
    assert read(CampaignSettings).brand == Path("vng.toml")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_invented_contacts_live_at_domains_that_cannot_exist(language: str) -> None:
    with (setup.HERE / f"contacts-{language}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["language"] for row in rows} == {language}
    assert all(parse(row["email"]).domain.endswith(".example") for row in rows)
    assert len({parse(row["email"]).key for row in rows}) == len(rows)
