"""The scripted server as a process of its own: what the chaos runner stands on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailer.settings import Relay
from mailer.transport.smtp import SmtpTransport
from tests.support.feeds import LETTER, ListFeed, carry, parcel
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
WITH_ID = b"Message-ID: <m1@vng.example>\r\nDate: Wed, 18 Sep 2024 07:00:00 +0000\r\n" + LETTER


@contextmanager
def server(folder: Path, script: dict[str, object]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    (folder / "script.json").write_text(json.dumps(script))
    command = [
        sys.executable,
        "-m",
        "tests.support.smtpd",
        "--log",
        f"{folder}/log",
        "--script",
        f"{folder}/script.json",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.terminate()


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def events(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "log").read_text().splitlines()]


async def test_it_logs_each_dot_and_each_250_with_message_id_and_date(tmp_path: Path) -> None:
    with server(tmp_path, {"rules": [{"at": "dot", "text": "554 no", "nth": 2}]}) as (_, port):
        feed = ListFeed(parcel(number, WITH_ID) for number in range(3))
        await carry(SmtpTransport(Relay(port=port, connections=1), "sender.example"), feed)
    assert [line["event"] for line in events(tmp_path)] == ["dot", "250", "dot", "dot", "250"]
    assert events(tmp_path)[0]["message_id"] == "<m1@vng.example>"
    assert events(tmp_path)[0]["date"] == "Wed, 18 Sep 2024 07:00:00 +0000"
    assert {line["recipient"] for line in events(tmp_path)} == {f"r{number}@example.nl" for number in range(3)}


async def test_it_kills_who_it_is_told_to_at_the_step_it_is_told_to(tmp_path: Path) -> None:
    victim = sleeper()
    (tmp_path / "pid").write_text(str(victim.pid))
    rule = {"at": "dot", "do": "kill", "nth": 3, "pid_file": str(tmp_path / "pid")}
    with server(tmp_path, {"rules": [rule]}) as (_, port):
        feed = ListFeed(parcel(number) for number in range(5))
        await carry(SmtpTransport(Relay(port=port, connections=1), "sender.example"), feed)
    assert victim.wait(10) == -signal.SIGKILL
    assert len(feed.accepted) == 5


async def test_on_sighup_it_reads_its_script_again_and_counts_anew(tmp_path: Path) -> None:
    with server(tmp_path, {}) as (process, port):
        for expected in (2, 1):
            feed = ListFeed(parcel(number) for number in range(2))
            await carry(SmtpTransport(Relay(port=port, connections=1), "sender.example"), feed)
            assert len(feed.accepted) == expected
            rules = {"rules": [{"at": "rcpt", "text": "550 5.1.1 no", "nth": 1}]}
            (tmp_path / "script.json").write_text(json.dumps(rules))
            before = len(events(tmp_path))
            os.kill(process.pid, signal.SIGHUP)
            await until(lambda before=before: {"event": "script"} in events(tmp_path)[before:])
