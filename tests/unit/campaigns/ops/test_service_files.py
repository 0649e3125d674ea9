"""The files that ``service install`` writes, from existing settings and from answers."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from campaigns.ops.service.layout import DATA, SERVICE, UNITS, Asked, Layout, check, layout_of, settings_text
from campaigns.ops.service.texts import is_unchanged, sealed
from mailer.errors import InputError, SettingsError

PROGRAM = Path("/opt/postiljon/bin/postiljon")


def layout(root: Path, asked: Asked = Asked(), settings: str | None = None) -> Layout:  # noqa: B008 - a value
    if settings is not None:
        (root / "etc" / "postiljon").mkdir(parents=True)
        (root / "etc" / "postiljon" / "postiljon.toml").write_text(settings, "utf-8")
    return layout_of(PROGRAM, asked, root, dry=False)


def test_the_folders_in_the_settings_are_those_that_the_units_may_write(tmp_path: Path) -> None:
    found = layout(tmp_path, settings='data = "/srv/post"\n')
    service = found.units()[UNITS / SERVICE]
    assert "\nReadWritePaths=/srv/post\n" in service
    assert "\nWorkingDirectory=/srv/post\n" in service


def test_a_path_of_a_site_gets_no_block_of_its_own(tmp_path: Path) -> None:
    assert layout(tmp_path, settings='public_url = "https://example.org/post"\n').proxies() == {}


def test_the_port_of_the_unit_that_is_there_stays(tmp_path: Path) -> None:
    unit = tmp_path / UNITS.relative_to("/") / SERVICE
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/opt/x --config /y serve --host 127.0.0.1 --port 8123\n", "utf-8")
    assert layout(tmp_path).port == 8123
    assert layout(tmp_path, Asked(port=9000)).port == 9000


@pytest.mark.parametrize("folder", ["/srv/a b", "/srv/%h", '/srv/"x', "/srv/a;b", "/srv/é"])
def test_a_path_that_a_unit_would_read_in_another_way_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(InputError, match="choose another place"):
        layout(tmp_path, settings=f"data = '{folder}'\n")


def test_answers_are_settings_whatever_signs_they_have() -> None:
    values = {"organisation": 'De "Brug" \\ # é', "smtp_password": "a'b\"c\\"}
    found = tomllib.loads(settings_text(values))
    assert found["data"] == str(DATA)
    assert {key: found[key] for key in values} == values


@pytest.mark.parametrize(
    "asked",
    [
        Asked(public_url="ftp://mail.example.org"),
        Asked(smtp_url="http://relay.example.org"),
        Asked(contact="nobody"),
        Asked(public_name="a b; evil"),
        Asked(public_name="mail.example.org/path"),
        Asked(smtp_url="smtp://us:hush@relay.example.org"),
    ],
)
def test_an_answer_that_is_no_setting_is_refused_by_the_name_of_its_option(asked: Asked) -> None:
    with pytest.raises((SettingsError, InputError), match="--") as refused:
        check(asked)
    assert "hush" not in str(refused.value)


def test_a_seal_knows_its_own_text_and_no_other() -> None:
    text = sealed("[Unit]\n")
    assert is_unchanged(text)
    assert not is_unchanged(text + "\n")
    assert not is_unchanged(text.replace("Unit", "unit"))
    assert not is_unchanged("[Unit]\n")
    assert not is_unchanged("")
