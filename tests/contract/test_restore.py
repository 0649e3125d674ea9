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
from campaigns.ops.restoring import RESTORED, missing, restored
from campaigns.source.campaign_source import from_folder
from mailer import outbox, suppression
from mailer.errors import StateError, StorageAway
from mailer.journal import Journal
from mailer.signing import Purpose, Token
from mailer.storage import Database, open_database
from mailer.transport.memory import MemoryTransport
from tests.support.campaigning import PEPPER, TOPIC, Stage, stage
from tests.support.commandline import Desk
from tests.support.sending import RING, Sending, deps, send
from tests.support.waiting import until
from unsubscribe import contacts, erasing, optout
from unsubscribe.contacts import Person


class Scene:
    """A house on SQLite with a journal; ``back_up`` and ``put_back`` as a person does it."""

    def __init__(self, folder: Path, people: int = 20) -> None:
        self.folder, self.journal = folder, Journal(folder / "journal")
        self.stage: Stage = stage(self._open(), folder, people)

    def _open(self) -> Database:
        db = open_database(f"sqlite:///{self.folder}/postiljon.db")
        db.journal = self.journal
        return db

    @property
    def db(self) -> Database:
        return self.stage.db

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
        self.stage.db = self._open()

    def launch(self, slug: str = "denkt-u-mee") -> int:
        """Launched and its audience taken down; the number of its mailing."""
        site = LaunchConfig(self.db, "https://mail.example.org", "bounce@example.org", RING.current.id)
        campaign = launch.start(site, from_folder(self.stage.write(slug)), self.stage.clock())
        freezing.freeze(site.db, campaign, self.stage.clock, lambda: True)
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
            return optout.opt_out(conn, token, "topic", self.stage.clock())

    def why(self, number: int) -> str | None:
        with self.db.read() as conn:
            return suppression.why(conn, self.person(number).address_hash, TOPIC, self.stage.clock())

    def state(self, number: int) -> str:
        with self.db.read() as conn:
            return contacts.subscriptions(conn, self.person(number).id)[TOPIC]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.db.close()


async def test_what_left_after_the_backup_does_not_leave_again_by_itself(scene: Scene, tmp_path: Path) -> None:
    """Expected: the campaign is held and listed with who waits; a sender sends nothing; a person decides."""
    mailing = scene.launch()
    scene.back_up()
    with scene.db.read() as conn:
        assert outbox.get(conn, mailing).counts.waiting == 20
    scene.put_back()  # as if all 20 had been accepted meanwhile
    done = restored(scene.db, scene.journal, scene.stage.clock())
    assert done.held == {"denkt-u-mee": 20}
    assert (scene.campaign().state, scene.campaign().reason) == (CampaignState.HELD, RESTORED)
    transport = MemoryTransport()
    assert (await send(deps(scene.db, tmp_path, transport), only=mailing)).kind == "held"
    assert transport.letters == []
    assert restored(scene.db, scene.journal, scene.stage.clock()).held == {"denkt-u-mee": 20}, "run again"
    control.resume(scene.stage.site, "denkt-u-mee", scene.stage.clock())
    assert scene.campaign().state is CampaignState.SENDING


async def test_a_backup_of_a_campaign_under_way_sends_nothing_twice_unasked(tmp_path: Path) -> None:
    """Expected: who was accepted in the copy is; what was on the wire is in doubt; the rest is held, and counted."""
    scene, first = Scene(tmp_path, 300), MemoryTransport()
    mailing = scene.launch()
    sending = Sending(deps(scene.db, tmp_path, first, rate=6000), only=mailing)
    await until(lambda: len(first.letters) > 120)
    scene.back_up()
    assert (await sending.ended()).kind == "done"
    scene.put_back()
    waiting = restored(scene.db, scene.journal, scene.stage.clock()).held["denkt-u-mee"]
    again = MemoryTransport()
    assert (await send(deps(scene.db, tmp_path, again), only=mailing)).kind == "held"
    assert again.letters == []
    with scene.db.read() as conn:
        counts = outbox.get(conn, mailing).counts
    assert counts.accepted + counts.in_doubt + waiting == 300
    assert counts.accepted >= 100
    scene.db.close()


