"""Files of earlier versions still work: their database migrates, their links act, their letters show."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.commandline import CommandLine, fetch, free_port
from tests.support.released import FILES, FOLDER, READER, SLUG

pytestmark = pytest.mark.slow
RELEASED = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


@pytest.fixture(params=RELEASED)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[CommandLine, dict[str, Any]]:
    """The command line with the database and secrets of an earlier version, migrated by this one."""
    kept = FOLDER / request.param
    (tmp_path / "data").mkdir()
    for name in ("postiljon.db", "secrets.toml"):
        shutil.copy(kept / name, tmp_path / "data")
    (tmp_path / "data" / "secrets.toml").chmod(0o600)
    cli = CommandLine(tmp_path)
    cli.do("init")
    facts: dict[str, Any] = json.loads((kept / "facts.json").read_text("utf-8"))
    return cli, facts | {"folder": request.param}


def test_there_is_something_kept_of_each_issue_that_is_done() -> None:
    assert RELEASED


def test_a_released_database_migrates_and_says_what_it_said(released: tuple[CommandLine, dict[str, Any]]) -> None:
    cli, facts = released
    status = cli.status(SLUG)
    assert {key: status[key] for key in facts["status"]} == facts["status"]
    person = cli.do("contacts", "show", READER, "--json").json
    assert {key: person[key] for key in facts["reader"]} == facts["reader"]


def test_the_links_of_a_released_letter_act_and_its_bytes_are_shown(
    released: tuple[CommandLine, dict[str, Any]],
) -> None:
    cli, facts = released
    port = free_port()
    with cli.running("serve", "--public-only", "--port", str(port)):
        base, links = f"http://127.0.0.1:{port}", facts["links"]
        status, page = fetch(base + links["o"])
        assert (status, sha256(page.encode()).hexdigest()) == (200, facts["online_sha256"])
        assert fetch(base + links["d"])[0] == 200
        assert fetch(base + links["u"], b"List-Unsubscribe=One-Click")[0] == 200
    topics = cli.do("contacts", "show", READER, "--json").json["topics"]
    assert topics == {"verenigingsnieuws": "opted_out"}


def test_a_released_letter_is_rendered_as_it_was_sent(released: tuple[CommandLine, dict[str, Any]]) -> None:
    cli, facts = released
    kept = FOLDER / facts["folder"]
    for name in FILES:
        shutil.copy(kept / name, cli.folder)
    cli.do("render", f"{SLUG}.md", "--contact", READER, "--out", "now.eml", POSTILJON_BRAND="vng.toml")
    sent = (kept / "message.eml").read_bytes()
    assert (cli.folder / "now.eml").read_bytes().rstrip() == sent.rstrip()
