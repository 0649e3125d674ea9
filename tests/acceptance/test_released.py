"""What earlier versions made still works: their database migrates, their links act, their letters show."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.commandline import Desk, fetch, free_port
from tests.support.released import FILES, FOLDER, READER, SLUG

pytestmark = pytest.mark.slow
RELEASED = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


@pytest.fixture(params=RELEASED)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Desk, dict[str, Any]]:
    """A desk with the database and secrets of an earlier version, migrated by this one."""
    kept = FOLDER / request.param
    (tmp_path / "data").mkdir()
    for name in ("postiljon.db", "secrets.toml"):
        shutil.copy(kept / name, tmp_path / "data")
    (tmp_path / "data" / "secrets.toml").chmod(0o600)
    desk = Desk(tmp_path)
    desk.do("init")
    facts: dict[str, Any] = json.loads((kept / "facts.json").read_text("utf-8"))
    return desk, facts | {"folder": request.param}


def test_there_is_something_kept_of_each_issue_that_is_done() -> None:
    assert RELEASED


def test_a_released_database_migrates_and_says_what_it_said(released: tuple[Desk, dict[str, Any]]) -> None:
    desk, facts = released
    status = desk.status(SLUG)
    assert {key: status[key] for key in facts["status"]} == facts["status"]
    person = desk.do("contacts", "show", READER, "--json").json
    assert {key: person[key] for key in facts["reader"]} == facts["reader"]


def test_the_links_of_a_released_letter_act_and_its_bytes_are_shown(released: tuple[Desk, dict[str, Any]]) -> None:
    desk, facts = released
    port = free_port()
    with desk.running("serve", "--public-only", "--port", str(port)):
        base, links = f"http://127.0.0.1:{port}", facts["links"]
        status, page = fetch(base + links["o"])
        assert (status, sha256(page.encode()).hexdigest()) == (200, facts["online_sha256"])
        assert fetch(base + links["d"])[0] == 200
        assert fetch(base + links["u"], b"List-Unsubscribe=One-Click")[0] == 200
    topics = desk.do("contacts", "show", READER, "--json").json["topics"]
    assert topics == {"verenigingsnieuws": "opted_out"}


def test_a_released_letter_is_rendered_as_it_was_sent(released: tuple[Desk, dict[str, Any]]) -> None:
    desk, facts = released
    kept = FOLDER / facts["folder"]
    for name in FILES:
        shutil.copy(kept / name, desk.folder)
    desk.do("render", f"{SLUG}.md", "--contact", READER, "--out", "now.eml", POSTILJON_BRAND="vng.toml")
    sent = (kept / "message.eml").read_bytes()
    assert (desk.folder / "now.eml").read_bytes().rstrip() == sent.rstrip()
