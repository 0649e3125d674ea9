"""``user …`` and ``audit verify``: people by the command line, and its acts in the audit trail; real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns.staff import audit
from mailer.storage import open_database

PASSWORD = "drie zwarte paarden dansen"
pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert run(tmp_path, "init")[0] == 0
    return tmp_path


def run(folder: Path, *arguments: str, typed: str = "") -> tuple[int, str, str]:
    command = [sys.executable, "-m", "campaigns", *arguments]
    done = subprocess.run(command, cwd=folder, input=typed, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def add(folder: Path, email: str, *roles: str) -> None:
    options = [word for role in roles for word in ("--role", role)]
    assert run(folder, "user", "add", email, *options, typed=PASSWORD + "\n")[0] == 0


def acts(folder: Path) -> list[tuple[str, str, str]]:
    db = open_database(f"sqlite:///{folder}/data/postiljon.db")
    with db.read() as conn:
        found = [(act.actor.partition(":")[0], act.verb, act.subject) for act in audit.acts(conn)]
    db.close()
    return found[::-1]


def test_people_are_added_listed_changed_and_removed(folder: Path) -> None:
    add(folder, "ester@example.org", "admin")
    add(folder, "anna@example.org", "author", "reviewer")
    listed = json.loads(run(folder, "user", "list", "--json")[1])
    assert [(one["email"], one["roles"]) for one in listed] == [
        ("anna@example.org", ["author", "reviewer"]),
        ("ester@example.org", ["administrator"]),
    ]
    assert run(folder, "user", "role", "anna@example.org", "sender", "author")[0] == 0
    assert "anna@example.org  author, sender" in run(folder, "user", "list")[1]
    assert run(folder, "user", "role", "ester@example.org", "author")[0] == 1  # the last administrator
    assert run(folder, "user", "remove", "anna@example.org")[0] == 2  # nobody is there to ask
    assert run(folder, "user", "remove", "anna@example.org", "--yes")[0] == 0
    assert "anna@" not in run(folder, "user", "list")[1]
    assert acts(folder) == [
        ("cli", "add_user", "1"),
        ("cli", "add_user", "2"),
        ("cli", "change_roles", "2"),
        ("cli", "remove_user", "2"),
    ]


def test_a_link_to_get_in_is_for_a_person_or_for_the_first_administrator(folder: Path) -> None:
    first = run(folder, "user", "setup-link")
    assert (first[0], "/console/setup?token=" in first[1]) == (0, True)
    add(folder, "ester@example.org", "administrator")
    assert run(folder, "user", "setup-link")[0] == 1
    made = json.loads(run(folder, "user", "setup-link", "ester@example.org", "--no-second-factor", "--json")[1])
    assert made["link"].startswith("http://127.0.0.1:8000/console/reset/")
    assert run(folder, "user", "setup-link", "nobody@example.org")[0] == 1
    assert [verb for _actor, verb, _subject in acts(folder)] == ["make_link", "add_user", "totp_off", "make_link"]


def test_acts_on_the_command_line_are_in_the_audit_trail_which_verifies(folder: Path) -> None:
    run(folder, "topic", "news", "--name", "News")
    (folder / "people.csv").write_text("email\nester@example.org\n")
    assert run(folder, "contacts", "import", "people.csv", "--topic", "news", "--basis", "member")[0] == 0
    assert run(folder, "contacts", "show", "ester@example.org")[0] == 0
    assert run(folder, "contacts", "export", "out.csv")[0] == 0
    assert run(folder, "contacts", "suppress", "ester@example.org")[0] == 0
    assert run(folder, "contacts", "erase", "ester@example.org", "--yes")[0] == 0
    assert acts(folder) == [
        ("cli", "add_topic", "news"),
        ("cli", "import", "news"),
        ("cli", "look_up", "1"),
        ("cli", "download", ""),
        ("cli", "suppress", ""),
        ("cli", "erase", "1"),
    ]
    assert json.loads(run(folder, "audit", "verify", "--json")[1]) == {"ok": True, "rows": 6, "wrong": []}
    db = open_database(f"sqlite:///{folder}/data/postiljon.db")
    with db.write() as conn:
        conn.exec_driver_sql("DROP TRIGGER audit_no_update")
        conn.exec_driver_sql("UPDATE audit SET subject = '2' WHERE id = 3")
    db.close()
    code, _out, said = run(folder, "audit", "verify")
    assert (code, "3" in said) == (1, True)
