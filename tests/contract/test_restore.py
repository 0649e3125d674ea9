"""An older backup is put back (E24): nobody gets again what may have left since, and no wish of a reader is lost.

Each test copies the database as the page on restoring says, lets things happen, puts the copy back, and runs what
``postiljon restored`` runs.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from campaigns.lifecycle import control, freezing, launch, records
from campaigns.lifecycle.preparation import LaunchConfig
from campaigns.lifecycle.states import CampaignState
from campaigns.ops.restoring import RESTORED, Restored, missing, restored
from campaigns.source.campaign_source import from_folder
from mailer import outbox, suppression
from mailer.errors import StateError, StorageAway
from mailer.journal import Journal
from mailer.signing import Purpose, Token
from mailer.storage import Database, open_database
from mailer.transport.memory import MemoryTransport
from tests.support.campaigning import PEPPER, TOPIC, CampaignSetup, campaign_setup
from tests.support.sending import RING, Sending, deps, send
from tests.support.waiting import until
from unsubscribe import contacts, erasing, optout
from unsubscribe.contacts import Person


class RestoreSetup:
    """A house on SQLite with a journal; ``back_up`` and ``put_back`` as a person does it."""

    def __init__(self, folder: Path, people: int = 20) -> None:
        self.folder, self.journal = folder, Journal(folder / "journal")
        self.campaigns: CampaignSetup = campaign_setup(self._open(), folder, people)

    def _open(self) -> Database:
        db = open_database(f"sqlite:///{self.folder}/postiljon.db")
        db.journal = self.journal
        return db

    def restored(self) -> Restored:
        """Run ``postiljon restored``."""
        return restored(self.db, self.journal, self.campaigns.clock())

    @property
    def db(self) -> Database:
        return self.campaigns.db

    def back_up(self) -> None:
        with (
            closing(sqlite3.connect(self.folder / "postiljon.db")) as source,
            closing(sqlite3.connect(self.folder / "backup.db")) as target,
        ):
            source.backup(target)

    def put_back(self) -> None:
        self.db.close()
        for name in ("postiljon.db", "postiljon.db-wal", "postiljon.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "postiljon.db").write_bytes((self.folder / "backup.db").read_bytes())
        self.campaigns.db = self._open()

    def launch(self, slug: str = "denkt-u-mee") -> int:
        """Launched and its audience taken down; the number of its mailing."""
        site = LaunchConfig(self.db, "https://mail.example.org", "bounce@example.org", RING.current.id)
        campaign = launch.start(site, from_folder(self.campaigns.write(slug)), self.campaigns.clock())
        freezing.freeze(site.db, campaign, self.campaigns.clock, lambda: True)
        return campaign.mailing_id or 0

    def campaign(self, slug: str = "denkt-u-mee") -> records.Campaign:
        with self.db.read() as conn:
            return records.get(conn, slug)

    def person(self, number: int) -> contacts.Contact:
        with self.db.read() as conn:
            found = contacts.find(conn, f"lezer{number}@example.org")
        assert found is not None
        return found

    def leave(self, mailing: int, number: int) -> optout.OptOutResult:
        """A reader uses the link in the letter."""
        with self.db.write() as conn:
            token = Token(Purpose.OPT_OUT, mailing, self.person(number).id)
            return optout.opt_out(conn, token, "topic", self.campaigns.clock())

    def why(self, number: int) -> str | None:
        with self.db.read() as conn:
            return suppression.why(conn, self.person(number).address_hash, TOPIC, self.campaigns.clock())

    def state(self, number: int) -> str:
        with self.db.read() as conn:
            return contacts.subscriptions(conn, self.person(number).id)[TOPIC]


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[RestoreSetup]:
    made = RestoreSetup(tmp_path)
    yield made
    made.db.close()


async def test_what_left_after_the_backup_does_not_leave_again_by_itself(setup: RestoreSetup, tmp_path: Path) -> None:
    """Expected: the campaign is held and listed with who waits; a sender sends nothing; a person decides."""
    mailing = setup.launch()
    setup.back_up()
    with setup.db.read() as conn:
        assert outbox.get(conn, mailing).counts.waiting == 20
    setup.put_back()  # as if all 20 had been accepted meanwhile
    done = setup.restored()
    assert done.held == {"denkt-u-mee": 20}
    assert (setup.campaign().state, setup.campaign().reason) == (CampaignState.HELD, RESTORED)
    transport = MemoryTransport()
    assert (await send(deps(setup.db, tmp_path, transport), only=mailing)).kind == "held"
    assert transport.letters == []
    assert setup.restored().held == {"denkt-u-mee": 20}, "run again"
    control.resume(setup.campaigns.config, "denkt-u-mee", setup.campaigns.clock())
    assert setup.campaign().state is CampaignState.SENDING


async def test_a_backup_of_a_campaign_under_way_sends_nothing_twice_unasked(tmp_path: Path) -> None:
    """Expected: who was accepted in the copy is; what was on the wire is in doubt; the rest is held, and counted."""
    setup, first = RestoreSetup(tmp_path, 300), MemoryTransport()
    mailing = setup.launch()
    sending = Sending(deps(setup.db, tmp_path, first, rate=6000), only=mailing)
    await until(lambda: len(first.letters) > 120)
    setup.back_up()
    assert (await sending.ended()).kind == "done"
    setup.put_back()
    waiting = setup.restored().held["denkt-u-mee"]
    again = MemoryTransport()
    assert (await send(deps(setup.db, tmp_path, again), only=mailing)).kind == "held"
    assert again.letters == []
    with setup.db.read() as conn:
        counts = outbox.get(conn, mailing).counts
    assert counts.accepted + counts.in_doubt + waiting == 300
    assert counts.accepted >= 100
    setup.db.close()


def test_what_a_sender_had_when_the_copy_was_made_is_in_doubt(setup: RestoreSetup, tmp_path: Path) -> None:
    """Expected: its rows are in doubt, not waiting; the rest is held."""
    mailing = setup.launch()
    sender = outbox.register(setup.db, tmp_path, "before", setup.campaigns.clock())
    with sender.write() as conn:
        outbox.claim(conn, sender.id, {mailing: 4}, setup.campaigns.clock())
    setup.back_up()
    sender.abandon()
    setup.put_back()
    assert setup.restored().held == {"denkt-u-mee": 16}
    with setup.db.read() as conn:
        assert outbox.get(conn, mailing).counts.in_doubt == 4


def test_an_opt_out_after_the_backup_is_not_forgotten(setup: RestoreSetup) -> None:
    """Expected: suppressed, opted out and on record again; who took the opt-out back is as the copy has it."""
    mailing = setup.launch()
    setup.back_up()
    setup.leave(mailing, 1)
    left = setup.leave(mailing, 2)
    with setup.db.write() as conn:
        optout.undo(conn, Token(Purpose.UNDO, mailing, setup.person(2).id, 0, left.change), setup.campaigns.clock())
    setup.put_back()
    assert setup.why(1) is None
    assert setup.restored().wishes == 1
    assert (setup.why(1), setup.state(1)) == ("opt_out", "opted_out")
    assert (setup.why(2), setup.state(2)) == (None, "subscribed")
    again = setup.restored()
    assert (again.wishes, again.erased, setup.why(1)) == (0, 0, "opt_out")


def test_who_asked_for_less_mail_after_the_backup_gets_less_mail(setup: RestoreSetup) -> None:
    """Expected: the last word counts, from now on; who had asked for it before and took it back is free."""
    now = setup.campaigns.clock()
    with setup.db.write() as conn:
        suppression.limit(conn, setup.person(4).address_hash, 7, now)
        suppression.limit(conn, setup.person(5).address_hash, 7, now)
    setup.back_up()
    with setup.db.write() as conn:
        suppression.limit(conn, setup.person(3).address_hash, 7, now)
        suppression.limit(conn, setup.person(3).address_hash, 30, now)
        suppression.limit(conn, setup.person(4).address_hash, 0, now)
    setup.put_back()
    assert setup.why(3) is None
    later = setup.campaigns.clock.forward(hours=5)
    assert restored(setup.db, setup.journal, later).wishes == 2
    assert [setup.why(number) for number in (3, 4, 5)] == ["less_often", None, "less_often"]
    with setup.db.read() as conn:
        (entry,) = suppression.entries(conn, setup.person(3).address_hash)
    assert (entry.every_days, entry.since) == (30, later)
    assert restored(setup.db, setup.journal, later).wishes == 0


def test_who_was_erased_after_the_backup_is_erased_again(setup: RestoreSetup) -> None:
    """Expected: the copy's row of that person is gone, and an import does not bring it back."""
    setup.back_up()
    erasing.erase_address(setup.db, "lezer3@example.org", PEPPER, setup.campaigns.clock())
    setup.put_back()
    assert setup.restored().erased == 1
    with setup.db.read() as conn:
        assert contacts.find(conn, "lezer3@example.org") is None


