"""The storm in small, and single faults, on real processes. ``python -m tests.chaos --kills 200`` is the large one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer import outbox
from mailer.storage import Database
from tests.chaos import launching, optouts
from tests.chaos.runner import Chaos, Relay, relay, storm, url_of
from tests.support.sending import utc_now
from tests.support.sending_db import counts
from tests.support.waiting import wait_until
from tests.support.warm import Started

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Relay]:
    with relay(tmp_path) as made:
        yield made


def ended(process: Started, seconds: float = 120) -> int:
    """Its exit code; a process that does not end is ended."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        pytest.fail(f"the sender is not done after {seconds} s")


def accepted(chaos: Chaos) -> int:
    with chaos.db.read() as conn:
        return outbox.get(conn, chaos.mailing).counts.accepted


@pytest.mark.parametrize("policy", ["hold", "send_again"])
def test_after_any_kill_nobody_is_lost_and_nobody_is_mailed_twice_unasked(
    db: Database, tmp_path: Path, server: Relay, policy: str
) -> None:
    found = storm(Chaos(db, tmp_path, server, policy, letters=500), kills=6, seed=7)
    assert found.good, found
    assert sum(found.kills.values()) >= 4
    assert found.accepted + found.in_doubt == 500
    if policy == "send_again":
        assert found.in_doubt == 0


def test_killed_while_compiling_or_launching_everybody_has_one_delivery_of_one_snapshot(
    empty_database: Database, tmp_path: Path, server: Relay
) -> None:
    found = launching.storm(launching.Launches(url_of(empty_database), tmp_path, server, people=2_000), kills=4, seed=3)
    assert found.good, found
    assert sum(found.kills.values()) >= 3
    assert found.accepted + found.in_doubt == found.letters


def test_who_opts_out_while_a_campaign_runs_at_full_speed_gets_nothing_a_second_later(
    empty_database: Database, tmp_path: Path
) -> None:
    """``python -m tests.chaos.optouts`` is the large one: 100,000 letters, 500 opt-outs."""
    found = optouts.run(url_of(empty_database), tmp_path, letters=3_000, optouts=60)
    assert found.good, found
    assert found.optouts == 60
    assert found.never >= 10, "the opt-outs came too late to tell"


def test_a_full_disk_stops_the_claims_and_loses_nothing(lite: Database, tmp_path: Path, server: Relay) -> None:
    """E17: no file may grow for two seconds; what was read meanwhile is written when there is room."""
    chaos = Chaos(lite, tmp_path, server, letters=1500)
    with lite.write() as conn:
        conn.exec_driver_sql("CREATE TABLE filler (x)")
    size = max(path.stat().st_size for path in tmp_path.glob("postiljon.db*")) / 2**20
    assert ended(chaos.sender("--full", f"{size + 0.15:.3f}", "4")) == 0
    chaos.compare()
    assert chaos.found.good, chaos.found
    assert counts(lite, chaos.mailing) == {"recipients": 1500, "accepted": 1500}


def test_too_few_files_hold_up_and_lose_nothing(lite: Database, tmp_path: Path, server: Relay) -> None:
    """E18."""
    chaos = Chaos(lite, tmp_path, server, letters=200)
    open_now = len(os.listdir("/proc/self/fd"))
    assert ended(chaos.sender("--files", str(open_now + 12), "3")) == 0
    chaos.compare()
    assert chaos.found.good, chaos.found
    assert chaos.found.accepted == 200


def test_sigterm_leaves_nothing_in_doubt(db: Database, tmp_path: Path, server: Relay) -> None:
    """E23."""
    chaos = Chaos(db, tmp_path, server, letters=3000)
    server.tell({"at": "dot", "do": "delay", "seconds": 0.02})
    process = chaos.sender()
    wait_until(lambda: accepted(chaos) > 50)
    process.send_signal(signal.SIGTERM)
    assert ended(process, 60) == 0
    assert outbox.sweep(db, utc_now()) == 0
    assert chaos.in_doubt() == 0
    assert 50 < accepted(chaos) < 3000
    server.tell()
    assert chaos.finish().good


def test_two_senders_of_which_one_dies(db: Database, tmp_path: Path, server: Relay) -> None:
    chaos = Chaos(db, tmp_path, server, letters=1500)
    processes = [chaos.sender(), chaos.sender()]
    wait_until(lambda: accepted(chaos) > 100)
    processes[0].kill()
    assert processes[0].wait() == -signal.SIGKILL
    assert ended(processes[1]) == 0
    outbox.sweep(db, utc_now())
    assert chaos.in_doubt() <= 16
    assert chaos.finish().good


@pytest.mark.parametrize("option", [{"pipelining": False}, {"close_after": 10}])
def test_relays_with_habits_get_everything_once(lite: Database, tmp_path: Path, server: Relay, option: dict) -> None:
    chaos = Chaos(lite, tmp_path, server, letters=120)
    server.tell(**option)
    assert ended(chaos.sender()) == 0
    chaos.compare()
    assert chaos.found.good, chaos.found
    assert chaos.found.accepted + chaos.found.in_doubt == 120
