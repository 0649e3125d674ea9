"""A disk without room (E17), too many open files and a disk that may only be read (E18).

Expected, in one sentence: nothing new is claimed, what the relay answered is kept in memory and written when there is
room, nobody is lost and nobody gets it twice; a command that cannot write says so in a sentence and ends with 3, and
the same command again completes it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from campaigns.lifecycle import freezing, launch, records
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.errors import StorageAway, StorageFull
from mailer.storage import Database, open_database
from mailer.transport.memory import MemoryTransport
from tests.support.campaigning import campaign_setup
from tests.support.commandline import EXAMPLES, ROOT, CommandLine
from tests.support.faults import Ballast, limited, read_only, small_disk
from tests.support.sending import Sending, deps, sendable, utc_now
from tests.support.sending_db import counts, fill
from tests.support.slow import Slow
from tests.support.tables import create_all
from tests.support.waiting import until
from unsubscribe import contacts

PEOPLE = 300


@asynccontextmanager
async def running_full(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[tuple[Database, int, Slow, Ballast, Sending]]:
    """Run a sender in the middle of a campaign, on a full disk, which the sender has noticed."""
    with small_disk(tmp_path / "disk", 3_000) as disk:
        small = create_all(open_database(f"sqlite:///{disk}/postiljon.db"))
        mailing, transport, ballast = sendable(small, PEOPLE), Slow(200), Ballast(disk)
        sending = Sending(deps(small, disk, transport), only=mailing)
        await until(lambda: len(transport.letters) > 20)
        ballast.fill()
        await until(lambda: "sending stops for now" in caplog.text)
        await until(lambda: transport.in_vain > 20)
        yield small, mailing, transport, ballast, sending
        small.close()


async def test_a_sender_on_a_full_disk_stops_and_goes_on_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Expected: nothing new leaves; with room again all get it, once, and the counters are right."""
    async with running_full(tmp_path, caplog) as (small, mailing, transport, ballast, sending):
        gone = len(transport.letters)
        await until(lambda: transport.in_vain > 100)
        assert len(transport.letters) == gone < PEOPLE
        assert not sending.task.done()
        with small.read() as conn:
            assert outbox.get(conn, mailing).counts.accepted <= gone
        ballast.drop()
        assert (await sending.ended()).kind == "done"
        assert sorted(letter.recipient for letter in transport.letters) == sorted(
            f"reader{number}@example.org" for number in range(1, PEOPLE + 1)
        )
        assert counts(small, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}


def progress(db: Database, mailing: int) -> tuple[int, int, int]:
    """Return the counts of the database: claimed ever, accepted, in doubt. Reading needs no room."""
    with db.read() as conn:
        found = outbox.get(conn, mailing).counts
    return found.recipients - found.waiting, found.accepted, found.in_doubt


@pytest.mark.slow
async def test_on_a_full_disk_nothing_is_claimed_and_what_was_read_is_kept_and_written_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Expected: step by step: no claim; what was accepted meanwhile is in memory alone; with room it is written."""
    async with running_full(tmp_path, caplog) as (small, mailing, transport, ballast, sending):
        claimed, written, _ = progress(small, mailing)
        read = len(transport.letters)
        await until(lambda: transport.in_vain > 100)
        assert progress(small, mailing) == (claimed, written, 0), "nothing was claimed, settled or put in doubt"
        assert len(transport.letters) == read, "nothing left"
        assert written < read <= claimed < PEOPLE, "the relay accepted letters of which the database knows nothing yet"
        ballast.drop()
        await until(lambda: progress(small, mailing)[1] >= read)
        assert progress(small, mailing)[2] == 0
        assert (await sending.ended()).kind == "done"
        assert counts(small, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}
        assert len({letter.recipient for letter in transport.letters}) == len(transport.letters) == PEOPLE


async def test_a_sender_that_is_stopped_on_a_full_disk_forgets_no_claim(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Expected: it waits some seconds for room; then what it knows and could not write is in doubt, never waiting."""
    async with running_full(tmp_path, caplog) as (small, mailing, transport, ballast, sending):
        sending.stop.set()
        await until(lambda: transport.ended)
        ballast.drop()
        assert (await sending.ended()).kind == "stopped"
        gone = len(transport.letters)
        assert counts(small, mailing) == {"recipients": PEOPLE, "accepted": gone, "waiting": PEOPLE - gone}


