"""A contact that opted out, or was struck off, in another program is kept out here too, and the import says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailer import suppression
from mailer.errors import FaultsError, InputError
from mailer.signing import address_hash
from mailer.storage import Database
from tests.support.importing import MEMBER, NOW, PEPPER, Importer
from unsubscribe import consent, contacts, importing, verifying
from unsubscribe.contacts.sheet import Reading
from unsubscribe.contacts.topics import set_state
from unsubscribe.importing import ImportJob


@pytest.fixture
def load(house_database: Database, tmp_path: Path) -> Importer:
    return Importer(house_database, tmp_path)


@pytest.fixture
def load_one(sqlite_database: Database, tmp_path: Path) -> Importer:
    """Where the kind of database does not matter."""
    return Importer(sqlite_database, tmp_path)


STAYS, LEFT = "stays@x.example", "left@x.example"
EXPORTS = {  # head, the row of one who gets mail, the row of one who does not, as what kind
    "listmonk disabled": ("uuid,email,name,attributes,status", "u,{},A,{{}},enabled", "u,{},B,{{}},disabled"),
    "listmonk blocklisted": ("uuid,email,name,attributes,status", "u,{},A,{{}},enabled", "u,{},B,{{}},blocklisted"),
    "listmonk subscription": ("uuid,email,subscription_status", "u,{},confirmed", "u,{},unsubscribed"),
    "Ghost": ("id,email,name,subscribed_to_emails,deleted_at", "1,{},A,true,", "2,{},B,false,"),
    "Ghost deleted": ("id,email,subscribed_to_emails,deleted_at", "1,{},true,", "2,{},true,2024-01-02T03:04:05.000Z"),
    "Mailchimp": ("Email Address,UNSUB_TIME,LEID,EUID", "{},,1,2", "{},2024-02-02 12:00:00,3,4"),
    "Mailchimp cleaned": ("E-mailadres,CLEAN_TIME,LEID,EUID", "{},,1,2", "{},2024-02-02 12:00:00,3,4"),
    "Mailtrain": ("cid,email,opt_in_ip,status", "a,{},,1", "b,{},,2"),
    "Mailtrain complained": ("cid,email,opt_in_ip,status", "a,{},,1", "b,{},,4"),
    "phpList blacklisted": ("id,email,confirmed,blacklisted,bouncecount", "1,{},1,0,3", "2,{},1,1,0"),
    "phpList unconfirmed": ("id,email,confirmed,blacklisted", "1,{},1,0", "2,{},0,0"),
    "Mautic": ("email,points,doNotContact", "{},3,", "{},3,1"),
    "Mautic dnc": ("email,points,dnc", "{},3,0", "{},3,unsubscribed"),
    "Brevo": ("EMAIL;EMAIL_BLACKLIST", "{};No", "{};Yes"),
    "Brevo words": ("EMAIL;Blacklisted email", "{};", "{};1"),
    "Laposta": ("e-mailadres;state;signup_date", "{};active;2024-01-01", "{};unsubscribed;2024-01-01"),
    "Laposta cleaned": ("e-mailadres;state", "{};active", "{};cleaned"),
    "CleverReach": ("email;activated;deactivated", "{};1700000000;0", "{};1600000000;1700000000"),
    "Mailjet": ("Email,IsExcludedFromCampaigns", "{},false", "{},true"),
    "ActiveCampaign": ("Email,Subscriber ID,sdate,Status", "{},1,2024-01-01,1", "{},2,2024-01-01,3"),
    "HubSpot": ("Email,Unsubscribed from all email", "{},", "{},true"),
    "HubSpot topic": ("Email,Opted out of email: Nieuws", "{},", "{},true"),
    "Campaign Monitor": ("Email Address,Date Subscribed,State", "{},2024-01-01,Active", "{},2024-01-01,Bounced"),
    "Sendy": ("Name,Email,Status", "A,{},Subscribed", "B,{},Marked as spam"),
    "Keila": ("email,first_name,status", "{},A,active", "{},B,unreachable"),
    "Klaviyo": ("Email,Email Marketing Consent", "{},SUBSCRIBED", "{},NEVER_SUBSCRIBED"),
    "Shopify": ("Email,Accepts Email Marketing", "{},yes", "{},no"),
    "a date in Dutch": ("email;Afgemeld op", "{};", "{};2-2-2024"),
    "yes in Dutch": ("email;afgemeld", "{};nee", "{};Ja"),
    "a cross": ("email;uitgeschreven", "{};", "{};x"),
    "a word in Dutch": ("e-mail;toestand", "{};actief", "{};uitgeschreven"),
    "yes in German": ("E-Mail-Adresse;Abgemeldet", "{};nein", "{};ja"),
    "a word in German": ("E-Mail;Status", "{};Bestätigt", "{};Abgemeldet"),
    "yes in French": ("Adresse e-mail;Désinscrit", "{};non", "{};oui"),
    "a word in French": ("courriel;statut", "{};abonné", "{};désabonnée"),
    "actief": ("email;actief", "{};ja", "{};nee"),
    "newsletter": ("email;Nieuwsbrief", "{};ja", "{};nee"),
    "opt-in": ("email,opt-in", "{},2024-01-02", "{},no"),
    "opt-out": ("email,OPT OUT", "{},0", "{},1"),
    "bounced": ("email,bounced", "{},0", "{},2"),
    "in capitals": ("EMAIL,STATUS", "{},ACTIVE", "{},UNSUBSCRIBED"),
    "pending": ("email,status", "{},subscribed", "{},pending"),
}


@pytest.mark.parametrize("program", EXPORTS)
def test_who_left_elsewhere_is_not_mailed_and_who_stayed_is(load_one: Importer, program: str) -> None:
    head, stays, left = EXPORTS[program]
    summary = load_one("\n".join([head, stays.format(STAYS), left.format(LEFT)]) + "\n")
    assert (load_one.mailed(STAYS), load_one.mailed(LEFT)) == (True, False), load_one.rejected
    assert sum(summary.elsewhere.values()) + summary.rejected == 1
    assert "status" in [item["used_as"] for item in summary.columns]


@pytest.mark.parametrize(
    ("word", "kind", "scope", "reason"),
    [
        ("unsubscribed", "unsubscribed", "nieuws", "opt_out"),
        ("blocklisted", "blocked", "", "opt_out"),
        ("bounced", "undeliverable", "", "undeliverable"),
        ("complained", "complaint", "", "complaint"),
    ],
)
def test_each_kind_is_recorded_as_what_it_is_and_later_imports_obey(
    load: Importer, word: str, kind: str, scope: str, reason: str
) -> None:
    file = f"email,status\n{LEFT},{word}\n{STAYS},active\n"
    assert load(file).elsewhere == {kind: 1}
    with load.db.read() as conn:
        held = suppression.entries(conn, address_hash(PEPPER, LEFT))
    assert [(entry.scope, entry.reason) for entry in held] == [(scope, reason)]
    again = load(file)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 2)
    load(f"email\n{LEFT}\n")
    assert not load.mailed(LEFT)
    assert load.fault(LEFT) == ""


@pytest.mark.parametrize("first", ["enabled", "unsubscribed"])
def test_a_person_twice_in_a_file_is_kept_out_by_either_row(load: Importer, first: str) -> None:
    second = {"enabled": "unsubscribed", "unsubscribed": "enabled"}[first]
    load(f"email,status\n{LEFT},{first}\n{LEFT.upper()},{second}\n")
    assert not load.mailed(LEFT)
    assert load.topics(LEFT) == {"nieuws": "opted_out"}


def test_who_is_subscribed_here_by_an_earlier_import_leaves_with_the_file(load: Importer) -> None:
    load(f"email\n{LEFT}\n")
    summary = load(f"email,UNSUB_TIME\n{LEFT},2024-02-02 12:00:00\n")
    assert (summary.updated, load.mailed(LEFT), load.fault(LEFT)) == (1, False, "")


def test_the_proof_says_where_somebody_left(load_one: Importer) -> None:
    load_one(f"email,UNSUB_TIME\n{LEFT},2024-02-02 12:00:00\n")
    with load_one.db.read() as conn:
        chain = verifying.chain(conn, load_one.contact(LEFT).id)
    assert [(entry.kind, entry.statement) for entry in chain.entries] == [("withdrawn", None)]
    assert chain.entries[0].at.isoformat() == "2024-02-02T12:00:00+00:00"
    assert chain.entries[0].detail == {
        "address": LEFT,
        "how": "import",
        "column": "UNSUB_TIME: 2024-02-02 12:00:00",
    }


@pytest.mark.parametrize(("left_on", "stays"), [("2024-02-02", True), ("2024-09-17", False)])
def test_an_own_sign_up_stands_only_against_an_earlier_opt_out(load_one: Importer, left_on: str, stays: bool) -> None:
    load_one(f"email\n{STAYS}\n", topic="agenda")
    with load_one.db.write() as conn:
        number = consent.store_statement(conn, consent.ConsentStatement("consent", "form", "Yes, mail me", "1"))
        topic = contacts.ensure_topic(conn, "nieuws", "", NOW)
        at = NOW - timedelta(days=30)
        set_state(conn, load_one.contact(STAYS).id, topic.id, "subscribed", at, statement=number)
    load_one(f"email,Uitgeschreven op\n{STAYS},{left_on}\n")
    assert load_one.mailed(STAYS) == stays


def test_who_has_yet_to_confirm_elsewhere_is_not_stored(load_one: Importer) -> None:
    summary = load_one(f"email,status\n{LEFT},unconfirmed\n{STAYS},confirmed\n")
    assert (summary.added, summary.passed, summary.rows, load_one.count()) == (1, 1, 2, 1)


def test_a_value_that_is_not_known_is_rejected_and_not_mailed(load_one: Importer) -> None:
    summary = load_one(f"email,status\n{STAYS},active\n{LEFT},vielleicht\nc@x.example,\n")
    assert (summary.added, summary.rejected) == (1, 2)
    reasons = [row.reason for row in load_one.rejected]
    assert "'vielleicht' does not say whether this person gets mail" in reasons[0]
    assert "--column status=attribute" in reasons[0]


def test_a_status_of_which_nothing_is_known_is_an_attribute(load_one: Importer) -> None:
    summary = load_one("email,status\na@x.example,lid\nb@x.example,erelid\nc@x.example,\n")
    assert (summary.added, summary.kept_out) == (3, 0)
    assert summary.columns[1] == {"head": "status", "used_as": "attribute status"}
    assert load_one.contact("b@x.example").attributes == {"status": "erelid"}


def test_a_head_can_be_used_as_something_else(load_one: Importer) -> None:
    reading = Reading(columns={"Actief": "attribute", "Soort": "status", "Mailbox": "email", "Intern": "none"})
    text = "Mailbox;Actief;Soort;Intern\na@x.example;nee;active;1\nb@x.example;ja;afgemeld;2\n"
    load_one(text, reading=reading)
    assert (load_one.mailed("a@x.example"), load_one.mailed("b@x.example")) == (True, False)
    assert load_one.contact("a@x.example").attributes == {"Actief": "nee"}


@pytest.mark.parametrize(
    ("columns", "words"), [({"x": "name"}, "no such column"), ({"naam": "nom"}, "expected one of")]
)
def test_a_use_that_cannot_be_is_refused_before_anything(
    load_one: Importer, columns: dict[str, str], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        load_one("email;naam\na@x.example;A\n", reading=Reading(columns=columns))
    assert load_one.count() == 0


def test_attributes_of_listmonk_become_attributes(load_one: Importer) -> None:
    load_one('uuid,email,attributes,status\n1,a@x.example,"{""city"": ""Gouda"", ""tags"": [""a"", ""b""]}",enabled\n')
    assert load_one.contact("a@x.example").attributes == {"city": "Gouda", "tags": ("a", "b")}


def test_the_day_of_subscribing_elsewhere_is_kept(load_one: Importer) -> None:
    load_one("email,OPTIN_TIME,CONFIRM_TIME\na@x.example,2023-05-05 10:00:00,2023-05-05 10:05:00\n")
    with load_one.db.read() as conn:
        entry = verifying.chain(conn, load_one.contact("a@x.example").id).entries[0]
    assert entry.at.isoformat() == "2023-05-05T10:05:00+00:00"
    assert load_one.mailed("a@x.example")


@pytest.mark.parametrize(
    "name", ["nonsubscribed_email_audience_export_1a.csv", "Afgemeld 2024.csv", "cleaned_members_export.csv"]
)
def test_a_file_whose_name_alone_says_that_they_left_is_refused(load_one: Importer, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(f"email\n{LEFT}\n")
    with pytest.raises(FaultsError, match="contacts suppress"):
        importing.import_contacts(load_one.db, tmp_path / name, ImportJob("nieuws", MEMBER, PEPPER), NOW)