def test_a_campaign_that_was_launched_after_the_backup_is_not_launched_again_by_its_file(setup: RestoreSetup) -> None:
    """Expected: it is listed as unknown, and the same file is refused."""
    setup.back_up()
    setup.launch()
    setup.put_back()
    with setup.db.read() as conn:
        assert missing(conn, setup.journal) == ["denkt-u-mee"]
    assert setup.restored().unknown == ["denkt-u-mee"]
    with setup.db.read() as conn:
        assert missing(conn, setup.journal) == []
    with pytest.raises(StateError, match="cancelled"):
        setup.launch()
    assert setup.restored().unknown == []


def test_a_planned_campaign_whose_hour_passed_does_not_leave_by_itself(setup: RestoreSetup) -> None:
    """Expected: held, since it may have left at its hour; one whose hour is to come stays planned."""
    for slug, hour in (("voorbij", "2024-09-01 12:10Z"), ("later", "2024-09-03 12:00Z")):
        launch.schedule(
            setup.campaigns.config,
            from_folder(setup.campaigns.write(slug)),
            setup.campaigns.clock(),
            hour,
        )
    setup.back_up()
    setup.put_back()
    now = setup.campaigns.clock.forward(minutes=20)
    restored(setup.db, setup.journal, now)
    assert launch.launch_due(setup.campaigns.config, now) == []
    assert (setup.campaign("voorbij").state, setup.campaign("later").state) == (
        CampaignState.HELD,
        CampaignState.SCHEDULED,
    )