def test_what_a_sender_had_when_the_copy_was_made_is_in_doubt(scene: Scene, tmp_path: Path) -> None:
    """Expected: its rows are in doubt, not waiting; the rest is held."""
    mailing = scene.launch()
    sender = outbox.register(scene.db, tmp_path, "before", scene.stage.clock())
    with sender.write() as conn:
        outbox.claim(conn, sender.id, {mailing: 4}, scene.stage.clock())
    scene.back_up()
    sender.abandon()
    scene.put_back()
    assert restored(scene.db, scene.journal, scene.stage.clock()).held == {"denkt-u-mee": 16}
    with scene.db.read() as conn:
        assert outbox.get(conn, mailing).counts.in_doubt == 4


def test_an_opt_out_after_the_backup_is_not_forgotten(scene: Scene) -> None:
    """Expected: suppressed, opted out and on record again; who took the opt-out back is as the copy has it."""
    mailing = scene.launch()
    scene.back_up()
    scene.leave(mailing, 1)
    left = scene.leave(mailing, 2)
    with scene.db.write() as conn:
        optout.undo(conn, Token(Purpose.UNDO, mailing, scene.person(2).id, 0, left.change), scene.stage.clock())
    scene.put_back()
    assert scene.why(1) is None
    assert restored(scene.db, scene.journal, scene.stage.clock()).wishes == 1
    assert (scene.why(1), scene.state(1)) == ("opt_out", "opted_out")
    assert (scene.why(2), scene.state(2)) == (None, "subscribed")
    again = restored(scene.db, scene.journal, scene.stage.clock())
    assert (again.wishes, again.erased, scene.why(1)) == (0, 0, "opt_out")


def test_who_asked_for_less_mail_after_the_backup_gets_less_mail(scene: Scene) -> None:
    """Expected: the last word counts, from now on; who had asked for it before and took it back is free."""
    now = scene.stage.clock()
    with scene.db.write() as conn:
        suppression.limit(conn, scene.person(4).address_hash, 7, now)
        suppression.limit(conn, scene.person(5).address_hash, 7, now)
    scene.back_up()
    with scene.db.write() as conn:
        suppression.limit(conn, scene.person(3).address_hash, 7, now)
        suppression.limit(conn, scene.person(3).address_hash, 30, now)
        suppression.limit(conn, scene.person(4).address_hash, 0, now)
    scene.put_back()
    assert scene.why(3) is None
    later = scene.stage.clock.forward(hours=5)
    assert restored(scene.db, scene.journal, later).wishes == 2
    assert [scene.why(number) for number in (3, 4, 5)] == ["less_often", None, "less_often"]
    with scene.db.read() as conn:
        (entry,) = suppression.entries(conn, scene.person(3).address_hash)
    assert (entry.every_days, entry.since) == (30, later)
    assert restored(scene.db, scene.journal, later).wishes == 0


def test_who_was_erased_after_the_backup_is_erased_again(scene: Scene) -> None:
    """Expected: the copy's row of that person is gone, and an import does not bring it back."""
    scene.back_up()
    erasing.erase_address(scene.db, "lezer3@example.org", PEPPER, scene.stage.clock())
    scene.put_back()
    assert restored(scene.db, scene.journal, scene.stage.clock()).erased == 1
    with scene.db.read() as conn:
        assert contacts.find(conn, "lezer3@example.org") is None


