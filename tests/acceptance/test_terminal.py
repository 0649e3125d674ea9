"""Commands that print what strangers wrote: file names, values of contacts, answers of a relay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
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
    cli = CommandLine(tmp_path)
    cli.do("init")
    (tmp_path / f"{EVIL}.md").write_text("no head\n")
    (tmp_path / "people.csv").write_bytes(
        f'email,name,note\na@x.example,"A\u202eA","one\n  news: opted out"\nb{EVIL}@x.example,B,\n'.encode()
    )
    (tmp_path / "letter.md").write_text(LETTER)
    said = [cli.run("check", f"{EVIL}.md", "--no-dns"), cli.run("render", f"{EVIL}{EVIL}.md")]
    said.append(cli.run("contacts", "import", "people.csv", "--topic", "t", "--basis", "member"))
    shown = cli.run("contacts", "show", "a@x.example")
    said += [shown, cli.run("contacts", "show", "a@x.example", "--json"), cli.run("status", EVIL)]
    with scripted(Rule("rcpt", text=f"550 5.1.1 {EVIL}[/red] no")) as server:
        cli.environment["POSTILJON_SMTP_URL"] = f"smtp://127.0.0.1:{server.port}?tls=none"
        said += [cli.run("send", "letter.md", "--yes"), cli.run("status", "hostile", "--people")]
        said += [cli.run("test", "letter.md", "me@x.example"), cli.run("doctor")]
    for ran in said:
        assert not {one for one in ran.out + ran.err if one in "\x07\x1b\u009b\u202e\r"}, ran
        assert "Traceback" not in ran.err
    assert "\n  news: opted out" not in shown.out