def test_numbers_of_the_lost_hours_are_never_given_to_somebody_else(setup: RestoreSetup) -> None:
    """Expected: a link in a lost letter means nobody, instead of another person or another campaign."""
    setup.back_up()
    lost_mailing = setup.launch("eerste")
    with setup.db.write() as conn:
        lost = contacts.add(conn, Person("nieuw@example.org"), PEPPER, setup.campaigns.clock())
    setup.put_back()
    setup.restored()
    with setup.db.write() as conn:
        other = contacts.add(conn, Person("ander@example.org"), PEPPER, setup.campaigns.clock())
    assert other.id > lost.id + 1000
    assert setup.launch("tweede") > lost_mailing + 1000


def test_numbers_jump_ahead_on_both_databases(empty_database: Database, tmp_path: Path) -> None:
    """Expected: on PostgreSQL too."""
    made = campaign_setup(empty_database, tmp_path, 2)
    restored(empty_database, Journal(tmp_path / "journal"), made.clock())
    with empty_database.write() as conn:
        assert contacts.add(conn, Person("nieuw@example.org"), PEPPER, made.clock()).id > 1_000_000
    path = made.write()
    assert (launch.start(made.config, from_folder(path), made.clock()).mailing_id or 0) > 1_000_000


def test_a_wish_is_in_the_journal_before_it_is_answered_and_names_nobody(setup: RestoreSetup) -> None:
    """Expected: a line with a keyed hash, in a file that only its owner reads; a torn line spoils no other."""
    mailing = setup.launch()
    setup.leave(mailing, 1)
    text = setup.journal.path.read_text("utf-8")
    assert "example.org" not in text
    assert setup.journal.path.stat().st_mode & 0o077 == 0
    setup.journal.path.write_text(text + '\n{"hash": "tor', "utf-8")
    setup.leave(mailing, 2)
    hashes = [line["hash"] for line in setup.journal.lines() if line.get("reason") == "opt_out"]
    assert hashes == [setup.person(number).address_hash.hex() for number in (1, 2)]
    assert json.loads(text.splitlines()[1])["launched"] == "denkt-u-mee"


def test_an_opt_out_that_the_journal_cannot_keep_is_not_answered_as_done(setup: RestoreSetup) -> None:
    """Expected: ``StorageAway`` (503), and nothing is changed: the reader's program tries again."""
    mailing = setup.launch()
    setup.db.journal = Journal(setup.folder / "gone" / "journal")
    with pytest.raises(StorageAway):
        setup.leave(mailing, 1)
    assert (setup.why(1), setup.state(1)) == (None, "subscribed")