def test_a_campaign_that_was_launched_after_the_backup_is_not_launched_again_by_its_file(scene: Scene) -> None:
    """Expected: it is listed as unknown, and the same file is refused."""
    scene.back_up()
    scene.launch()
    scene.put_back()
    with scene.db.read() as conn:
        assert missing(conn, scene.journal) == ["denkt-u-mee"]
    assert restored(scene.db, scene.journal, scene.stage.clock()).unknown == ["denkt-u-mee"]
    with scene.db.read() as conn:
        assert missing(conn, scene.journal) == []
    with pytest.raises(StateError, match="cancelled"):
        scene.launch()
    assert restored(scene.db, scene.journal, scene.stage.clock()).unknown == []


def test_a_planned_campaign_whose_hour_passed_does_not_leave_by_itself(scene: Scene) -> None:
    """Expected: held, since it may have left at its hour; one whose hour is to come stays planned."""
    for slug, hour in (("voorbij", "2024-09-01 12:10Z"), ("later", "2024-09-03 12:00Z")):
        launch.plan(scene.stage.site, from_folder(scene.stage.write(slug)), scene.stage.clock(), hour)
    scene.back_up()
    scene.put_back()
    now = scene.stage.clock.forward(minutes=20)
    restored(scene.db, scene.journal, now)
    assert launch.launch_due(scene.stage.site, now) == []
    assert (scene.campaign("voorbij").state, scene.campaign("later").state) == (
        CampaignState.HELD,
        CampaignState.SCHEDULED,
    )


def test_numbers_of_the_lost_hours_are_never_given_to_somebody_else(scene: Scene) -> None:
    """Expected: a link in a lost letter means nobody, instead of another person or another campaign."""
    scene.back_up()
    lost_mailing = scene.launch("eerste")
    with scene.db.write() as conn:
        lost = contacts.add(conn, Person("nieuw@example.org"), PEPPER, scene.stage.clock())
    scene.put_back()
    restored(scene.db, scene.journal, scene.stage.clock())
    with scene.db.write() as conn:
        other = contacts.add(conn, Person("ander@example.org"), PEPPER, scene.stage.clock())
    assert other.id > lost.id + 1000
    assert scene.launch("tweede") > lost_mailing + 1000


def test_numbers_jump_ahead_on_both_databases(empty_database: Database, tmp_path: Path) -> None:
    """Expected: on PostgreSQL too."""
    made = stage(empty_database, tmp_path, 2)
    restored(empty_database, Journal(tmp_path / "journal"), made.clock())
    with empty_database.write() as conn:
        assert contacts.add(conn, Person("nieuw@example.org"), PEPPER, made.clock()).id > 1_000_000
    path = made.write()
    assert (launch.start(made.site, from_folder(path), made.clock()).mailing_id or 0) > 1_000_000


def test_a_wish_is_in_the_journal_before_it_is_answered_and_names_nobody(scene: Scene) -> None:
    """Expected: a line with a keyed hash, in a file that only its owner reads; a torn line spoils no other."""
    mailing = scene.launch()
    scene.leave(mailing, 1)
    text = scene.journal.path.read_text("utf-8")
    assert "example.org" not in text
    assert scene.journal.path.stat().st_mode & 0o077 == 0
    scene.journal.path.write_text(text + '\n{"hash": "tor', "utf-8")
    scene.leave(mailing, 2)
    hashes = [line["hash"] for line in scene.journal.lines() if line.get("reason") == "opt_out"]
    assert hashes == [scene.person(number).address_hash.hex() for number in (1, 2)]
    assert json.loads(text.splitlines()[1])["launched"] == "denkt-u-mee"


def test_an_opt_out_that_the_journal_cannot_keep_is_not_answered_as_done(scene: Scene) -> None:
    """Expected: ``StorageAway`` (503), and nothing is changed: the reader's program tries again."""
    mailing = scene.launch()
    scene.db.journal = Journal(scene.folder / "gone" / "journal")
    with pytest.raises(StorageAway):
        scene.leave(mailing, 1)
    assert (scene.why(1), scene.state(1)) == (None, "subscribed")