def test_a_launch_without_room_is_whole_or_not_there(tmp_path: Path) -> None:
    """Expected: ``StorageFull``; no campaign without its letter, no mailing without its campaign; later it works."""
    with small_disk(tmp_path / "disk", 2_500) as disk:
        setup = campaign_setup(open_database(f"sqlite:///{disk}/postiljon.db"), tmp_path, 40)
        path, ballast = setup.write(), Ballast(disk)
        ballast.fill()
        with pytest.raises((StorageFull, StorageAway)):
            launch.start(setup.config, from_folder(path), setup.clock())
        with setup.db.read() as conn:
            assert records.all_campaigns(conn) == []
            assert outbox.open_ones(conn) == []
        ballast.drop()
        campaign = launch.start(setup.config, from_folder(path), setup.clock())
        ballast.fill()
        with pytest.raises((StorageFull, StorageAway)):
            while not freezing.freeze_page(setup.config.db, campaign, setup.clock()):
                pass
        ballast.drop()
        freezing.freeze(setup.config.db, campaign, setup.clock, lambda: True)
        assert counts(setup.db, campaign.mailing_id or 0) == {"recipients": 40, "waiting": 40}
        setup.db.close()


def test_a_sender_without_room_for_its_lock_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """Expected: ``StorageFull`` or ``StorageAway``, no lock file, no row."""
    with small_disk(tmp_path / "disk", 1_500) as disk:
        small = create_all(open_database(f"sqlite:///{disk}/postiljon.db"))
        ballast = Ballast(disk)
        ballast.fill()
        with pytest.raises((StorageFull, StorageAway)):
            outbox.register(small, disk, "sender", utc_now())
        ballast.drop()
        assert list((disk / "senders").glob("*")) == []
        with small.read() as conn:
            assert outbox.running(conn) == []
        small.close()


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """A folder with many people to read in, and a letter."""
    (tmp_path / "denkt-u-mee.md").write_text((EXAMPLES / "denkt-u-mee.md").read_text("utf-8"), "utf-8")
    for image in EXAMPLES.glob("*.png"):
        (tmp_path / image.name).write_bytes(image.read_bytes())
    made = CommandLine(tmp_path, {"POSTILJON_SMTP_URL": "smtp://127.0.0.1:1"})
    made.write("people.csv", "email\n" + "".join(f"lezer{one:05}@example.org\n" for one in range(6_000)))
    made.do("init")
    return made


@pytest.mark.slow
def test_an_import_and_a_send_without_room_say_so_and_an_import_is_completed_by_the_same_command(
    cli: CommandLine,
) -> None:
    """Expected: exit 3, a sentence, no traceback; whole people are in; again: the rest, nobody twice; no campaign."""
    command = ("contacts", "import", "people.csv", "--topic", "verenigingsnieuws", "--basis", "member", "--json")
    ran = limited(cli, "RLIMIT_FSIZE", 1_500_000, *command)
    assert (ran.code, "Traceback" in ran.err) == (3, False), ran
    again = cli.do(*command).json
    assert again["added"] + again["unchanged"] == 6_000
    assert again["unchanged"] > 0
    ran = limited(cli, "RLIMIT_FSIZE", 60_000, "send", "denkt-u-mee.md", "--yes")
    assert (ran.code, "Traceback" in ran.err) == (3, False), ran
    found = open_database(f"sqlite:///{cli.folder}/data/postiljon.db")
    with found.read() as conn:
        assert contacts.audience_count(conn, "verenigingsnieuws") == 6_000
        assert records.all_campaigns(conn) == []
    found.close()


@pytest.mark.slow
def test_a_command_that_may_not_open_enough_files_says_so(cli: CommandLine) -> None:
    """Expected: it ends with 3 and a sentence."""
    ran = limited(cli, "RLIMIT_NOFILE", 4, "status")
    assert ran.code == 3, ran
    assert "Traceback" not in ran.err, ran