@pytest.mark.parametrize("state", ["open", "held"])
def test_service_mail_that_was_on_its_way_does_not_leave_after_a_restore(setup: RestoreSetup, state: str) -> None:
    """Expected: open or held, it is stopped and counted, and no sender can let it go; whoever misses it asks again."""
    now = setup.campaigns.clock()
    spec = outbox.MailingSpec("my_data:1", "service", "", "0" * 64, outbox.Identity("https://x.example", "", 1))
    with setup.db.write() as conn:
        mailing = outbox.open_mailing(conn, spec, now).id
        outbox.enqueue(conn, mailing, [outbox.Recipient(1, "a@b.example", b"a", "b.example")], 1, now)
        outbox.audience_complete(conn, mailing)
        if state == "held":
            outbox.hold(conn, mailing, "letter_broken", now)
    assert restored(setup.db, setup.journal, now).service_letters == 1
    with setup.db.write() as conn:
        assert outbox.service.release_held(conn, now, now) == 0
        assert outbox.get(conn, mailing).state == "closed"


FOREIGN = [
    b"",
    b"\0\0\0",
    b"\xff\xfe",
    b"[" * 3000,
    b"[]",
    b"null",
    b"{}",
    b"x" * 1_000_000,
    b'{"launched": 5}',
    b'{"launched": "a\\u001b[2J"}',
    b'{"launched": "' + b"a" * 300 + b'"}',
    b'{"hash": 5, "scope": "", "reason": "opt_out", "since": "2024-09-01T12:00:00+00:00"}',
    b'{"hash": "zz", "scope": "", "reason": "opt_out", "since": "2024-09-01T12:00:00+00:00"}',
    b'{"hash": "00", "scope": "", "reason": "opt_out", "since": "2024-09-01T12:00:00+00:00"}',
    *(
        json.dumps({"hash": "00" * 16, "scope": "", "reason": "opt_out"} | more).encode()
        for more in (
            {},
            {"since": "yesterday"},
            {"since": "2024-09-01T12:00:00"},
            {"since": 5},
            {"since": "9999-12-31T23:59:59-12:00"},
            {"since": "2024-09-01T12:00:00+00:00", "until": "nope"},
            {"since": "2024-09-01T12:00:00+00:00", "days": "seven"},
            {"since": "2024-09-01T12:00:00+00:00", "days": -1},
            {"since": "2024-09-01T12:00:00+00:00", "days": 10**30},
            {"since": "2024-09-01T12:00:00+00:00", "reason": ["x"]},
            {"since": "2024-09-01T12:00:00+00:00", "reason": "undeliverable"},
            {"since": "2024-09-01T12:00:00+00:00", "scope": None},
            {"lifted": "yes"},
        )
    ),
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=range(len(FOREIGN)))
def test_a_line_that_was_never_ours_is_counted_and_spoils_no_other(setup: RestoreSetup, foreign: bytes) -> None:
    """Expected: it is left out and counted, and every wish around it is kept."""
    mailing = setup.launch()
    setup.back_up()
    setup.leave(mailing, 1)
    with setup.journal.path.open("ab") as file:
        file.write(b"\n" + foreign + b"\n")
    setup.leave(mailing, 2)
    setup.put_back()
    done = setup.restored()
    assert done.unreadable == (1 if foreign else 0)
    assert (done.wishes, setup.why(1), setup.why(2)) == (2, "opt_out", "opt_out")
    assert missing_of(setup) == []


def test_a_journal_that_is_cut_off_keeps_what_is_whole(setup: RestoreSetup) -> None:
    """Expected: at most one line is lost, and the order of two people's wishes does not matter."""
    mailing = setup.launch()
    setup.back_up()
    setup.leave(mailing, 1)
    setup.leave(mailing, 2)
    whole = setup.journal.path.read_bytes()
    setup.put_back()
    for end in (len(whole) - 10, len(whole) // 2, 1, 0):
        setup.journal.path.write_bytes(whole[:end])
        done = setup.restored()
        assert done.unreadable <= 1
    setup.journal.path.write_bytes(b"".join(reversed(whole.splitlines(keepends=True))))
    setup.restored()
    assert (setup.why(1), setup.why(2)) == ("opt_out", "opt_out")


def missing_of(setup: RestoreSetup) -> list[str]:
    with setup.db.read() as conn:
        return missing(conn, setup.journal)
