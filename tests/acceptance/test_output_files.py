"""The output of a command never replaces its input, nor a file that cannot be made again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine

LETTER = (
    "---\nslug: a\nsubject: S\nfrom: VNG <info@vng.nl>\nlanguage: nl\ntopic: t\n"
    "timezone: Europe/Amsterdam\n---\nBeste lezer,\n"
)
IMPORT = ["--topic", "t", "--basis", "member", "--rejects"]


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    cli = CommandLine(tmp_path_factory.mktemp("house"))
    cli.do("init", "--organisation", "VNG", "--contact", "info@vng.nl")
    cli.write("a.md", LETTER)
    cli.write("p.csv", "email,name\nester@waterhoek.example,Ester\nno address,x\n")
    cli.do("contacts", "import", "p.csv", "--topic", "t", "--basis", "member")
    (cli.folder / "deep").mkdir()
    (cli.folder / "link.csv").symlink_to("p.csv")
    os.link(cli.folder / "p.csv", cli.folder / "hard.csv")
    return cli


@pytest.mark.parametrize("spelled", ["p.csv", "./p.csv", "deep/../p.csv", "link.csv", "hard.csv", "{folder}/p.csv"])
@pytest.mark.parametrize("command", ["import", "suppress"])
def test_rejected_rows_go_nowhere_near_the_list_that_is_read(cli: CommandLine, command: str, spelled: str) -> None:
    before = (cli.folder / "p.csv").read_bytes()
    reading = {"import": ["p.csv", "--topic", "t", "--basis", "member"], "suppress": ["--file", "p.csv"]}[command]
    ran = cli.run("contacts", command, *reading, "--rejects", spelled.format(folder=cli.folder))
    assert (ran.code, (cli.folder / "p.csv").read_bytes()) == (2, before)
    assert cli.do("contacts", "show", "ester@waterhoek.example", "--json").json["suppressed"] is False


def test_the_standard_input_is_a_file_that_is_read_too(cli: CommandLine) -> None:
    path = cli.folder / "p.csv"
    before = path.read_bytes()
    for read, rejects in (("-", "p.csv"), ("/dev/stdin", "link.csv"), ("p.csv", "/dev/stdin"), ("-", "-")):
        with path.open("rb") as file:
            code = cli.start("contacts", "import", read, *IMPORT, rejects, given=file.fileno()).wait(120)
        assert (code in (1, 2), path.read_bytes()) == (True, before), (read, rejects)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("brand.toml", b'name = "VNG"\n'),
        ("other.md", LETTER.encode()),
        ("dkim.pem", b"-----BEGIN PRIVATE KEY-----\n"),
        ("key", b"-----BEGIN PRIVATE KEY-----\n"),
        ("logo", b"\x89PNG\r\n\x1a\n"),
        ("members", b"PK\x03\x04"),
    ],
)
def test_no_output_takes_the_place_of_a_letter_a_key_or_a_picture(cli: CommandLine, name: str, content: bytes) -> None:
    path: Path = cli.folder / name
    path.write_bytes(content)
    for command in (
        ["contacts", "export", name],
        ["contacts", "import", "p.csv", "--topic", "t", "--basis", "member", "--rejects", name],
        ["render", "a.md", "--out", name],
    ):
        ran = cli.run(*command)
        assert (ran.code, path.read_bytes()) == (1, content), command
    path.unlink()


def test_rejected_rows_replace_an_earlier_file_of_them_and_nothing_else(cli: CommandLine) -> None:
    command = ["contacts", "import", "p.csv", "--topic", "t", "--basis", "member", "--rejects", "out.csv"]
    cli.do(*command)
    cli.do(*command)
    assert b"no address" in (cli.folder / "out.csv").read_bytes()
    (cli.folder / "out.csv").write_text("email\nprecious@x.example\n")
    assert cli.run(*command).code == 1
    assert "precious" in (cli.folder / "out.csv").read_text()


def test_a_planned_campaign_says_how_many_people_it_would_go_to(cli: CommandLine) -> None:
    people = "".join(f"p{number}@x.example,{city}\n" for number, city in enumerate(["Gouda", "Delft", "Gouda"]))
    cli.write("q.csv", f"email,city\n{people}")
    cli.do("contacts", "import", "q.csv", "--topic", "plan", "--basis", "member")
    head = LETTER.replace("slug: a", "slug: b").replace("topic: t\n", "topic: plan\n")
    cli.write("b.md", head.replace("topic: plan", 'topic: plan\nsegment: contact.city == "Gouda"'))
    assert "to 2 people" in cli.do("schedule", "b.md", "--at", "2030-01-01 09:00").out
    told = cli.do("status", "b").out
    assert "2 people now" in told
    one = cli.status("b")
    assert (one["recipients"], one["waiting"], one["details"]["people_now"]) == (0, 0, 2)
    cli.write("q.csv", "email,city\nlater@x.example,Gouda\n")
    cli.do("contacts", "import", "q.csv", "--topic", "plan", "--basis", "member")
    assert "3 people now" in cli.do("status", "b").out