@pytest.mark.slow
def test_a_folder_that_may_only_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Expected: what writes, or cannot read without writing, ends with 1 or 3 and a sentence; nothing is changed."""
    with small_disk(tmp_path / "disk", 8_000) as disk:
        cli = CommandLine(tmp_path, {"POSTILJON_DATA": str(disk), "POSTILJON_SMTP_URL": "smtp://127.0.0.1:1"})
        cli.do("init")
        before = {path.name: path.stat().st_size for path in disk.glob("*")}
        read_only(disk)
        for command in (("status",), ("init",)):
            ran = cli.run(*command)
            assert ran.code in (1, 3), (command, ran)
            assert "Traceback" not in ran.err, (command, ran)
        assert {path.name: path.stat().st_size for path in disk.glob("*")} == before


_STARVED = """
import asyncio, os, resource, sys, time
from pathlib import Path
from sqlalchemy import select
from mailer.outbox.tables import DELIVERY
from mailer.storage import open_database
from tests.support.sending import Sending, deps, utc_now
from tests.support.slow import Slow
from tests.support.waiting import until

async def main():
    db, transport = open_database(f"sqlite:///{sys.argv[1]}/postiljon.db"), Slow(200)
    sending = Sending(deps(db, Path(sys.argv[1]), transport), only=int(sys.argv[2]))
    await until(lambda: len(transport.letters) > 20)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    db.engine.dispose()  # what the pool has kept open must not help
    # with the files that it had open before, it may even have finished; it must not have given up
    await until(lambda: sending.task.done() or transport.in_vain > 300)
    assert not sending.task.done() or sending.task.result().kind == "done", "the sender gave up"
    print("finished" if sending.task.done() else "waited", end=" ")
    for one in taken:
        os.close(one)
    ending = await sending.ended()
    names = [letter.recipient for letter in transport.letters]
    assert len(names) == len(set(names)), "somebody got it twice"
    with db.read() as conn:
        claimed = dict(conn.execute(select(DELIVERY.c.address, DELIVERY.c.first_claimed_at)).all())
    wall = utc_now().timestamp() - time.monotonic()
    left = [(claimed[name].timestamp(), wall + at) for name, at in zip(names, transport.times, strict=True)]
    assert all(claim <= leaving for claim, leaving in left), "a letter left without a claim"
    print(ending.kind, len(names))

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_sender_that_may_open_no_more_files_waits_and_goes_on(lite: Database, tmp_path: Path) -> None:
    """Expected: it does not give up, loses nobody and doubts nobody; with files again all get it, once."""
    mailing = sendable(lite, PEOPLE)
    ran = subprocess.run(
        [sys.executable, "-c", _STARVED, str(tmp_path), str(mailing)],
        check=False, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=240, text=True,
    )  # fmt: skip
    assert ran.stdout.split()[1:] == ["done", str(PEOPLE)], ran.stderr
    assert counts(lite, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}


def test_who_looks_for_a_dead_sender_and_may_open_no_file_touches_nothing(lite: Database, tmp_path: Path) -> None:
    """Expected: ``StorageAway`` from the sweep, and the rows of the (living or dead) sender stay as they are."""
    mailing = fill(lite, 3)
    dead = outbox.register(lite, tmp_path, "dead", utc_now())
    with dead.write() as conn:
        outbox.claim(conn, dead.id, {mailing: 2}, utc_now())
    dead.abandon()
    with lite.read():  # the database is open already
        pass
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        with pytest.raises(StorageAway):
            outbox.sweep(lite, utc_now())
    finally:
        for one in taken:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert counts(lite, mailing) == {"recipients": 3, "waiting": 1, "sending": 2}
    assert outbox.sweep(lite, utc_now()) == 2


async def test_a_relay_that_cannot_be_connected_to_for_lack_of_files_costs_nobody(
    lite: Database, tmp_path: Path
) -> None:
    """Expected: it counts as a relay that is away: rows go back to waiting, and leave when it is there."""
    from mailer.outcome import RelayEvent

    mailing, transport = sendable(lite, 5), MemoryTransport()
    transport.trouble = RelayEvent("away", "connect", 0, os.strerror(24))
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: any(turn.relay_away_since for turn in sending.turns))
    transport.trouble = None
    assert (await sending.ended()).kind == "done"
    assert counts(lite, mailing) == {"recipients": 5, "accepted": 5}
