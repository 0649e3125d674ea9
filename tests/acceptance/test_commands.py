"""The commands as scripts know them: exit codes, JSON, help, languages."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.installation import Installation

COMMANDS = [
    *(
        ["init"],
        ["contacts", "import"],
        ["contacts", "export"],
        ["contacts", "show"],
        ["contacts", "erase"],
        ["contacts", "suppress"],
    ),
    *(
        ["contacts", "consent"],
        ["topic"],
        ["check"],
        ["render"],
        ["test"],
        ["schedule"],
        ["send"],
        ["status"],
        ["pause"],
    ),
    *(["resume"], ["cancel"], ["doubt"], ["serve"], ["worker"], ["doctor"], ["dkim", "key"], ["user", "add"], ["demo"]),
]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: list[str], tmp_path: Path) -> None:
    ran = CommandLine(tmp_path).do(*command, "--help")
    assert "Example: postiljon " + " ".join(command) in " ".join(ran.out.split())


def test_help_needs_no_settings_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    ran = CommandLine(folder).cold("send", "--help")
    assert (ran.code, ran.err) == (0, "")
    assert list(folder.iterdir()) == []


def test_before_init_a_command_says_what_to_do(tmp_path: Path) -> None:
    ran = CommandLine(tmp_path).run("status", "--json")
    assert ran.code == 1
    assert "postiljon init" in ran.json["message"]


def test_an_unknown_option_is_usage_also_as_json(tmp_path: Path) -> None:
    assert CommandLine(tmp_path).run("status", "--colour").code == 2
    ran = CommandLine(tmp_path).run("status", "--colour", "--json")
    assert (ran.code, ran.json["error"]) == (2, "UsageError")


def test_init_may_be_run_again_and_keeps_the_secrets(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    assert "secrets.toml" in cli.do("init").out
    secrets = (tmp_path / "data" / "secrets.toml").read_bytes()
    assert (tmp_path / "data" / "secrets.toml").stat().st_mode & 0o777 == 0o600
    assert "Nothing to do" in cli.do("init").out
    assert (tmp_path / "data" / "secrets.toml").read_bytes() == secrets


def test_another_pepper_than_the_databases_is_refused(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init")
    ran = cli.run("status", "--json", POSTILJON_PEPPER="A" * 43)
    assert ran.code == 1
    assert "POSTILJON_PEPPER is not the one" in ran.json["message"]


def test_every_fault_of_a_file_is_told_at_once(installation: Installation) -> None:
    text = "---\nslug: A b\nsubjct: x\nfrom: VNG\nlanguage: nl\ntopic: verenigingsnieuws\n---\n{{ contact.name }}\n"
    installation.cli.write("fout.md", text)
    ran = installation.cli.run("check", "fout.md", "--json")
    assert ran.code == 1
    found = {(item["line"], item["field"]) for item in ran.json["faults"] if item["severity"] == "error"}
    assert {(2, "slug"), (3, "subjct"), (4, "from"), (8, "body")} <= found
    sent = installation.cli.run("send", "fout.md", "--yes", "--json")
    assert sent.code == 1
    assert json.loads(sent.out)["faults"]


def test_a_relay_that_cannot_be_reached_stops_the_test_mail_with_3(installation: Installation) -> None:
    installation.cli.environment["POSTILJON_SMTP_URL"] = "smtp://127.0.0.1:1"
    ran = installation.cli.run("test", "denkt-u-mee.md", "ik@example.org", "--json")
    assert (ran.code, ran.json["permanent"]) == (3, False)


def test_contacts_show_has_the_fields_of_the_contract(installation: Installation) -> None:
    assert installation.cli.do("contacts", "show", "ESTER@waterhoek.example", "--json").json == {
        "email": "ester@waterhoek.example",
        "name": "Ester van der Mark",
        "language": "nl",
        "topics": {"verenigingsnieuws": "subscribed"},
        "suppressed": False,
        "attributes": {"role": "raadslid", "salutation": "mevrouw Van der Mark"},
    }


def test_contacts_come_out_as_they_went_in(installation: Installation) -> None:
    installation.cli.do("contacts", "export", "out.csv", "--topic", "verenigingsnieuws")
    text = (installation.cli.folder / "out.csv").read_text("utf-8-sig")
    assert '"ester@waterhoek.example","Ester van der Mark","nl"' in text
    assert text.count("\n") == 6


def test_an_erased_person_is_gone_and_no_import_brings_them_back(installation: Installation) -> None:
    cli = installation.cli
    cli.do("contacts", "erase", "ester@waterhoek.example", "--yes")
    assert cli.run("contacts", "show", "ester@waterhoek.example").code == 1
    cli.do("contacts", "import", "people.csv", "--topic", "verenigingsnieuws", "--basis", "member")
    assert cli.run("contacts", "show", "ester@waterhoek.example").code == 1
    assert cli.do("contacts", "consent", "ester@waterhoek.example", "--json").json["intact"] is True
    told = cli.do("contacts", "consent", "ester@waterhoek.example", LC_ALL="nl_NL.UTF-8").out
    assert "De keten is in orde" in told
    assert "Gewist op" in told


def test_proof_of_consent_says_who_when_and_on_what_and_whether_it_was_changed(installation: Installation) -> None:
    ran = installation.cli.do("contacts", "consent", "jan@waterhoek.example")
    assert "1 event" in ran.out
    assert "verenigingsnieuws: subscribed" in ran.out
    assert "basis: member" in ran.out
    assert "The chain is in order" in ran.out
    assert "grondslag: lid" in installation.cli.do("contacts", "consent", "jan@waterhoek.example", LC_ALL="nl").out
    with sqlite3.connect(installation.cli.folder / "data" / "postiljon.db") as conn:
        conn.execute("UPDATE consent_statement SET basis = 'consent'")
    conn.close()
    changed = installation.cli.run("contacts", "consent", "jan@waterhoek.example")
    assert (changed.code, "event 1 was changed" in changed.err) == (1, True)
    told = installation.cli.run("contacts", "consent", "jan@waterhoek.example", "--json").json
    assert (told["email"], told["intact"]) == ("jan@waterhoek.example", False)


def test_a_topic_is_named_and_opened_for_sign_up(installation: Installation) -> None:
    cli = installation.cli
    assert cli.do("topic", "--json").json[0] | {"name": ""} == {
        "slug": "verenigingsnieuws",
        "name": "",
        "names": {},
        "description": "",
        "descriptions": {},
        "open": False,
        "subscribed": 5,
    }
    asked = ["--name", "Nieuws van de vereniging", "--description", "Eens in de twee weken", "--open", "--json"]
    told = cli.do("topic", "verenigingsnieuws", *asked).json
    assert (told["name"], told["open"], told["made"]) == ("Nieuws van de vereniging", True, False)
    assert cli.do("topic", "verenigingsnieuws", "--closed", "--json").json == told | {"open": False}
    said = cli.do("topic", "agenda", "--open").out
    assert "agenda: Agenda (open for sign-up; 0 subscribed)" in said
    assert "This topic is new." in said
    assert "not told what it brings, and how often" in said
    told = cli.do("topic", "agenda", "--description-in", "en=Once a week.", "--description-in", "nl=Elke week.").out
    assert "en: Once a week." in told
    assert "not told" not in told
    assert "/subscribe" in said
    assert "gesloten voor aanmelding" in cli.do("topic", LC_ALL="nl_NL.UTF-8").out


@pytest.mark.parametrize("typed", [["--open"], ["nieuws", "--name", " "], ["nieuws", "--name", "x" * 101]])
def test_a_topic_without_a_slug_or_a_usable_name_is_usage(typed: list[str], installation: Installation) -> None:
    assert installation.cli.run("topic", *typed).code == 2


def test_somebody_who_asks_for_no_more_mail_gets_none(installation: Installation) -> None:
    email = installation.cli.do("contacts", "show", "ESTER@waterhoek.example", "--json").json["email"]
    said = installation.cli.do("contacts", "suppress", email).out
    assert "no mail goes to" in said
    assert "Only the person can lift this" in said
    shown = installation.cli.do("contacts", "show", email, "--json").json
    assert (shown["suppressed"], shown["topics"]) == (True, {"verenigingsnieuws": "opted_out"})
    assert installation.cli.do("contacts", "suppress", email, "--json").json["again"] is True
    assert installation.cli.run("contacts", "suppress", "geen adres").code == 2


def test_a_topic_that_is_not_there_says_so(installation: Installation) -> None:
    assert installation.cli.run("topic", "nergens", "--json").json["error"] == "InputError"
    assert installation.cli.run("topic", "Geen Slug", "--open").code == 1


def test_messages_are_in_the_language_of_the_environment(installation: Installation) -> None:
    ran = installation.cli.run("status", LC_ALL="nl_NL.UTF-8")
    assert ran.out == "Er is nog geen campagne.\n"


def test_a_past_hour_is_refused_with_what_to_do(installation: Installation) -> None:
    ran = installation.cli.run("schedule", "denkt-u-mee.md")
    assert ran.code == 1
    assert "postiljon send" in ran.err


@pytest.mark.parametrize(
    "typed",
    [
        ["schedule", "denkt-u-mee.md", "--at", "gisteren"],
        ["contacts", "import", "people.csv", "--topic", "t", "--basis", "member", "--date", "gisteren"],
        ["contacts", "import", "people.csv", "--topic", "t", "--basis", "zomaar"],
        ["user", "add", "ester@example.org", "--role", "king"],
        ["user", "add", "notanaddress"],
        ["serve", "--port", "abc"],
        ["contacts", "import", ".", "--topic", "t", "--basis", "member"],
    ],
    ids=lambda typed: typed[-1],
)
def test_a_value_that_cannot_be_read_is_usage_for_every_command(typed: list[str], installation: Installation) -> None:
    ran = installation.cli.run(*typed)
    assert ran.code == 2
    assert any(word in ran.err for word in (*typed[-2:], "folder")), "what it was is named"
    assert "Password" not in ran.out
    assert "nvalid" not in ran.err


def test_what_was_typed_wrongly_is_told_in_the_language_of_the_environment(installation: Installation) -> None:
    dutch = {"LC_ALL": "nl_NL.UTF-8"}
    assert "De optie --foo bestaat niet." in installation.cli.run("status", "--foo", **dutch).err
    assert "ontbreekt" in installation.cli.run("send", **dutch).err
    assert "Bedoel je 'status'?" in installation.cli.run("statu", **dutch).err
    told = installation.cli.run("schedule", "denkt-u-mee.md", "--json", **dutch).json
    assert "verwacht een tijdstip in de toekomst" in told["message"]
    assert "expected" not in told["message"]


def test_the_words_of_a_status_are_in_the_language_of_the_environment_also_as_json(installation: Installation) -> None:
    installation.cli.do("send", "denkt-u-mee.md", "--yes")
    told = installation.cli.do("status", "denkt-u-mee", "--json", LC_ALL="nl_NL.UTF-8").json
    assert any(one["words"].startswith("Geweigerd: ") for one in told["details"]["outcomes"])


@pytest.mark.parametrize("group", ["contacts", "dkim", "user"])
def test_every_group_of_commands_has_help_with_an_example(group: str, tmp_path: Path) -> None:
    assert f"Example: postiljon {group} " in CommandLine(tmp_path).do(group, "--help").out


def test_a_key_is_not_written_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    ran = CommandLine(tmp_path).run("dkim", "key", "--domain", "example.org", "--out", "nowhere/key.pem")
    assert ran.code == 1
    assert "there is no folder nowhere" in ran.err
    assert not (tmp_path / "nowhere").exists()


def test_send_without_yes_and_without_a_terminal_is_usage(installation: Installation) -> None:
    assert installation.cli.run("send", "denkt-u-mee.md").code == 2


@pytest.mark.parametrize(
    "typed",
    [
        ["render", "denkt-u-mee.md", "--out", "nowhere/letter.eml"],
        ["contacts", "export", "nowhere/people.csv"],
        ["contacts", "import", "bad.csv", "--topic", "t", "--basis", "member", "--rejects", "nowhere/rejects.csv"],
    ],
    ids=lambda typed: typed[-1],
)
def test_a_file_that_cannot_be_written_is_told_in_a_sentence_and_as_json(
    typed: list[str], installation: Installation
) -> None:
    installation.cli.write("bad.csv", "email,name\nno address,N\n")
    ran = installation.cli.run(*typed)
    assert ran.code == 1
    assert f"{typed[-1]} cannot be written: " in ran.err
    assert "Traceback" not in ran.err
    assert installation.cli.run(*typed, "--json").json["error"] == "InputError"


def test_the_difference_with_what_was_launched_is_shown_as_it_is_typed(installation: Installation) -> None:
    installation.cli.do("send", "denkt-u-mee.md", "--yes")
    file = installation.cli.folder / "denkt-u-mee.md"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("subject: Denkt u mee over regionale samenwerking?", "subject: Denkt u mee"), "utf-8")
    ran = installation.cli.run("send", "denkt-u-mee.md", "--yes")
    assert ran.code == 1
    assert "+subject: Denkt u mee" in ran.err.splitlines()


def test_the_numbers_of_a_status_stand_below_each_other(installation: Installation) -> None:
    shown = installation.cli.do("send", "denkt-u-mee.md", "--yes").out.splitlines()
    rows = [line for line in shown if line.startswith("  ")]
    assert len(rows) > 2
    assert len({len(line) for line in rows}) == 1


def test_a_dkim_key_is_made_once_with_its_record(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    first = cli.do("dkim", "key", "--selector", "s1", "--domain", "example.org", "--out", "key.pem", "--json").json
    second = cli.do("dkim", "key", "--selector", "s1", "--domain", "example.org", "--out", "key.pem", "--json").json
    assert (first["made"], second["made"], first["record"]) == (True, False, second["record"])
    assert first["name"] == "s1._domainkey.example.org"
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_user_of_the_console_is_added_once(installation: Installation) -> None:
    def add() -> int:
        command = ("user", "add", "Ester@vng.nl", "--role", "author")
        return installation.cli.run(*command, typed=b"a long enough password\n").code

    assert (add(), add()) == (0, 1)


def test_doctor_finds_what_is_well_and_what_is_not(installation: Installation) -> None:
    found = installation.cli.do("doctor", "--json").json
    assert found["ok"] is True
    (installation.cli.folder / "data" / "secrets.toml").chmod(0o644)
    ran = installation.cli.run("doctor")
    assert ran.code == 1
    assert "chmod 600" in ran.out


def test_doctor_warns_of_a_campaign_that_only_the_journal_knows(installation: Installation) -> None:
    line = '{"launched": "verloren", "topic": "verenigingsnieuws", "at": "2026-01-01T00:00:00+00:00", "mailing": 9}'
    with (installation.cli.folder / "data" / "journal").open("a", encoding="utf-8") as journal:
        journal.write(line + "\n")
    assert "postiljon restored" in installation.cli.do("doctor").out
    installation.cli.do("restored")
    assert "postiljon restored" not in installation.cli.do("doctor").out
