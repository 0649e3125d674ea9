"""Interruptions (kill, pause, cut line) lose no contact and mail none twice; through the real command line."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from campaigns.lifecycle import control
from mailer.storage import open_database
from tests.support.commandline import Catcher, Mailbox, fetch, free_port
from tests.support.databases import PostgresServer
from tests.support.installation import Installation, open_office
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
LETTER = "denkt-u-mee.md"
PEOPLE = 60
WINDOW = 8  # four times two connections


class SlowCatcher(Catcher):
    """Takes its time for each letter."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(0.1)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def slow_office(furnished: Callable[[str, Path], None], tmp_path: Path) -> Iterator[Installation]:
    """Sixty people, and a relay that takes a tenth of a second for a letter, on two connections."""
    people = "".join(f"lezer{one}@example.org,mevrouw Jansen\n" for one in range(PEOPLE))
    furnished(f"email,salutation\n{people}", tmp_path)
    with open_office(tmp_path, SlowCatcher(Mailbox())) as opened:
        yield opened


def copies(mailbox: Mailbox) -> Counter[str]:
    return Counter(caught.recipient for caught in mailbox.all())


def test_after_kill_9_nobody_is_lost_and_nobody_gets_it_twice(slow_office: Installation) -> None:
    cli, mailbox = slow_office.cli, slow_office.mailbox
    process = cli.start("send", LETTER, "--yes")
    wait_until(lambda: len(mailbox.all()) >= 10)
    process.kill()
    process.wait()
    cli.do("send", LETTER, "--yes")
    status = cli.status("denkt-u-mee")
    assert status["state"] == "finished"
    assert status["accepted"] + status["in_doubt"] == PEOPLE
    assert status["in_doubt"] <= WINDOW
    assert max(copies(mailbox).values()) == 1
    doubts = {item["address"] for item in cli.do("doubt", "denkt-u-mee", "--json").json["doubts"]}
    assert len(doubts) == status["in_doubt"]
    missing = {f"lezer{one}@example.org" for one in range(PEOPLE)} - set(copies(mailbox))
    assert missing <= doubts
    if doubts:
        cli.do("doubt", "denkt-u-mee", "--send-again", *sorted(missing)) if missing else None
        cli.do("doubt", "denkt-u-mee", "--treat-as-sent") if doubts - missing else None
        cli.do("send", LETTER, "--yes")
    assert cli.status("denkt-u-mee")["accepted"] == PEOPLE
    assert set(copies(mailbox).values()) == {1}
    assert len(copies(mailbox)) == PEOPLE


def test_a_signal_ends_in_order_and_the_next_run_carries_on(slow_office: Installation) -> None:
    cli, mailbox = slow_office.cli, slow_office.mailbox
    process = cli.start("send", LETTER, "--yes")
    wait_until(lambda: len(mailbox.all()) >= 5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 3
    status = cli.status("denkt-u-mee")
    assert (status["sending"], status["in_doubt"]) == (0, 0)
    assert status["waiting"] > 0
    cli.do("send", LETTER, "--yes")
    assert set(copies(mailbox).values()) == {1}
    assert len(copies(mailbox)) == PEOPLE


def test_a_pause_stops_a_running_send_after_what_was_claimed(slow_office: Installation) -> None:
    cli, mailbox = slow_office.cli, slow_office.mailbox
    process = cli.start("send", LETTER, "--yes")
    wait_until(lambda: len(mailbox.all()) >= 5)
    db = open_database(f"sqlite:///{cli.folder}/data/postiljon.db")
    control.pause(db, "denkt-u-mee", "ester", datetime.now(UTC))
    db.close()
    count = len(mailbox.all())
    assert process.wait(120) == 3
    assert len(mailbox.all()) - count <= WINDOW
    assert len(mailbox.all()) < PEOPLE
    cli.do("resume", "denkt-u-mee")
    cli.do("send", LETTER, "--yes")
    assert set(copies(mailbox).values()) == {1}
    assert cli.status("denkt-u-mee")["accepted"] == PEOPLE


def test_two_who_send_the_same_file_send_each_letter_once(slow_office: Installation) -> None:
    cli, mailbox = slow_office.cli, slow_office.mailbox
    first, second = cli.start("send", LETTER, "--yes"), cli.start("send", LETTER, "--yes")
    assert {first.wait(120), second.wait(120)} == {0}
    assert set(copies(mailbox).values()) == {1}
    assert len(copies(mailbox)) == PEOPLE


def test_children_end_when_their_parent_is_killed(installation: Installation) -> None:
    port = free_port()
    process = installation.cli.start("serve", "--port", str(port))
    assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
    children = offspring(process.pid)
    assert len(children) >= 2
    process.kill()
    process.wait()
    wait_until(lambda: not any(alive(child) for child in children))
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def test_a_child_that_dies_is_started_again(installation: Installation) -> None:
    port = free_port()
    with installation.cli.running("serve", "--port", str(port)) as process:
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
        for child in offspring(process.pid):
            os.kill(child, signal.SIGKILL)
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200


def test_several_web_processes_share_the_readers_and_count_together(installation: Installation) -> None:
    port = free_port()
    installation.cli.environment["POSTILJON_WEB_PROCESSES"] = "3"
    with installation.cli.running("serve", "--public-only", "--port", str(port)) as process:
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
        for _ in range(40):
            assert fetch(f"http://127.0.0.1:{port}/archive")[0] == 200
        counted = fetch(f"http://127.0.0.1:{port}/metrics")[1]
        assert 'postiljon_web_requests_total{method="GET",path="/archive",status="200"} 40.0' in counted
        assert len(offspring(process.pid)) == 3
    assert not list(installation.cli.folder.glob("**/counters-*"))


def test_web_processes_stay_on_their_cores_and_senders_do_not(installation: Installation) -> None:
    ours = os.sched_getaffinity(0)
    cores = set(sorted(ours)[:2])  # what runs from here has these: a machine of many cores starts no more than two
    installation.cli.environment["POSTILJON_WEB_PROCESSES"] = str(len(cores))
    os.sched_setaffinity(0, cores)
    try:
        with installation.cli.running("serve", "--port", str(port := free_port())) as process:
            assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
            *webs, sender = sorted(offspring(process.pid))
            assert set().union(*map(os.sched_getaffinity, webs)) == cores
            assert {len(os.sched_getaffinity(pid)) for pid in webs} == {1}
            assert os.sched_getaffinity(sender) == cores
    finally:
        os.sched_setaffinity(0, ours)


def test_the_whole_way_on_postgresql(installation: Installation, postgres: PostgresServer) -> None:
    name = postgres.fresh()
    installation.cli.environment["POSTILJON_DATABASE_URL"] = postgres.url(name)
    installation.cli.do("init")
    installation.cli.do("contacts", "import", "people.csv", "--topic", "verenigingsnieuws", "--basis", "member")
    installation.cli.do("send", LETTER, "--yes")
    status = installation.cli.status("denkt-u-mee")
    assert (status["accepted"], status["refused"], status["retry"]) == (3, 1, 1)
    assert len(installation.mailbox.all()) == 3
    installation.cli.do("cancel", "denkt-u-mee")
    postgres.drop(name)


def offspring(parent: int) -> list[int]:
    """The children of a process that do our work (Python's resource tracker is not one); none once it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
        return [int(pid) for pid in children if b"resource_tracker" not in _words(pid)]
    return []


def _words(pid: str) -> bytes:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"resource_tracker"


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
