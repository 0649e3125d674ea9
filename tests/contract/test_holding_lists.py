"""A list of people who get no mail any more: from any file, in short transactions, with a word on each bad line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer import suppression
from mailer.errors import FaultsError
from mailer.signing import address_hash
from mailer.storage import Database
from tests.support.commandline import Desk
from tests.support.importing import NOW, PEPPER, Importer
from unsubscribe import holding
from unsubscribe.contacts.rows import Rejected
from unsubscribe.holding import HeldMany


@pytest.fixture
def house(house_database: Database, tmp_path: Path) -> Importer:
    return Importer(house_database, tmp_path)


def hold(house: Importer, text: str) -> tuple[HeldMany, list[Rejected]]:
    path = house.folder / "list.csv"
    path.write_text(text)
    rejected: list[Rejected] = []
    return holding.hold_file(house.db, path, PEPPER, NOW, rejected.append), rejected


@pytest.mark.parametrize(
    "text",
    [
        "a@x.example\nb@x.example\n",
        "email\na@x.example\nb@x.example\n",
        "Naam;E-mailadres\nA;a@x.example\nB; B@X.example\n",
        "A,a@x.example\nB,b@x.example\n",
        "\u200ba@x.example\n\n\nb@x.example\u00a0\n",
        "status,email\nlid,a@x.example\n,b@x.example\n,A@x.example\n",
    ],
)
def test_everybody_in_the_list_gets_no_mail_any_more(house: Importer, text: str) -> None:
    house("email\na@x.example\nc@x.example\n")
    done, rejected = hold(house, text)
    assert (done, rejected) == (HeldMany(addresses=2, known=1, again=0, rejected=0), [])
    assert [house.mailed(f"{who}@x.example") for who in "ac"] == [False, True]
    house("email\nb@x.example\n")
    assert not house.mailed("b@x.example")
    assert house.fault("a@x.example") == ""
    assert hold(house, text)[0] == HeldMany(addresses=2, known=2, again=2, rejected=0)


def test_a_line_without_an_address_is_told_and_loses_no_other(house: Importer) -> None:
    done, rejected = hold(house, "a@x.example\nniet meer mailen\nb@x.exa\u00admple\nc@x.example\n")
    assert (done.addresses, done.rejected) == (2, 2)
    assert [row.line for row in rejected] == [2, 3]


def test_a_file_without_any_address_is_refused(house: Importer) -> None:
    with pytest.raises(FaultsError):
        hold(house, "naam\nAnna\n")


def test_a_long_list_is_held_back_whole(house: Importer) -> None:
    done, _ = hold(house, "".join(f"p{number}@x.example\n" for number in range(5_000)))
    assert done.addresses == 5_000
    with house.db.read() as conn:
        hashes = [address_hash(PEPPER, f"p{number}@x.example") for number in range(5_000)]
        assert len(suppression.entries_of(conn, hashes)) == 5_000


def test_the_command_takes_several_addresses_or_a_file(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.do("init")
    assert desk.do("contacts", "suppress", "a@x.example", "--json").json == {
        "suppressed": True,
        "known": False,
        "again": False,
        "topics": [],
    }
    several = desk.do("contacts", "suppress", "a@x.example", "b@x.example", "--json").json["suppressed"]
    assert [(item["address"], item["again"]) for item in several] == [("a@x.example", True), ("b@x.example", False)]
    (tmp_path / "weg.csv").write_text("email\nb@x.example\nnix\nc@x.example\n")
    told = desk.do("contacts", "suppress", "--file", "weg.csv", "--json").json
    assert (told["addresses"], told["again"], told["rejected"], told["rejects"][0]["line"]) == (2, 1, 1, 3)
    assert "weg.csv:3: 'nix' is not a mail address" in desk.do("contacts", "suppress", "--file", "weg.csv").err
    for wrong in ([], ["a@x.example", "--file", "weg.csv"], ["--file", "weg.csv", "--rejects", "./weg.csv"]):
        assert desk.run("contacts", "suppress", *wrong).code == 2
