"""``postiljon campaign``: from the console to a folder and back; and what ``send FILE`` says of a console campaign."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.lifecycle import drafts, versions
from campaigns.staff import audit, users
from mailer.clock import steady
from mailer.storage import Database, open_database
from tests.support.commandline import EXAMPLES, CommandLine

pytestmark = pytest.mark.slow
SLUG = "denkt-u-mee"


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """A folder with the example letter and its brand, an empty house, and a topic."""
    made = CommandLine(tmp_path)
    for name in (f"{SLUG}.md", "vng.toml", "vng-logo.png"):
        shutil.copy(EXAMPLES / name, tmp_path)
    made.do("init")
    made.do("topic", "verenigingsnieuws", "--name", "Verenigingsnieuws")
    return made


@pytest.fixture
def house(cli: CommandLine) -> Iterator[Database]:
    """Its database."""
    db = open_database(f"sqlite:///{cli.folder}/data/postiljon.db")
    yield db
    db.close()


def of_console(cli: CommandLine, house: Database) -> None:
    """The letter as a draft of the console, saved by a colleague."""
    cli.do("campaign", "take", SLUG, f"{SLUG}.md")
    with house.write() as conn:
        number = users.invite(conn, "anna@voorbeeld.example", "Anna Schrijver", ["author"], steady())
        draft = drafts.current(conn, SLUG)
        drafts.save(conn, draft, (draft.version.source + "\n", {}), "saved", f"user:{number}", steady())


@pytest.mark.parametrize("command", [["send", "--yes"], ["schedule", "--at", "2999-01-01 09:00 UTC"]])
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("C.UTF-8", "is kept in the console, where Anna Schrijver changed it last, on"),
        ("nl_NL.UTF-8", "Anna Schrijver"),
    ],
)
def test_a_file_of_a_console_campaign_is_refused_and_names_who_changed_it_last(
    cli: CommandLine, house: Database, command: list[str], language: str, words: str
) -> None:
    of_console(cli, house)
    ran = cli.run(command[0], f"{SLUG}.md", *command[1:], LC_ALL=language)
    assert ran.code == 1
    assert words in ran.err
    assert f"postiljon campaign take {SLUG}" in ran.err
    with house.read() as conn:
        assert drafts.current(conn, SLUG).version.number == 2


def test_a_draft_is_exported_with_its_images_and_taken_back_as_the_same(cli: CommandLine, house: Database) -> None:
    text = (cli.folder / f"{SLUG}.md").read_text("utf-8") + "\n![De gevels](vng-logo.png)\n"
    cli.write(f"{SLUG}.md", text)
    taken = cli.do("campaign", "take", SLUG, f"{SLUG}.md", "--json").json
    assert (taken["new"], taken["version"], taken["images"]) == (True, 1, ["vng-logo.png"])
    cli.do("campaign", "export", SLUG, "out/letters")
    assert (cli.folder / "out/letters" / f"{SLUG}.md").read_text("utf-8") == text
    assert (cli.folder / "out/letters" / "vng-logo.png").is_file()
    again = cli.do("campaign", "take", SLUG, f"out/letters/{SLUG}.md", "--json").json
    assert (again["new"], again["version"]) == (False, 1)
    assert "new version" not in cli.do("campaign", "export", SLUG, "out/letters").out
    with house.read() as conn:
        kept = [(act.verb, act.actor.partition(":")[0]) for act in audit.acts(conn, kind="campaign", subject=SLUG)]
    assert kept == [("export", "cli"), ("take_over", "cli"), ("export", "cli"), ("take_over", "cli")]


def test_an_export_overwrites_no_file_of_another_content(cli: CommandLine, house: Database) -> None:
    of_console(cli, house)
    ran = cli.run("campaign", "export", SLUG, ".")
    assert ran.code == 1
    assert "is there already" in ran.err


def test_a_launched_campaign_is_not_taken_and_an_unknown_one_not_exported(cli: CommandLine) -> None:
    cli.do("contacts", "import", cli.write("p.csv", "email\nester@example.org\n"), "--topic", "verenigingsnieuws",
           "--basis", "member")  # fmt: skip
    cli.run("send", f"{SLUG}.md", "--yes", POSTILJON_SMTP_URL="smtp://127.0.0.1:9")
    ran = cli.run("campaign", "take", SLUG, f"{SLUG}.md")
    assert ran.code == 1
    assert "launched already" in ran.err
    assert cli.run("campaign", "export", "other", "out").code == 1


def test_a_file_of_another_campaign_or_without_a_head_is_not_taken(cli: CommandLine, house: Database) -> None:
    assert "not of other" in cli.run("campaign", "take", "other", f"{SLUG}.md").err
    cli.write("bare.md", "Just words.\n")
    assert cli.run("campaign", "take", SLUG, "bare.md").code == 1
    with house.read() as conn:
        assert versions.all_of(conn, 1) == []


def test_a_brand_file_stays_behind_and_is_named(cli: CommandLine) -> None:
    text = (cli.folder / f"{SLUG}.md").read_text("utf-8").replace("slug:", "brand: vng.toml\nslug:", 1)
    cli.write(f"{SLUG}.md", text)
    assert "vng.toml was left out" in cli.run("campaign", "take", SLUG, f"{SLUG}.md").err