@pytest.mark.parametrize("state", ["open", "held"])
def test_service_mail_that_was_on_its_way_does_not_leave_after_a_restore(scene: Scene, state: str) -> None:
    """Expected: open or held, it is stopped and counted, and no sender can let it go; whoever misses it asks again."""
    now = scene.stage.clock()
    spec = outbox.MailingSpec("my_data:1", "service", "", "0" * 64, outbox.Identity("https://x.example", "", 1))
    with scene.db.write() as conn:
        mailing = outbox.open_mailing(conn, spec, now).id
        outbox.enqueue(conn, mailing, [outbox.Recipient(1, "a@b.example", b"a", "b.example")], 1, now)
        outbox.audience_complete(conn, mailing)
        if state == "held":
            outbox.hold(conn, mailing, "letter_broken", now)
    assert restored(scene.db, scene.journal, now).service_letters == 1
    with scene.db.write() as conn:
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
def test_a_line_that_was_never_ours_is_counted_and_spoils_no_other(scene: Scene, foreign: bytes) -> None:
    """Expected: it is left out and counted, and every wish around it is kept."""
    mailing = scene.launch()
    scene.back_up()
    scene.leave(mailing, 1)
    with scene.journal.path.open("ab") as file:
        file.write(b"\n" + foreign + b"\n")
    scene.leave(mailing, 2)
    scene.put_back()
    done = restored(scene.db, scene.journal, scene.stage.clock())
    assert done.unreadable == (1 if foreign else 0)
    assert (done.wishes, scene.why(1), scene.why(2)) == (2, "opt_out", "opt_out")
    assert missing_of(scene) == []


def test_a_journal_that_is_cut_off_keeps_what_is_whole(scene: Scene) -> None:
    """Expected: at most one line is lost, and the order of two people's wishes does not matter."""
    mailing = scene.launch()
    scene.back_up()
    scene.leave(mailing, 1)
    scene.leave(mailing, 2)
    whole = scene.journal.path.read_bytes()
    scene.put_back()
    for end in (len(whole) - 10, len(whole) // 2, 1, 0):
        scene.journal.path.write_bytes(whole[:end])
        done = restored(scene.db, scene.journal, scene.stage.clock())
        assert done.unreadable <= 1
    scene.journal.path.write_bytes(b"".join(reversed(whole.splitlines(keepends=True))))
    restored(scene.db, scene.journal, scene.stage.clock())
    assert (scene.why(1), scene.why(2)) == ("opt_out", "opt_out")


def missing_of(scene: Scene) -> list[str]:
    with scene.db.read() as conn:
        return missing(conn, scene.journal)


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000, b"PK\x03\x04" * 2000])
def test_a_file_that_is_no_database_of_ours_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    """Expected: exit 1 or 3 and a sentence, never a traceback."""
    desk = Desk(tmp_path)
    desk.do("init")
    for name in ("postiljon.db-wal", "postiljon.db-shm"):
        (tmp_path / "data" / name).unlink(missing_ok=True)
    (tmp_path / "data" / "postiljon.db").write_bytes(content)
    for command in ("restored", "init", "doctor", "status"):
        ran = desk.run(command)
        assert "Traceback" not in ran.err, ran
        assert ran.code in ((0,) if command in ("init",) and not content else (1, 3)), (command, ran)
        if not content:
            break


def test_a_copy_with_the_code_of_a_stranger_in_it_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    """Expected: exit 1, and the trigger is named."""
    desk = Desk(tmp_path / "desk")
    desk.folder.mkdir()
    desk.do("init")
    with closing(sqlite3.connect(desk.folder / "data" / "postiljon.db")) as conn:
        conn.execute("CREATE TRIGGER evil AFTER INSERT ON suppression BEGIN DELETE FROM suppression; END")
        conn.commit()
    ran = desk.run("restored")
    assert ran.code == 1, ran
    assert "evil" in ran.err
