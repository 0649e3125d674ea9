"""Commands that print what strangers wrote: file names, values of contacts, answers of a relay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commandline import Desk
from tests.support.faults import scripted
from tests.support.smtpd import Rule

pytestmark = pytest.mark.slow
EVIL = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e"
LETTER = """---
slug: hostile
subject: Dag
from: VNG <info@vng.example>
language: nl
topic: t
---
Dag.
"""


def test_nothing_that_a_command_prints_is_obeyed_by_a_terminal(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.do("init")
    (tmp_path / f"{EVIL}.md").write_text("no head\n")
    (tmp_path / "people.csv").write_bytes(
        f'email,name,note\na@x.example,"A\u202eA","one\n  news: opted out"\nb{EVIL}@x.example,B,\n'.encode()
    )
    (tmp_path / "letter.md").write_text(LETTER)
    said = [desk.run("check", f"{EVIL}.md", "--no-dns"), desk.run("render", f"{EVIL}{EVIL}.md")]
    said.append(desk.run("contacts", "import", "people.csv", "--topic", "t", "--basis", "member"))
    shown = desk.run("contacts", "show", "a@x.example")
    said += [shown, desk.run("contacts", "show", "a@x.example", "--json"), desk.run("status", EVIL)]
    with scripted(Rule("rcpt", text=f"550 5.1.1 {EVIL}[/red] no")) as server:
        desk.environment["POSTILJON_SMTP_URL"] = f"smtp://127.0.0.1:{server.port}?tls=none"
        said += [desk.run("send", "letter.md", "--yes"), desk.run("status", "hostile", "--people")]
        said += [desk.run("test", "letter.md", "me@x.example"), desk.run("doctor")]
    for ran in said:
        assert not {one for one in ran.out + ran.err if one in "\x07\x1b\u009b\u202e\r"}, ran
        assert "Traceback" not in ran.err
    assert "\n  news: opted out" not in shown.out
